import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from distilscope import store
from distilscope.analyses.alignment import image_specific, image_specific_unit, maps, objects
from distilscope.analyses.alignment.image_specific import image_specific_rho
from distilscope.statistics import bootstrap

from .image_specific_by_hand import by_hand, mean_apart, spearman_of_all_pairs
from .made_models import MODELS
from .made_study import MadeStudy

SIDE = 8


def _made(seed=0, images=60, classes=3, share=0.5):
    """Maps after a ReLU, with ties, of two models that share a place and some of their noise."""
    draw = np.random.default_rng(seed)
    label = np.arange(images) % classes
    place, common = draw.standard_normal((classes, SIDE, SIDE)), draw.random((images, SIDE, SIDE))
    sides = [
        np.maximum(place[label] + share * common + draw.standard_normal(common.shape), 0).round(1)
        for _ in range(2)
    ]
    return (*sides, label)


def _skewed(draw, label, share=0.0, common=None):
    """Maps that go to a second place of the class on a fifth of the images, and after a ReLU."""
    grid = np.arange(SIDE)
    there = draw.random(len(label)) < 0.2
    row, column = 1.5 + 4 * (label % 2), np.where(there, 6.0, 1.0)
    blob = np.exp(-0.5 * ((grid[:, None] - row[:, None, None]) ** 2))
    blob = blob * np.exp(-0.5 * ((grid[None, :] - column[:, None, None]) ** 2))
    noise = draw.standard_normal(blob.shape)
    if common is not None:
        noise = np.sqrt(share) * common + np.sqrt(1 - share) * noise
    return np.maximum(3 * blob + 0.3 * noise - 0.4, 0)


def _unit(a, b, label):
    ranks = [maps.average_ranks(side.reshape(len(label), -1)) for side in (a, b)]
    usable = (ranks[0].std(axis=1) > 0) & (ranks[1].std(axis=1) > 0)
    fold = image_specific_unit.fold_of(np.arange(len(label)), 5, 0)
    residuals = [
        image_specific_unit.class_mean_residuals(side, label, fold, usable, 10) for side in ranks
    ]
    return np.nanmean(image_specific_unit.image_specific_rho_unit(*residuals))


# ------------------------------------------------------------------------------------ the null


def _near_constant(draw, label):
    """One pixel, in four of five images the same one of the class."""
    place = np.where(
        draw.random(len(label)) < 0.8, 7 * label, draw.integers(0, SIDE**2, len(label))
    )
    return (np.arange(SIDE**2) == place[:, None]).astype(float)


@pytest.mark.parametrize(("make", "older"), [(_skewed, 0.02), (_near_constant, 0.3)])
def test_independent_models_with_skewed_classes_score_zero(make, older):
    draw, label = np.random.default_rng(8), np.arange(6000) % 2
    a, b = make(draw, label), make(draw, label)
    assert abs(image_specific_rho(a, b, label).value) < 0.01
    assert _unit(a, b, label) > older  # the form that it replaces


def test_a_planted_pair_in_skewed_classes_does_not_score_zero():
    draw, label = np.random.default_rng(5), np.arange(1000) % 2
    common = draw.standard_normal((len(label), SIDE, SIDE))
    found = image_specific_rho(*(_skewed(draw, label, 0.3, common) for _ in range(2)), label)
    resamples = bootstrap.Resamples.draw(len(label), 200)
    assert bootstrap.means(found.contributions[:, None], resamples).low[0] > 0.02


def test_the_mean_over_all_ways_to_hand_out_the_other_models_maps_is_exactly_zero():
    a, b, label = _made(images=8, classes=2)
    rows = [np.flatnonzero(label == c) for c in (0, 1)]
    values = []
    for first, second in itertools.product(*(itertools.permutations(r) for r in rows)):
        order = np.empty(8, int)
        order[rows[0]], order[rows[1]] = first, second
        values.append(image_specific_rho(a, b[order], label).value)
    assert len(values) == 24**2
    assert np.mean(values) == pytest.approx(0, abs=1e-12)
    assert np.std(values) > 0.02


def test_equal_maps_score_one_and_reversed_ones_minus_one():
    a, _, label = _made()
    for sign, other in ((1, 3 * a + 1), (-1, -a)):
        found = image_specific_rho(a, other, label)
        np.testing.assert_allclose(found.contributions, sign, atol=1e-12)


# ------------------------------------------------------------------------------- the same digits


def test_a_stranger_s_forty_lines_give_the_same_digits():
    a, b, label = _made(images=57)
    a[[3, 10]], b[20] = 0.0, 2.0  # flat
    label[50:] = np.arange(7) + 3  # classes of one image
    found = image_specific_rho(a, b, label)
    value, of_class, n = by_hand(a, b, label)
    assert found.value == pytest.approx(value, abs=1e-12)
    assert np.isfinite(found.contributions).sum() == n == 47
    for number, (own, share, other) in of_class.items():
        rows = label == number
        columns = found.contributions, found.share, found.reference_share
        means = [np.nanmean(column[rows]) for column in columns]
        assert means == pytest.approx([own, share, other], abs=1e-12)


