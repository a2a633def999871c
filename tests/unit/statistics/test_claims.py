"""Verdicts worked by hand."""

import importlib

import numpy as np
import pytest
from scipy import stats

from distilscope.configuration import claims, statements
from distilscope.planning.conditions import Condition
from distilscope.statistics.strata import strata
from distilscope.statistics.verdicts import decide, judge

from .made_values import (
    AGAINST_TWIN,
    BEST,
    CE,
    DIFFERENCE,
    DISTILLED,
    KD2,
    KD4,
    KD8,
    LABELS,
    THREE,
    claim_of,
    rows_of,
    twin_rows,
    values_of,
    verdict_of,
)

FAMILY = ("teacher-a", "teacher-b", "teacher-c")


def test_an_interval_above_delta_supports():
    found = verdict_of(claim_of(DIFFERENCE), THREE)
    assert found.verdict == "supported"
    assert found.ours == pytest.approx(0.025)
    assert (found.low, found.high) == pytest.approx((0.01258, 0.03742), abs=1e-5)
    assert (found.seeds, found.effect) == (3, pytest.approx(5.0))
    assert (found.p_exact, found.p_smallest) == (pytest.approx(0.25), 0.25)
    assert found.seeds_to_decide is None
    assert "Holds here" in found.why
    assert "For this teacher" in found.why


def test_an_interval_below_delta_contradicts_here_and_says_nothing_of_the_published_data():
    found = verdict_of(claim_of(DIFFERENCE, delta=0.05), THREE)
    assert found.verdict == "contradicted"
    assert "not hold here" in found.why
    assert "nothing of the published data" in found.why
    on_theirs = verdict_of(claim_of(DIFFERENCE, delta=0.05), THREE, published_data=True)
    assert on_theirs.verdict == "contradicted"
    assert "here" not in on_theirs.why


def test_an_interval_that_holds_delta_is_undetermined_with_the_seeds_that_would_decide():
    """(0.025 - 0.015) / 0.005 = 2 standard deviations: 5 seeds for 80 % (published tables)."""
    found = verdict_of(claim_of(DIFFERENCE, delta=0.015), THREE)
    assert found.verdict == "undetermined"
    assert found.seeds_to_decide == 5
    assert "about 5 seeds would decide in 80 % of studies, if the observed" in found.why


def test_more_claims_in_the_family_widen_the_interval():
    found = verdict_of(claim_of(DIFFERENCE), THREE, family=3)
    assert (found.low, found.high) == pytest.approx((0.00292, 0.04708), abs=1e-5)
    assert found.verdict == "undetermined"


def test_an_effect_in_the_other_direction_contradicts():
    assert verdict_of(claim_of(DIFFERENCE, direction="lower"), THREE).verdict == "contradicted"
    turned = {**DIFFERENCE, "first": CE, "second": KD4}
    found = verdict_of(claim_of(turned, direction="lower"), THREE)
    assert (found.verdict, found.ours) == ("supported", pytest.approx(0.025))


def test_one_seed_is_undetermined_with_the_value_and_without_an_interval():
    values = values_of(rows_of(KD4, [0.92]), rows_of(CE, [0.90]))
    found = verdict_of(claim_of(DIFFERENCE), values)
    assert found.verdict == "undetermined"
    assert found.why == "One seed: no interval over seeds."
    assert found.ours == pytest.approx(0.02)
    assert np.isnan([found.low, found.high, found.p, found.p_exact]).all()
    assert found.seeds_to_decide is None
    assert found.p_smallest == 1.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"first": KD2}, "no medium student under kd T=2 alpha=0.9"),
        ({"students": ["tiny"]}, "no tiny student"),
        ({"first": KD2, "students": "all"}, "no student under kd T=2"),
        ({"measure": "image_specific_rho"}, "image_specific_rho"),
    ],
)
def test_a_missing_term_is_not_tested_with_the_reason(changes, words):
    found = verdict_of(claim_of({**DIFFERENCE, **changes}), THREE)
    assert found.verdict == "not tested"
    assert words in found.why
    assert np.isnan(found.ours)
    assert found.seeds == 0


def test_a_seed_without_a_value_is_left_out_and_none_decides_nothing():
    with_gap = values_of(
        rows_of(KD4, [0.92, np.nan, 0.91, 0.915]), rows_of(CE, [0.90, 0.5, 0.88, 0.89])
    )
    found = verdict_of(claim_of(DIFFERENCE), with_gap)
    assert (found.seeds, found.ours) == (3, pytest.approx(0.025))
    empty = values_of(rows_of(KD4, [np.nan] * 3), rows_of(CE, LABELS))
    found = verdict_of(claim_of(DIFFERENCE), empty)
    assert (found.verdict, found.seeds) == ("undetermined", 0)
    assert "No seed has all terms" in found.why


def test_seeds_are_paired_by_number_and_not_by_position():
    later = [{**row, "seed": row["seed"] + 1} for row in rows_of(CE, [0.88, 0.89, 0.7])]
    values = values_of(rows_of(KD4, DISTILLED), later)
    found = verdict_of(claim_of(DIFFERENCE), values)
    assert (found.seeds, found.ours) == (2, pytest.approx((0.03 + 0.025) / 2))


