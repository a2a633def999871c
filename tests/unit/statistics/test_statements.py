"""The forms of statements, worked by hand."""

import numpy as np
import pytest
from scipy import stats

from distilscope.planning.conditions import Condition

from .made_values import (
    AGAINST_TWIN,
    BEST,
    KD2,
    KD4,
    KD8,
    THREE,
    claim_of,
    rows_of,
    twin_rows,
    values_of,
    verdict_of,
)


def test_below_the_twin_counts_the_twins_own_spread():
    """Mean 0.6, sd 0.01, one twin: half = 4.3027 * 0.01 * sqrt(4/3) = 0.04968."""
    place = {"measure": "rho", "subset": "common"}
    values = values_of(rows_of(KD4, [0.59, 0.60, 0.61], **place), twin_rows([0.7], **place))
    found = verdict_of(claim_of(AGAINST_TWIN, direction="lower", delta=0.05), values)
    assert (found.low, found.high) == pytest.approx((0.05032, 0.14968), abs=1e-5)
    assert found.verdict == "supported"
    assert "For this teacher and 1 twin" in found.why
    assert found.p_smallest == pytest.approx(0.5)  # 2 / (3 + 1 over 1)


def test_without_a_twin_it_is_not_tested():
    values = values_of(rows_of(KD4, [0.59, 0.60], measure="rho", subset="common"))
    found = verdict_of(claim_of(AGAINST_TWIN), values)
    assert (found.verdict, found.why) == (
        "not tested",
        "The study has no twin of the teacher with rho.",
    )


def test_the_first_teacher_is_no_twin_and_a_further_teacher_is_one():
    place = {"measure": "rho", "subset": "common"}
    teacher = Condition("teacher", "teacher", objective="ce")
    first = [
        {**row, "model": "teacher-s1", "condition": teacher, "reference": None}
        for row in twin_rows([0.1], **place)
    ]
    further = [
        {**row, "model": "teacher-s2", "condition": teacher, "seed": 2}
        for row in twin_rows([0.8], **place)
    ]
    values = values_of(rows_of(KD4, [0.6, 0.61], **place), first, further)
    assert verdict_of(claim_of(AGAINST_TWIN), values).ours == pytest.approx(0.605 - 0.8)


def test_a_difference_to_a_constant():
    statement = {**AGAINST_TWIN, "form": "against-constant", "measure": "accuracy"}
    statement = {**statement, "subset": "all", "constant": 0.9}
    found = verdict_of(claim_of(statement), THREE)
    assert found.ours == pytest.approx(0.015)


COST = {
    "form": "relative-cost",
    "large": "medium",
    "small": "tiny",
    "arm": KD4,
    "first": {
        "measure": "image_specific_rho",
        "subset": "common",
        "chance": "null_image_specific_rho",
    },
    "second": {"measure": "accuracy", "chance": "classes"},
}


def test_relative_cost_by_hand():
    """ρ: (0.4 - 0.2) / (0.5 - 0) = 0.4 and 0.5; accuracy: (0.9 - 0.8) / (0.95 - 0.1) = 0.117647."""
    rho = {"measure": "image_specific_rho", "subset": "common"}
    null = {"measure": "null_image_specific_rho", "subset": "common"}
    values = values_of(
        rows_of(KD4, [0.4, 0.45], **rho),
        rows_of(KD4, [0.2, 0.2], **rho, student="tiny"),
        rows_of(KD4, [0.0, 0.0], **null),
        rows_of(KD4, [0.0, 0.0], **null, student="tiny"),
        twin_rows([0.5], **rho),
        twin_rows([0.0], **null),
        rows_of(KD4, [0.9, 0.9]),
        rows_of(KD4, [0.8, 0.8], student="tiny"),
        twin_rows([0.95], measure="accuracy"),
    )
    found = verdict_of(claim_of(COST), values)
    assert found.ours == pytest.approx((0.4 + 0.5) / 2 - 0.1 / 0.85)
    close = values_of(
        *(
            rows_of(KD4, [0.4, 0.4], **p, student=s)
            for p in (rho, null)
            for s in ("medium", "tiny")
        ),
        twin_rows([0.42], **rho),
        twin_rows([0.4], **null),
    )
    assert "above chance, and 0.05 is needed" in verdict_of(claim_of(COST), close).why


