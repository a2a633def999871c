"""Measures over parts, against loops over images with scipy and hand-worked values."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from distilscope.analyses.alignment.undefined import MODEL_DEAD, REFERENCE_DEAD, concerns
from distilscope.analyses.parts import parts, undefined
from distilscope.analyses.parts.importances import IMPORTANCES
from distilscope.analyses.parts.parts import PartSums, part_ranks, part_rho
from distilscope.analyses.parts.parts_faithfulness import deciding_recall, logit_drops
from distilscope.analyses.parts.parts_focus import focus, top_parts
from distilscope.analyses.parts.parts_pair import PartRules, complete, measure_parts
from distilscope.catalog import UnknownName

PARTS = 5


def made_up(n=30, size=6, seed=0):
    """Signed maps and part maps; image 0 has no part, image 1 has two, image 2 one."""
    generator = np.random.default_rng(seed)
    maps = generator.standard_normal((n, size, size)).astype(np.float32)
    part_maps = np.random.default_rng(9).integers(0, PARTS + 1, (n, size, size), dtype=np.uint8)
    for row in range(3, n):
        part_maps[row][part_maps[row] == 1 + row % PARTS] = 0
    part_maps[0] = 0
    part_maps[1][part_maps[1] > 2] = 0
    part_maps[2][part_maps[2] > 1] = 0
    return maps, part_maps


@pytest.fixture
def pair():
    """Sums of two models' maps over the same parts."""
    (first, part_maps), (second, _) = made_up(), made_up(seed=1)
    return tuple(PartSums.of(maps, part_maps, PARTS) for maps in (first, second))


def by_hand(map_, part_map, variant):
    """A loop over parts in float64; None for a part that can't be seen."""
    map_ = map_.astype(np.float64)
    form = {"absolute": np.abs, "positive": lambda a: np.maximum(a, 0), "signed": lambda a: a}
    values = form[IMPORTANCES[variant].of](map_)
    found = []
    for part in range(1, PARTS + 1):
        inside = part_map == part
        if not inside.any():
            found.append(math.nan)
            continue
        number = math.fsum(values[inside])
        if IMPORTANCES[variant].per != "nothing":
            number /= math.fsum(values.ravel())
        if IMPORTANCES[variant].per == "area":
            number /= inside.sum() / inside.size
        found.append(number)
    return found


@pytest.mark.parametrize("variant", IMPORTANCES)
def test_importances_equal_a_loop_over_images_and_parts(variant):
    maps, part_maps = made_up()
    found = PartSums.of(maps, part_maps, PARTS).importance(variant)
    expected = [by_hand(m, p, variant) for m, p in zip(maps, part_maps, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-13)


def test_masses_of_all_parts_and_of_no_part_add_up_to_one():
    maps, part_maps = made_up()
    sums = PartSums.of(maps, part_maps + 1, PARTS + 1)  # the ground as a part
    np.testing.assert_allclose(np.nansum(sums.importance("mass_absolute"), axis=1), 1.0)


def test_the_density_of_a_level_map_is_one_on_every_part():
    _, part_maps = made_up()
    found = PartSums.of(np.full(part_maps.shape, 0.1), part_maps, PARTS).importance(
        "density_positive"
    )
    np.testing.assert_allclose(found[~np.isnan(found)], 1.0)
    assert np.isnan(part_rho(found, PartSums.of(*made_up(), PARTS).importance("mass_absolute")))[
        3:
    ].all()


def test_a_dead_map_has_no_importances_and_no_zeros():
    maps, part_maps = made_up()
    maps[3], maps[4] = 0, -1
    sums = PartSums.of(maps, part_maps, PARTS)
    assert np.isnan(sums.importance("mass_absolute")[3]).all()
    assert np.isnan(sums.importance("mass_positive")[4]).all()
    assert not np.isnan(sums.importance("mass_absolute")[4]).all()


@pytest.mark.parametrize(
    ("maps", "part_maps", "message"),
    [
        (np.zeros((1, 4, 4)), np.zeros((1, 8, 8), np.uint8), "upsample the maps"),
        (np.zeros((1, 2, 2)), np.full((1, 2, 2), 9, np.uint8), "holds the number 9 of 5 parts"),
        (np.full((1, 2, 2), np.nan), np.zeros((1, 2, 2), np.uint8), "not finite"),
    ],
)
def test_maps_that_do_not_fit_are_refused(maps, part_maps, message):
    with pytest.raises(ValueError, match=message):
        PartSums.of(maps, part_maps, PARTS)


def test_an_unknown_variant_is_refused_with_the_nearest(pair):
    with pytest.raises(UnknownName, match="mass_absolute"):
        pair[0].importance("mass_absolut")


# ---------------------------------------------------------------------------------- correlation


def with_gaps(n=60, seed=0, ties=True):
    generator = np.random.default_rng(seed)
    values = generator.standard_normal((n, 7))
    if ties:
        values = np.round(values, 0)
    values[generator.random(values.shape) < 0.3] = np.nan
    return values


@pytest.mark.parametrize("ties", [False, True])
def test_part_rho_equals_scipy_on_the_parts_that_both_have(ties):
    first, second = with_gaps(ties=ties), with_gaps(seed=1, ties=ties)
    found = part_rho(first, second)
    defined = 0
    for a, b, rho in zip(first, second, found, strict=True):
        both = ~(np.isnan(a) | np.isnan(b))
        a, b = a[both], b[both]
        if len(a) < 3 or len(set(a)) == 1 or len(set(b)) == 1:
            assert np.isnan(rho)
        else:
            defined += 1
            assert rho == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)
    assert defined > 30


