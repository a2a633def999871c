"""Claims about models as they are: given, compressed, under perturbed inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from distilscope import catalog
from distilscope.configuration import claims
from distilscope.planning.conditions import Condition
from distilscope.statistics.over_images import OverImages
from distilscope.statistics.values import UNITS, Values
from distilscope.statistics.verdicts import judge

CONDITIONS = {
    "big": Condition("teacher", "big", "given"),
    "shipped": Condition("student", "shipped", "given"),
    "tiny-ce": Condition("control", "tiny", "trained", "ce"),
    "shipped-prune0.5": Condition(
        "compressed", "shipped", "compressed", parameters=(("prune", 0.5),)
    ),
    "big-int8-static": Condition(
        "compressed", "big", "compressed", parameters=(("quantise", "int8-static"),)
    ),
    "big-mirrored": Condition("stand-in", "big", "perturbed", parameters=(("flip", "mirrored"),)),
}
TEACHER, ORIGINAL = {"reference": "big", "relation": "teacher"}, {"relation": "original"}
ALONE = {"reference": None, "relation": None}


def row(model, measure, value, half, **place):
    numbers = {"value": value, "low": value - half, "high": value + half, "interval": "images"}
    return {"model": model, "measure": measure, "subset": "all", "class": None, **numbers, **place}


ROWS = [
    row("shipped", "agreement", 0.93, 0.02, **TEACHER),
    row("tiny-ce", "agreement", 0.93, 0.02, **TEACHER),
    row("shipped-prune0.5", "agreement", 0.70, 0.05, **TEACHER),
    row("shipped-prune0.5", "agreement", 0.99, 0.01, reference="shipped", **ORIGINAL),
    row("shipped-prune0.5", "changed", 0.01, 0.01, reference="shipped", **ORIGINAL),
    row("big-int8-static", "agreement", 0.98, 0.01, reference="big", **ORIGINAL),
    row("big-mirrored", "agreement", 0.90, 0.01, reference="big", relation="stand-in"),
    {**row("shipped", "nll", 1.0, math.nan, **ALONE), "interval": None},
]


def verdict(arm, constant, measure="agreement", direction="higher", families=1, conditions=None):
    conditions = conditions or CONDITIONS
    statement = {
        "form": "against-constant",
        "measure": measure,
        "arm": arm,
        "constant": constant,
    }
    base = {"source": "s", "family": "f", "direction": direction, "delta": 0.0}
    every = [
        {"id": f"c{i}", "sentence": "x", "statement": statement, **base} for i in range(families)
    ]
    file = claims.parse({"study": "s", "source": "s", "dataset": "d", "claims": every})
    models = {name: (name, 0) for name in conditions}
    values = Values.of(ROWS, models, conditions, 10, level=0.95)
    return judge(file, values, published_data=False)[0]


def test_a_given_model_is_judged_over_images():
    found = verdict({"network": "shipped"}, 0.9)
    assert (found.low, found.ours, found.high) == pytest.approx((0.01, 0.03, 0.05))
    assert found.verdict == "supported" and "over test images, for this model as it is" in found.why
    assert verdict({"network": "shipped"}, 0.92).verdict == "undetermined"
    assert verdict({"network": "shipped"}, 0.96).verdict == "contradicted"
    assert verdict({"network": "shipped"}, 0.96, direction="lower").verdict == "supported"


def test_what_is_left_open_is_not_said_to_want_seeds():
    assert "seed" not in verdict({"network": "shipped"}, 0.92).why


def test_a_model_that_was_trained_here_once_still_wants_seeds():
    found = verdict({"network": "tiny"}, 0.9)
    assert found.verdict == "undetermined" and "no interval over seeds" in found.why


def test_compressed_models_and_stand_ins_are_named_by_what_was_done():
    arm = {"role": "compressed", "network": "big", "quantise": "int8-static"}
    assert verdict(arm, 0.95).verdict == "supported"
    assert verdict({"role": "stand-in"}, 0.95).verdict == "contradicted"


def test_a_compressed_student_is_read_against_its_teacher_and_else_its_original():
    arm = {"role": "compressed", "network": "shipped", "prune": 0.5}
    assert verdict(arm, 0.5).ours == pytest.approx(0.2)
    assert verdict(arm, 0.05, "changed", "lower").ours == pytest.approx(0.04)


def test_a_measure_without_an_interval_decides_nothing_and_says_why():
    found = verdict({"network": "shipped"}, 0.5, "nll")
    assert found.verdict == "undetermined" and "no interval over images" in found.why


def test_a_family_of_claims_has_wider_intervals():
    alone, one_of_ten = (verdict({"network": "shipped"}, 0.9, families=n) for n in (1, 10))
    ratio = stats.norm.isf(0.0025) / stats.norm.isf(0.025)
    assert one_of_ten.ours - one_of_ten.low == pytest.approx(ratio * (alone.ours - alone.low))


@pytest.mark.parametrize("delta", [0.0, 0.38, 0.39, 0.5, 0.69, 0.72])
def test_p_is_below_the_error_rate_exactly_where_the_interval_leaves_delta_out(delta):
    made = OverImages(np.array([0.5]), low=0.4, high=0.7, level=0.95)
    for error_rate in (0.01, 0.05, 0.2):
        low, high = made.interval(error_rate)
        assert (made.p(delta) < error_rate) == (delta < low or delta > high)
    assert made.interval(0.05) == pytest.approx((0.4, 0.7))
    assert made.negated.interval(0.05) == pytest.approx((-0.7, -0.4))


def test_intervals_over_the_examples_of_every_modality_are_read():
    assert set(UNITS) == {modality.unit for modality in catalog.MODALITIES.values()}