CLASSES = {
    "form": "class-correlation",
    "students": ["medium"],
    "arm": KD4,
    "first": {"measure": "accuracy"},
    "second": {"measure": "rho", "subset": "common", "relative_to": "twin"},
}


def test_correlation_over_classes_is_relative_to_the_twin_of_the_class():
    """ρ rises with accuracy, but less than the twin's does, so that relative to it ρ falls."""
    parts = []
    for number in range(6):
        where = {"measure": "rho", "subset": "common", "by_class": number}
        parts += [
            rows_of(KD4, [0.5 + 0.05 * number, 0.6 + 0.05 * number], by_class=number),
            rows_of(KD4, [0.3 + 0.02 * number, 0.3 + 0.021 * number], **where),
            twin_rows([0.4 + 0.04 * number], **where),
        ]
    found = verdict_of(
        claim_of(CLASSES, direction="lower", delta=0.3), values_of(*parts, classes=6)
    )
    assert found.ours == pytest.approx(1.0)
    plain = {**CLASSES, "second": {"measure": "rho", "subset": "common"}}
    found = verdict_of(claim_of(plain, direction="lower"), values_of(*parts, classes=6))
    assert found.ours == pytest.approx(-1.0)


def _sweep(two, four, eight):
    return values_of(
        rows_of(KD2, two, measure="ece"),
        rows_of(KD4, four, measure="ece"),
        rows_of(KD8, eight, measure="ece"),
    )


def test_best_of_holds_only_where_every_contrast_holds():
    best = claim_of(BEST, direction="lower", delta=0.005)
    both = _sweep([0.030, 0.031, 0.029], [0.050, 0.052, 0.049], [0.060, 0.060, 0.061])
    assert verdict_of(best, both).verdict == "supported"
    one = _sweep([0.030, 0.031, 0.029], [0.030, 0.045, 0.020], [0.060, 0.060, 0.061])
    found = verdict_of(best, one)
    assert found.verdict == "undetermined"
    assert found.ours == pytest.approx(np.mean([0.0, 0.014, -0.009]))


def test_best_of_is_contradicted_by_one_contrast_at_the_level_of_all():
    """The one contrast: mean 0, sd 0.001 of 3; its high at 0.05 / 2 is 6.2054 * 0.001 / sqrt 3."""
    best = claim_of(BEST, direction="lower", delta=0.005)
    values = _sweep([0.030, 0.030, 0.030], [0.029, 0.030, 0.031], [0.060, 0.090, 0.061])
    found = verdict_of(best, values)
    assert found.verdict == "contradicted"
    assert found.high == pytest.approx(6.2053 * 0.001 / np.sqrt(3), abs=1e-6)


def test_the_p_of_a_contradicted_best_of_claim_is_that_of_the_contrast_that_contradicts_it():
    """Of two contrasts one is nowhere near decided; p was its 0.58 though the other one falls short
    with differences -0.030, -0.031, -0.029: t = -0.035 / (0.001 / sqrt(3)), 2 degrees.
    """
    best = claim_of(BEST, direction="lower", delta=0.005)
    found = verdict_of(best, _sweep([0.060, 0.061, 0.059], [0.06, 0.08, 0.065], [0.03] * 3))
    assert found.verdict == "contradicted"
    alone = 2 * stats.t.sf(0.035 / (0.001 / 3**0.5), 2)
    assert found.p == pytest.approx(2 * alone)
    assert found.p_smallest == pytest.approx(2 * 0.25)
    assert found.p_exact == pytest.approx(2 * 0.25)


@pytest.mark.parametrize("level", [0.05, 0.01])
def test_a_best_of_claim_is_decided_exactly_where_its_p_is_at_most_alpha(level):
    generator, seen = np.random.default_rng(8), set()
    best = claim_of(BEST, direction="lower", delta=0.005, error_rate=level)
    for _ in range(200):
        arms = generator.normal(
            generator.choice([0.0, 0.01, 0.03, 0.06], 3)[:, None], 0.008, (3, 4)
        )
        found = verdict_of(best, _sweep(*arms))
        seen.add(found.verdict)
        assert (found.verdict != "undetermined") == (found.p <= level)
    assert seen == {"supported", "contradicted", "undetermined"}


def test_best_of_needs_every_condition():
    values = values_of(rows_of(KD4, [0.05], measure="ece"), rows_of(KD8, [0.06], measure="ece"))
    found = verdict_of(claim_of(BEST), values)
    assert found.verdict == "not tested"
    assert "T=2" in found.why