def test_ranks_take_rounding_for_a_tie_and_share_it():
    rows = np.array([[0.3, 0.1 + 0.2, np.nan, 5.0], [1e-30, 2e-30, 3e-30, 3e-30]])
    expected = [[1.5, 1.5, np.nan, 3.0], [1.0, 2.0, 3.5, 3.5]]
    np.testing.assert_array_equal(part_ranks(rows), expected)


def test_part_rho_is_invariant_to_a_monotone_change_and_to_the_order_of_parts():
    first, second = with_gaps(ties=False), with_gaps(seed=1, ties=False)
    rho = part_rho(first, second)
    np.testing.assert_allclose(part_rho(np.exp(first), second), rho)
    order = np.random.default_rng(0).permutation(7)
    np.testing.assert_allclose(part_rho(first[:, order], second[:, order]), rho)
    np.testing.assert_allclose(part_rho(second, first), rho)


def test_the_null_of_part_rho_has_the_stated_spread():
    generator = np.random.default_rng(0)
    rho = part_rho(generator.random((4000, 6)), generator.random((4000, 6)))
    assert abs(rho.mean()) < 0.03
    assert rho.std() == pytest.approx(1 / math.sqrt(5), abs=0.02)


def test_the_shuffled_null_is_the_mean_over_the_images_that_stand_in():
    first, second = with_gaps(8, ties=False), with_gaps(8, seed=1, ties=False)
    table = np.array([[1, 2, 3, 0, 5, 6, 7, -1], [2, 3, 0, 1, 6, 7, 5, -1]])
    found = parts.shuffled_part_rho(first, second, table)
    for image in range(7):
        each = [part_rho(first[[image]], second[[row[image]]])[0] for row in table]
        expected = np.mean([rho for rho in each if not np.isnan(rho)] or [np.nan])
        assert found[image] == pytest.approx(expected, nan_ok=True)
    assert np.isnan(found[7])


# ---------------------------------------------------------------------------------------- focus


def test_the_top_parts_are_the_largest_and_of_equal_ones_the_first():
    importance = np.array([[0.1, np.nan, 0.5, 0.5, 0.2], [np.nan, 0.3, np.nan, np.nan, np.nan]])
    top = top_parts(importance, 2)
    assert top.tolist() == [[False, False, True, True, False], [False, True] + [False] * 3]
    assert top_parts(importance, 1)[0].tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("of", ["absolute", "positive"])
