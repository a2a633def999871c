"""What every measure gives on degenerate input: a number by its definition, or NaN and why.

A row is an input, a cell an expected value worked by hand, or words of the reason why there is
none. Nothing here may score as a perfect match because nothing was there to be matched.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distilscope.analyses.alignment import undefined
from distilscope.analyses.alignment.pairs import Images, Prepared, Rules, measure_pair
from distilscope.analyses.outputs.output_rows import add_fidelity_rows, add_output_rows
from distilscope.measuring.observations import Outputs

from .expected import cells, check
from .made_entry import made_entry, made_study

N = 60
ENTRY = made_entry("m", references=[("t", "teacher")])
BALANCED = np.arange(N) % 4
NO_INTERVAL = "one image has no interval"


# ----------------------------------------------------------------------------- what models say


def repeated(*probabilities: float) -> np.ndarray:
    return np.tile(np.log(probabilities), (N, 1))


def wrong(margin: float) -> np.ndarray:
    logits = np.zeros((N, 4))
    logits[np.arange(N), (BALANCED + 1) % 4] = margin
    return logits


def tied() -> np.ndarray:
    """The label's logit and that of class 3 are both log 2, the others 0: where the label is 3, it
    is alone. The first of equal logits is the prediction, as of `torch.argmax`: always the label.
    """
    logits = np.zeros((N, 4))
    logits[np.arange(N), BALANCED] = logits[:, 3] = math.log(2)
    return logits


THIRD = math.log(3)
ALL_WRONG = 3 / 6  # margin log 3: three sixths for the prediction, one sixth for each other class
SAID = {  # input -> logits of the model, of its reference, and labels
    "constant": (repeated(0.7, 0.1, 0.1, 0.1), repeated(0.4, 0.3, 0.2, 0.1), BALANCED),
    "one-value": (np.zeros((N, 4)), np.zeros((N, 4)), BALANCED),
    "ties": (tied(), tied(), BALANCED),
    "one-image": (repeated(0.7, 0.1, 0.1, 0.1)[:1], repeated(0.4, 0.3, 0.2, 0.1)[:1], BALANCED[:1]),
    "one-class": (repeated(0.7, 0.1, 0.1, 0.1), repeated(0.4, 0.3, 0.2, 0.1), 0 * BALANCED),
    "all-wrong": (wrong(THIRD), wrong(2 * THIRD), BALANCED),
    "two-classes": (repeated(0.7, 0.3), repeated(0.6, 0.4), BALANCED % 2),
}

KL = 0.4 * math.log(4 / 7) + 0.3 * math.log(3) + 0.2 * math.log(2)
OUTPUTS: dict[str, dict[str, float | str]] = {
    "constant": {
        "accuracy": 0.25,
        "confidence": 0.7,
        "confidence_gap": 0.45,
        "nll": -(math.log(0.7) + 3 * math.log(0.1)) / 4,
        "brier": (0.12 + 3 * 1.32) / 4,
        "ece": 0.45,
        "ece_equal_mass": 0.45,
        "calibration_l2": math.sqrt(0.45**2 - 0.25 * 0.75 / 3),  # each bin: one of four is right
        "temperature": "not observed on held-out images",
        "ece_scaled": "not observed on held-out images",
        "agreement": "both models predict one class only",
        "agreement_chance": 0.25**2 + 0.75**2 / 3,
        "kappa": "both models predict one class only",
        "kl_teacher_student": KL,
        "logit_rho": 3 / math.sqrt(3 * 5),  # ranks 4 2 2 2 and 4 3 2 1
        "logit_rho_rest": "the logits of all classes but the reference's top one are equal",
    },
    # Uniform probabilities on balanced labels are calibrated, and say nothing of any image.
    "one-value": {
        "accuracy": 0.25,  # the first of equal logits
        "confidence": 0.25,
        "nll": math.log(4),
        "brier": 0.75,
        "ece": 0.0,
        "agreement": "all logits of a model are equal",
        "kappa": "both models predict one class only",
        "kl_teacher_student": 0.0,  # they are equal, and uniform
        "logit_rho": "all logits of a model are equal",
        "logit_rho_rest": "the logits of all classes but",
    },
    "ties": {
        "accuracy": 1.0,  # by the first of equal logits: read it beside the confidence
        "confidence": (3 * 2 / 6 + 2 / 5) / 4,
        "agreement": 1.0,  # the predictions are those of all four classes
        "kappa": 1.0,
        "logit_rho": 1.0,
    },
    "one-image": {
        "accuracy": 1.0,
        "ece": 0.3,
        "calibration_l2": "no bin holds two images",
        "agreement": "both models predict one class only",
        "kappa": "both models predict one class only",
        "kl_teacher_student": KL,
    },
    "one-class": {
        "accuracy": 1.0,  # the recall of that class
        "ece": 0.3,
        "agreement": "both models predict one class only",
        "agreement_chance": 1.0,
        "kappa": "both models predict one class only",
    },
    "all-wrong": {
        "accuracy": 0.0,
        "confidence_gap": ALL_WRONG,
        "ece": ALL_WRONG,
        "ece_equal_mass": ALL_WRONG,
        "calibration_l2": ALL_WRONG,
        "nll": math.log(6),
        "agreement": 1.0,  # they make the same mistakes, of four kinds
        "agreement_chance": 1 / 3,
        "kappa": 1.0,
        "logit_rho": 1.0,
        "logit_rho_rest": "the logits of all classes but the reference's top one are equal",
    },
    "two-classes": {"logit_rho_rest": "two classes have no order"},
}


@pytest.fixture(scope="module")
def said() -> dict[str, pd.DataFrame]:
    found = {}
    for name, (own, other, label) in SAID.items():
        model, reference = (
            Outputs(np.arange(len(label)), label, logits, Path("x")) for logits in (own, other)
        )
        outputs = {"m": model, "t": reference}
        study = made_study([ENTRY], len(label), own.shape[1], outputs)
        rows = study.rows
        add_output_rows(study, rows, ENTRY, 15)
        add_fidelity_rows(study, rows, ENTRY.compared[0])
        found[name] = rows.frame()
    return found


@pytest.mark.parametrize(("name", "measure", "expected"), cells(OUTPUTS))
def test_what_models_say(said, name, measure, expected):
    table = said[name]
    rows = table[(table["measure"] == measure) & (table["subset"] == "all")]
    (row,) = rows[rows["class"].isna()].to_dict("records")
    check(expected, row["value"], row["reason"])


def test_no_number_of_outputs_is_missing_without_a_reason(said):
    for table in said.values():
        missing = table[table["value"].isna() | (table["n_undefined"].fillna(0) > 0)]
        assert missing["reason"].notna().all()
        assert not (
            missing["reason"].eq("no image is in the subset") & missing["n_undefined"]
        ).any()


def test_a_number_of_one_image_has_no_interval_and_says_so(said):
    table = said["one-image"]
    rows = table[(table["n"] == 1) & table["value"].notna()]
    assert {"accuracy", "ece", "ece_equal_mass", "agreement_chance"} <= set(rows["measure"])
    assert rows["low"].isna().all()
    assert set(rows["reason"]) == {NO_INTERVAL}


# --------------------------------------------------------------------------- where models look

SIDE = 4
PLATEAU = np.r_[np.ones(8), np.zeros(8)]
"""Half of the pixels share the largest value: twenty per cent (3) of them are any three."""


def random_maps(images: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((images, 16)) + 0.1


MAPS = {  # input -> maps of the model and of its reference, labels, whether images count
    "zero": (np.zeros((N, 16)), np.zeros((N, 16)), BALANCED, True),
    "one-value": (np.full((N, 16), 0.3), np.full((N, 16), 0.7), BALANCED, True),
    "one-model-level": (np.full((N, 16), 0.3), random_maps(N, 1), BALANCED, True),
    "ties": (np.tile(PLATEAU, (N, 1)), np.tile(PLATEAU, (N, 1)), BALANCED, True),
    "constant": (np.tile(random_maps(1, 2), (N, 1)), random_maps(N, 3), BALANCED, True),
    "one-image": (random_maps(1, 4), random_maps(1, 4), BALANCED[:1], True),
    "one-class": (random_maps(N, 5), random_maps(N, 6), 0 * BALANCED, True),
    "all-wrong": (random_maps(N, 5), random_maps(N, 6), BALANCED, False),
}
DEAD = "the model's map is zero everywhere (60); the reference's map is zero everywhere (60)"
EQUAL = "the model's map is constant (60); the reference's map is constant (60)"
LEVEL = "60 undefined: the model's map is constant (60)"
TIED = "more pixels share the largest value than the top 20 % holds (60)"
ALIGNED: dict[str, dict[str, float | str]] = {
    "zero": dict.fromkeys(
        ("image_specific_rho", "rho", "iou20", "iou50", "mass_lift20", "cosine"), DEAD
    )
    | {"null_rho": DEAD, "null_cosine": DEAD, "null_other_rho": DEAD},
    "one-value": dict.fromkeys(
        ("image_specific_rho", "rho", "iou20", "iou50", "mass_lift20", "cosine"), EQUAL
    )
    | {"null_rho": EQUAL, "null_cosine": EQUAL, "published_rho": "constant"},
    "one-model-level": {
        "rho": LEVEL,
        "cosine": LEVEL,
        "iou20": LEVEL,
        "image_specific_rho": LEVEL,
        "mass_lift20": 1.0,  # spread evenly: what chance has
    },
    "ties": {
        "rho": 1.0,  # they are one map, and so are those of other images
        "null_rho": 1.0,
        "image_specific_rho": undefined.NOTHING_VARIES,
        "image_specific_share": 0.0,  # all is the class's
        "image_specific_rho_unit": undefined.NOTHING_OWN,
        "iou20": TIED,
        "mass_lift20": TIED,
        "null_iou20": TIED,
        "iou50": 1.0,  # exactly the eight
    },
    "constant": {
        "image_specific_rho": undefined.NOTHING_VARIES,
        "null_image_specific_rho": undefined.NOTHING_VARIES,
        "image_specific_rho_unit": undefined.NOTHING_OWN,
        "partial_image_specific_rho": undefined.NO_OBJECT,
    },
    "one-image": {
        "rho": 1.0,  # the same map
        "image_specific_rho": undefined.FEW_IN_SUBSET,
        "all_image_specific_share": undefined.FEW_IN_SUBSET,
        "image_specific_rho_unit": undefined.FEW_IN_CLASS,
        "null_rho": undefined.NOT_BOTH_IN_SUBSET,
        "null_other_rho": undefined.NO_OTHER_CLASS,
    },
    "one-class": {"null_other_rho": undefined.NO_OTHER_CLASS},
    "all-wrong": {
        "null_rho": undefined.NOT_BOTH_IN_SUBSET,
        "null_own_rho": undefined.NOT_BOTH_IN_SUBSET,
        "null_other_rho": undefined.NO_OTHER_CLASS,
        "null_own_image_specific_rho": undefined.NOT_BOTH_IN_SUBSET,
    },
}


@pytest.fixture(scope="module")
def looked() -> dict[str, dict[str, np.ndarray]]:
    found = {}
    for name, (own, other, label, counts) in MAPS.items():
        sides = [
            Prepared.of(values.reshape(-1, SIDE, SIDE), values.reshape(-1, SIDE, SIDE))
            for values in (own, other)
        ]
        member = np.full(len(label), counts)
        images = Images(np.arange(len(label)), label, label, label, member, member)
        rules = Rules(minimum_class=3)
        found[name] = measure_pair(*sides, images, rules, published=True, other_classes=True)
    return found


@pytest.mark.parametrize(("name", "measure", "expected"), cells(ALIGNED))
def test_where_models_look(looked, name, measure, expected):
    found = looked[name]
    missing = np.isnan(found[measure])
    reason = undefined.summarise(found["reason"][missing], measure)
    value = math.nan if missing.all() else float(np.nanmean(found[measure]))
    check(expected, value, reason)


@pytest.mark.parametrize("measure", ["image_specific_rho", "rho", "iou20", "cosine", "null_rho"])
def test_maps_of_a_single_cell_say_that_they_have_one(measure):
    """A classifier whose last block is 1x1: upsampling makes every map level."""
    cell = np.random.default_rng(0).random((N, 1, 1)) + 0.1
    model = Prepared.of(cell, np.broadcast_to(cell, (N, SIDE, SIDE)))
    maps = random_maps(N, 1).reshape(N, SIDE, SIDE)
    member = np.ones(N, bool)
    images = Images(np.arange(N), BALANCED, BALANCED, BALANCED, member, member)
    found = measure_pair(model, Prepared.of(maps, maps), images, Rules(), published=False)
    assert np.isnan(found[measure]).all()
    reason = undefined.summarise(found["reason"], measure)
    assert (
        reason == "60 undefined: the model's map has one cell (a 1x1 grid) and points nowhere (60)"
    )


@pytest.mark.parametrize("name", ["one-class", "all-wrong"])
def test_unrelated_maps_stay_near_chance_whatever_the_labels(looked, name):
    assert abs(np.nanmean(looked[name]["rho"])) < 0.15