def test_a_stranger_gets_the_digits_of_the_tables_from_the_stored_maps(tmp_path):
    made = MadeStudy(tmp_path, MODELS, images=120, subset=8, gram_batch=20).write()
    made.compare_all().measure()
    logits = {
        m.id: np.stack(pd.read_parquet(made.observation(m.id) / "test/logits.parquet")["logits"])
        for m in MODELS
    }
    teacher = logits["teacher-s1"].argmax(1)
    right = (teacher == made.labels) & (logits["teacher-s2"].argmax(1) == made.labels)
    sides = []
    for name, layer in (("finer-s1", "block3"), ("teacher-s1", "layer4")):
        table = pd.read_parquet(made.observation(name) / "test/saliency.gradcam.parquet")
        table = table[table["layer"] == layer].set_index(["index", "class"])["map"]
        stored = [table[key] for key in zip(made.index[right], teacher[right], strict=True)]
        side = int(len(stored[0]) ** 0.5)
        grids = torch.tensor(np.array(stored, np.float64)).clamp(min=0).reshape(-1, 1, side, side)
        big = functional.interpolate(grids, size=(16, 16), mode="bilinear", align_corners=False)
        sides.append(big.numpy())
    value, of_class, n = by_hand(*sides, made.labels[right], minimum=10)
    rows = made.table("measures")
    rows = rows[(rows["model"] == "finer-s1") & (rows["resolution"] == "input")]
    rows = rows[(rows["layer"] == "block3") & (rows["explained"] == "reference")]
    rows = rows[(rows["subset"] == "common") & (rows["method"] == "gradcam")]
    rows = rows.set_index("measure")
    whole = rows[rows["class"].isna()].loc["image_specific_rho"]
    assert whole["n"] == n
    assert whole["value"] == pytest.approx(value, abs=1e-7)  # stored as float32
    own = rows[rows["class"] == 2]
    found = own.loc[
        ["image_specific_rho", "image_specific_share", "reference_image_specific_share"], "value"
    ]
    assert list(found) == pytest.approx(list(of_class[2]), abs=1e-7)
    assert abs(own.loc["null_image_specific_rho", "value"]) < 0.1


def test_raw_rho_is_its_null_plus_what_is_the_images_own():
    a, b, label = _made(images=40, classes=1)
    rho = spearman_of_all_pairs(a.reshape(40, -1), b.reshape(40, -1))
    found = image_specific_rho(a, b, label)
    own = found.value * np.sqrt(found.share.mean() * found.reference_share.mean())
    assert np.trace(rho) / 40 == pytest.approx(mean_apart(rho) + own, abs=1e-12)


# -------------------------------------------------------------------------------- contributions


def test_a_class_alone_has_the_value_that_it_has_among_others():
    a, b, label = _made()
    whole = image_specific_rho(a, b, label)
    for number in range(3):
        rows = label == number
        alone = image_specific_rho(a[rows], b[rows], label[rows])
        np.testing.assert_allclose(whole.contributions[rows], alone.contributions, atol=1e-12)
    assert whole.value == pytest.approx(whole.contributions.mean())


def test_the_spread_of_contributions_is_that_of_the_jackknife():
    a, b, label = _made(images=80, classes=1)
    found = image_specific_rho(a, b, label)
    keep = ~np.eye(80, dtype=bool)
    left_out = np.array([image_specific_rho(a[k], b[k], label[k]).value for k in keep])
    expected = np.sqrt(79 / 80 * ((left_out - left_out.mean()) ** 2).sum())
    bootstrapped = found.contributions.std() / np.sqrt(80)
    assert bootstrapped == pytest.approx(expected, rel=0.05)


def test_flat_maps_and_small_classes_are_undefined_and_in_no_mean():
    a, b, label = _made()
    flat = a.copy()
    flat[[0, 4]] = 7.0
    found = image_specific_rho(flat, b, label)
    assert np.isnan(found.contributions[[0, 4]]).all() and not found.few[[0, 4]].any()
    rest = np.setdiff1d(np.arange(60), [0, 4])
    alone = image_specific_rho(a[rest], b[rest], label[rest])
    np.testing.assert_allclose(found.contributions[rest], alone.contributions, atol=1e-12)
    found = image_specific_rho(a, b, label, minimum=21)
    assert np.isnan(found.value) and found.few.all()


def test_maps_that_never_change_have_no_value_but_a_share_of_zero():
    a, b, label = _made()
    found = image_specific_rho(np.tile(a[:1], (60, 1, 1)), b, label)
    assert np.isnan(found.value)
    np.testing.assert_allclose(found.share, 0, atol=1e-12)
    assert found.reference_share.mean() > 0.1