@pytest.mark.parametrize("within", ["image", "parts"])
def test_focus_equals_a_loop_over_pixels(of, within):
    maps, part_maps = made_up()
    reference = PartSums.of(*made_up(seed=1), PARTS)
    top = top_parts(reference.importance("mass_absolute"), 2)
    found = focus(PartSums.of(maps, part_maps, PARTS), top, of=of, within=within)
    for row in range(len(maps)):
        mass = np.abs(maps[row]) if of == "absolute" else np.maximum(maps[row], 0)
        counted = part_maps[row] > 0 if within == "parts" else np.ones((6, 6), bool)
        inside = np.isin(part_maps[row], [p + 1 for p in range(PARTS) if top[row, p]])
        if not inside.any() or (inside == counted).all():
            assert np.isnan([found.share[row], found.chance[row], found.odds[row]]).all()
            continue
        a = math.fsum(mass[inside].astype(np.float64))
        b = math.fsum(mass[counted & ~inside].astype(np.float64))
        assert found.share[row] == pytest.approx(a / (a + b))
        assert found.odds[row] == pytest.approx(a / b)
        assert found.chance[row] == pytest.approx(inside.sum() / counted.sum())


def test_a_level_map_has_the_focus_of_chance():
    _, part_maps = made_up()
    level = PartSums.of(np.full(part_maps.shape, 0.3), part_maps, PARTS)
    top = top_parts(PartSums.of(*made_up(seed=1), PARTS).importance("mass_absolute"), 3)
    found = focus(level, top)
    np.testing.assert_allclose(found.share, found.chance)


def test_odds_are_infinite_where_nothing_lies_outside():
    part_maps = np.array([[[1, 2], [3, 0]]] * 3, np.uint8)
    maps = np.array([[[1, 0], [0, 0]], [[3, 1], [0, 0]], [[1, 1], [1, 1]]], float)
    top = np.tile([True, False, False], (3, 1))
    found = focus(PartSums.of(maps, part_maps, 3), top)
    np.testing.assert_allclose(found.odds, [np.inf, 3.0, 1 / 3])


# -------------------------------------------------------------------------------------- the pair


def test_a_model_against_itself_has_rho_one_and_the_highest_focus(pair):
    own, other = (measure_parts(pair[0], each, PartRules(top=2)) for each in pair)
    assert np.nanmin(own["part_rho"]) == pytest.approx(1.0)
    both = ~np.isnan(own["focus"])
    assert (own["focus"][both] >= other["focus"][both] - 1e-12).all()
    assert (own["focus"][both] > other["focus"][both]).any()


def test_what_is_undefined_is_nan_with_its_reason(pair):
    found = measure_parts(*pair, PartRules(top=2))
    assert found["reason"][0] == undefined.NO_PART
    assert found["reason"][1] == f"{undefined.FEW_PARTS}; {undefined.NOTHING_LEFT}"
    assert np.isnan(found["part_rho"][:3]).all()
    assert np.isnan(found["focus_parts"][:3]).all()
    assert np.isnan(found["focus"][:3]).tolist() == [True, False, False]
    for measure in set(found) - {"reason"}:
        missing = np.isnan(found[measure])
        concerned = [
            any(concerns(c, measure, undefined.CONCERNS) for c in (r or "").split("; ") if c)
            for r in found["reason"]
        ]
        assert missing.tolist() == concerned


def test_dead_maps_and_large_completeness_gaps_are_nan_with_their_reasons():
    (maps, part_maps), (other, _) = made_up(), made_up(seed=1)
    maps[5] = 0
    model, reference = (PartSums.of(m, part_maps, PARTS) for m in (maps, other))
    gap = np.full(30, 0.01)
    gap[6], gap[7] = 0.06, np.nan
    reference_gap = np.zeros(30)
    reference_gap[8] = 1.0
    found = measure_parts(model, reference, PartRules(top=2), gap=gap, reference_gap=reference_gap)
    assert found["reason"][5] == MODEL_DEAD
    assert found["reason"][6] == found["reason"][7] == undefined.MODEL_INCOMPLETE
    assert found["reason"][8] == undefined.REFERENCE_INCOMPLETE
    assert found["reason"][9] is None
    for measure in ("part_rho", "focus", "focus_odds", "focus_parts"):
        assert np.isnan(found[measure][5:9]).all()
        assert not np.isnan(found[measure][9])