def test_all_students_are_averaged_within_the_seed():
    values = values_of(
        rows_of(KD4, DISTILLED),
        rows_of(CE, LABELS),
        rows_of(KD4, [0.72, 0.71, 0.70], student="tiny"),
        rows_of(CE, [0.71, 0.70, 0.70], student="tiny"),
        rows_of(KD4, [0.1, 0.1, 0.1], student="small"),  # has no control: not among `all`
    )
    found = verdict_of(claim_of({**DIFFERENCE, "students": "all"}), values)
    assert found.ours == pytest.approx(np.mean([0.015, 0.02, 0.0125]))


def test_several_teachers_are_named_and_given_as_the_unit_beside_the_seeds():
    values = values_of(
        rows_of(KD4, [0.92, 0.91, 0.915, 0.93], teachers=FAMILY),
        rows_of(CE, [0.90, 0.88, 0.89, 0.91], teachers=FAMILY),
    )
    why = verdict_of(claim_of(DIFFERENCE), values).why
    assert "these 3 teachers" in why
    assert "0.013 to 0.037" in why  # means by teacher 0.020, 0.030, 0.025


def test_two_numbers_of_one_model_at_one_place_are_refused():
    with pytest.raises(ValueError, match=r"two numbers of model 'medium-kd-4-0.9"):
        values_of(rows_of(KD4, DISTILLED), rows_of(KD4, [0.5]))


def test_intervals_decide():
    assert decide(0.2, 0.4, 0.1) == "supported"
    assert decide(-0.4, 0.05, 0.1) == "contradicted"
    assert decide(0.05, 0.4, 0.1) == "undetermined"
    assert decide(np.nan, np.nan, 0.1) == "undetermined"


def test_q_is_benjamini_hochberg_over_the_tested_of_a_family():
    raw = claim_of(DIFFERENCE).model_dump()
    wanted = [
        {**raw, "id": "a"},
        {**raw, "id": "b", "delta": 0.015},
        {**raw, "id": "c", "statement": {**DIFFERENCE, "students": ["none"]}},
        {**raw, "id": "d", "family": "other"},
    ]
    file = claims.Claims.model_validate(
        {"study": "s", "source": "x", "dataset": "d", "claims": wanted}
    )
    found = judge(file, THREE, published_data=False)
    p = [found[0].p, found[1].p]
    assert found[0].q == pytest.approx(min(2 * p[0], p[1]))
    assert found[1].q == pytest.approx(p[1])
    assert np.isnan(found[2].q)
    assert found[3].q == pytest.approx(found[3].p)
    assert found[0].low < found[3].low  # the family of three has the wider intervals


def test_every_form_names_the_function_of_its_contrasts():
    for name, form in statements.forms().items():
        module, _, function = form.contrasts.partition(":")
        assert callable(getattr(importlib.import_module(module), function)), name


def test_pairs_of_several_teachers_count_once_in_each_direction():
    """Three teachers: three pairs, each measured both ways; the interval is over the members."""
    place = {"measure": "rho", "subset": "common"}
    likeness = {("a", "b"): 0.80, ("a", "c"): 0.84, ("b", "c"): 0.88}
    teacher = Condition("teacher", "teacher", objective="ce")
    likeness = {
        tuple(f"teacher-{name}" for name in pair): value for pair, value in likeness.items()
    }
    pairs = [
        {
            **twin_rows([value], **place)[0],
            **{"model": own, "condition": teacher, "seed": ord(own[-1]), "reference": other},
        }
        for pair, value in likeness.items()
        for own, other in (pair, pair[::-1])
    ]
    students = rows_of(KD4, [0.6, 0.61, 0.62, 0.6], teachers=FAMILY, **place)
    values = values_of(students, pairs)
    found = verdict_of(claim_of(AGAINST_TWIN), values)
    assert found.ours == pytest.approx(0.6075 - 0.84)
    # by hand: 3 * 0.84 - 2 * the pair without that member
    where = ("rho", "common", None)
    assert sorted(values.of_twins("teacher", where)) == pytest.approx([0.76, 0.84, 0.92])
    assert "set against the pairs of 3 trained alike" in found.why


def test_students_of_the_twin_are_an_arm_of_their_own():
    other = {**KD4, "taught_by": "twin"}
    twin_taught = rows_of(KD4, [0.70, 0.71, 0.72], role="twin-taught")
    statement = {"form": "paired-difference", "measure": "accuracy", "first": KD4, "second": other}
    values = values_of(rows_of(KD4, [0.80, 0.82, 0.84]), twin_taught)
    assert verdict_of(claim_of(statement), values).ours == pytest.approx(0.11)


MATCHED = {
    "form": "matched-difference",
    "measure": "image_specific_rho",
    "subset": "common",
    "students": ["medium", "tiny"],
    "first": KD4,
    "second": CE,
    "covariate": {"measure": "accuracy"},
}