def test_shapes_that_do_not_fit_are_refused():
    a, b, label = _made()
    for wrong in ((a, b[:, :4], label), (a[:9], b, label), (a, b, label[:9])):
        with pytest.raises(ValueError, match="expected the same images, pixels and one class"):
            image_specific_rho(*wrong)


# ---------------------------------------------------------------------------- place and extent


def _objects(images=150, seed=0, same=False):
    """Masks of a rectangle that moves, and maps of its halves or of the same quarter of it."""
    draw = np.random.default_rng(seed)
    corner = draw.integers(2, 15, (images, 2))
    grid = np.arange(28)
    rows, columns = ((grid >= c[:, None]) & (grid < c[:, None] + 12) for c in corner.T)
    part = np.array([0.25, 0.75])[draw.integers(0, 2, (images, 2))]
    sides = []
    for half in (0.25, 0.75):
        place = part if same else np.column_stack([np.full(images, 0.5), np.full(images, half)])
        centre = corner + 12 * place - 0.5
        blob = [np.exp(-(((grid - c[:, None]) / 3) ** 2) / 2) for c in centre.T]
        noise = 0.05 * draw.standard_normal((images, 28, 28))
        sides.append(blob[0][:, :, None] * blob[1][:, None, :] + noise)
    return rows[:, :, None] & columns[:, None, :], *sides


def test_following_an_object_is_taken_out_and_looking_at_the_same_part_of_it_is_not():
    one = np.zeros(150, int)
    masks, left, right = _objects()
    place = objects.with_products(objects.place_and_extent(masks))
    assert image_specific_rho(left, right, one).value > 0.08
    assert abs(image_specific_rho(left, right, one, place).value) < 0.03
    masks, first, second = _objects(same=True)
    place = objects.with_products(objects.place_and_extent(masks))
    assert image_specific_rho(first, second, one, place).value > 0.2


def test_what_is_regressed_out_is_what_least_squares_leaves():
    a, b, label = _made(images=60, classes=1)
    covariates = np.random.default_rng(1).standard_normal((60, 3))
    covariates = np.column_stack([covariates, covariates[:, 0] * 2 + 1, np.full(60, 5.0)])
    found = image_specific_rho(a, b, label, covariates)
    design = np.column_stack([np.ones(60), covariates[:, :3]])
    left = []
    for side in (a, b):
        unit = maps.unit_rows(maps.average_ranks(side.reshape(60, -1)))
        left.append(unit - design @ np.linalg.lstsq(design, unit, rcond=None)[0])
    expected = (left[0] * left[1]).sum() / np.sqrt((left[0] ** 2).sum() * (left[1] ** 2).sum())
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert found.share.mean() == pytest.approx((left[0] ** 2).sum() / 56, abs=1e-12)


def test_place_and_extent_of_a_rectangle():
    masks = np.zeros((2, 10, 12), bool)
    masks[0, 2:6, 3:6] = True
    found = objects.place_and_extent(masks)
    expected = [3.5, 4.0, np.std([2, 3, 4, 5]), np.std([3, 4, 5])]
    np.testing.assert_allclose(found[0], expected)
    assert np.isnan(found[1]).all()  # no object
    products = objects.with_products(np.array([[1.0, 2.0], [3.0, 6.0]]))
    np.testing.assert_allclose(products, [[1, 2, 1, 2, 4], [3, 6, 1, 2, 4]])
    assert np.isnan(objects.with_products(found[1:])).all()  # and without a warning


@pytest.mark.parametrize("few", [image_specific.PER_COLUMN * 4 - 1, image_specific.PER_COLUMN * 4])
def test_a_class_needs_three_images_for_each_column_that_is_regressed_on(few):
    a, b, label = _made(images=few, classes=1)
    found = image_specific_rho(a, b, label, np.random.default_rng(0).standard_normal((few, 3)))
    assert found.few.all() == (few < 12)
    assert np.isnan(found.value) == (few < 12)


def test_the_object_is_the_foreground_or_the_parts(tmp_path):
    made = MadeStudy(tmp_path, MODELS[:2], images=40, subset=8, gram_batch=10)
    made.pictures[:] = 0
    made.pictures[:, 1, 3:9, 4:8] = 9
    made.write()
    job = made.compare_job("teacher-s2")
    masks = objects.KINDS["foreground"](job, "test", made.index[5:9])
    assert masks.shape == (4, 16, 16) and masks.sum() == 4 * 6 * 4
    assert masks[:, 3:9, 4:8].all()
    found = store.read_tensors(made.dataset / "images.safetensors", ["test.indices"])
    assert found["test.indices"][0] == made.index[-1]  # the file has another order