@pytest.mark.parametrize("variant", IMPORTANCES)
def test_a_dead_reference_has_no_top_parts_whatever_the_variant(variant):
    (maps, part_maps), (other, _) = made_up(), made_up(seed=1)
    other[5] = 0
    model, reference = (PartSums.of(m, part_maps, PARTS) for m in (maps, other))
    found = measure_parts(model, reference, PartRules(variant=variant, top=2))
    assert REFERENCE_DEAD in found["reason"][5]
    assert np.isnan([found[measure][5] for measure in set(found) - {"reason"}]).all()


def test_a_gap_counts_as_complete_up_to_the_limit():
    gaps = np.array([0.0, 0.05, 0.0501, np.nan, np.inf])
    assert complete(gaps, 0.05).tolist() == [True, True, False, False, False]


def test_sums_over_other_part_maps_are_refused(pair):
    maps, part_maps = made_up()
    other = PartSums.of(maps, part_maps.transpose(0, 2, 1)[::-1], PARTS)
    with pytest.raises(ValueError, match="different part maps"):
        measure_parts(pair[0], other, PartRules())


# --------------------------------------------------------------------------------- faithfulness


def test_logit_drops_are_what_the_explained_class_loses():
    generator = np.random.default_rng(0)
    logits, without = generator.random((4, 3)), generator.random((4, 5, 3))
    without[1, 2] = np.nan
    classes = np.array([2, 0, 1, 1])
    found = logit_drops(logits, without, classes)
    for n, p in itertools.product(range(4), range(5)):
        expected = logits[n, classes[n]] - without[n, p, classes[n]]
        assert found[n, p] == pytest.approx(expected, nan_ok=True)
    assert np.isnan(found[1, 2])


@pytest.mark.parametrize(
    ("shape", "classes"),
    [((4, 5, 2), [0, 0, 0, 0]), ((4, 5, 3), [0, 0]), ((4, 5, 3), [0, 0, 0, 3])],
)
def test_drops_of_shapes_or_classes_that_do_not_fit_are_refused(shape, classes):
    with pytest.raises(ValueError, match=r"expected|outside"):
        logit_drops(np.zeros((4, 3)), np.zeros(shape), np.array(classes))


def test_signed_sums_of_a_linear_model_are_faithful_to_removal():
    """F(x) = w x with black for removed pixels: input times gradient adds up to the very drops."""
    generator = np.random.default_rng(0)
    weights, images = generator.standard_normal((6, 6)), generator.random((30, 6, 6))
    _, part_maps = made_up()
    drops = np.full((30, PARTS), np.nan)
    for n, p in itertools.product(range(30), range(PARTS)):
        gone = part_maps[n] == p + 1
        if gone.any():
            drops[n, p] = (weights * images[n]).sum() - (weights * images[n])[~gone].sum()
    sums = PartSums.of(weights * images, part_maps, PARTS)
    np.testing.assert_allclose(sums.importance("sum_signed"), drops, atol=1e-12)
    np.testing.assert_allclose(part_rho(sums.importance("sum_signed"), drops)[3:], 1.0)
    assert np.nanmean(part_rho(sums.importance("mass_absolute"), drops)) < 0.7


def test_recall_of_deciding_parts_equals_its_mean_over_broken_ties():
    values = np.array(
        [[3.0, 2.0, 2.0, np.nan, 2.0], [1.0, 5.0, np.nan, 4.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0]]
    )
    deciding = np.zeros((3, 5), bool)
    deciding[0, [0, 2]] = deciding[1, [0, 1]] = deciding[2, [3, 4]] = True
    recall, chance = deciding_recall(values, deciding)
    for n in range(3):
        seen = [p for p in range(5) if not np.isnan(values[n, p])]
        scores = []
        for order in itertools.permutations(seen):
            best = sorted(order, key=lambda p, n=n: -values[n, p])[:2]
            scores.append(np.mean([p in best for p in np.flatnonzero(deciding[n])]))
        assert recall[n] == pytest.approx(np.mean(scores))
        assert chance[n] == pytest.approx(2 / len(seen))


def test_recall_without_a_seen_deciding_part_or_with_no_other_is_nan():
    values = np.array([[np.nan, 1.0, 2.0], [1.0, 2.0, np.nan]])
    deciding = np.array([[True, False, False], [True, True, False]])
    assert np.isnan(deciding_recall(values, deciding)).all()