def matched_values(effect, slope, noise=0.0, seeds=6):
    """rho follows accuracy with that slope in each student, and distillation adds the effect."""
    generator, parts = np.random.default_rng(2), []
    for student in ("medium", "tiny"):
        base = 0.8 + 0.02 * generator.standard_normal(seeds)
        for arm, gain in ((KD4, 0.01), (CE, 0.0)):
            accuracy = base + gain + 0.01 * generator.standard_normal(seeds)
            rho = 0.1 + slope * accuracy + (effect if arm is KD4 else 0.0)
            rho = rho + noise * generator.standard_normal(seeds)
            parts.append(rows_of(arm, accuracy, student=student))
            place = {"measure": "image_specific_rho", "subset": "common"}
            parts.append(rows_of(arm, rho, student=student, **place))
    return values_of(*parts)


def test_what_accuracy_explains_is_no_effect_at_equal_accuracy():
    """Plainly the arms differ by the slope times the gain in accuracy; matched by the effect."""
    plain = {key: value for key, value in MATCHED.items() if key != "covariate"}
    plain["form"] = "paired-difference"
    values = matched_values(effect=0.0, slope=2.0, noise=1e-3)
    assert verdict_of(claim_of(plain), values).ours > 0.01
    found = verdict_of(claim_of(MATCHED, delta=0.01), values)
    assert found.verdict == "contradicted"
    assert abs(found.ours) < 0.003
    found = verdict_of(claim_of(MATCHED, delta=0.01), matched_values(0.05, 2.0, noise=1e-3))
    assert found.verdict == "supported"
    assert found.ours == pytest.approx(0.05, abs=3e-3)


def test_the_matched_effect_is_that_of_the_regression_with_a_dummy_a_student():
    """An ordinary least squares of the differences; the jackknife's mean lies close to it."""
    values = matched_values(effect=0.03, slope=1.0, noise=0.01)
    arms = strata(values, [KD4, CE], ["medium", "tiny"])
    places = ("image_specific_rho", "common", None), ("accuracy", "all", None)
    y, x = ((arms.numbers(0, place) - arms.numbers(1, place)).ravel() for place in places)
    design = np.column_stack([x, np.tile([1, 0], 6), np.tile([0, 1], 6)])
    solved = np.linalg.lstsq(design, y, rcond=None)[0]
    found = verdict_of(claim_of(MATCHED), values)
    assert found.ours == pytest.approx(solved[1:].mean(), abs=0.01)
    assert found.low < solved[1:].mean() < found.high


def test_three_seeds_are_too_few_for_a_regression():
    found = verdict_of(claim_of(MATCHED), matched_values(0.05, 1.0, seeds=3))
    assert found.verdict == "not tested"
    assert found.why == "3 seeds: a regression over seeds needs 4."


def _cells(subset_values):
    """Rows of two measures for (student, arm) -> a pair of values by seed."""
    rows = []
    for (student, arm), (outputs, maps) in subset_values.items():
        for measure, values in (("logit_rho", outputs), ("part_rho", maps)):
            subset = "all" if measure == "logit_rho" else "common"
            rows += rows_of(dict(arm), values, measure=measure, subset=subset, student=student)
    return rows


def test_correlation_over_conditions_is_spearmans_over_those_there_are():
    kd, ce = tuple(KD4.items()), tuple(CE.items())
    found = {
        ("large", kd): ([0.9, 0.9, 0.9], [0.8, 0.7, 0.8]),  # the teacher's own network: no CE
        ("medium", kd): ([0.8, 0.8, 0.8], [0.6, 0.8, 0.6]),
        ("medium", ce): ([0.5, 0.5, 0.5], [0.5, 0.5, 0.3]),
        ("tiny", kd): ([0.6, 0.6, 0.6], [0.55, 0.4, 0.4]),
        ("tiny", ce): ([0.4, 0.4, 0.4], [0.1, 0.3, 0.35]),
    }
    statement = {
        "form": "condition-correlation",
        "arms": [KD4, CE],
        "first": {"measure": "logit_rho", "subset": "all"},
        "second": {"measure": "part_rho", "subset": "common"},
    }
    judged = verdict_of(claim_of(statement, delta=0.3), values_of(_cells(found)))
    means = np.array([np.mean(pair, axis=1) for pair in found.values()])
    assert judged.ours == pytest.approx(stats.spearmanr(*means.T).statistic)
    assert judged.seeds == 3
    few = {key: value for key, value in found.items() if key[0] == "tiny"}
    assert "needs 5" in verdict_of(claim_of(statement), values_of(_cells(few))).why


def test_each_contrast_of_best_of_has_the_seeds_that_its_own_two_arms_share():
    later = [{**row, "seed": row["seed"] + 2} for row in rows_of(KD8, [0.06, 0.06], measure="ece")]
    values = values_of(
        rows_of(KD2, [0.03, 0.03, 0.04, 0.04], measure="ece"),
        rows_of(KD4, [0.05, 0.05], measure="ece"),
        later,
    )
    found = verdict_of(claim_of(BEST, direction="lower"), values)
    assert (found.seeds, found.ours) == (2, pytest.approx(0.02))
