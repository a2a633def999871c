"""Rows about what models say: accuracy, calibration, and fidelity to a reference."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from distilscope.analyses.outputs import calibration, fidelity
from distilscope.analyses.outputs.calibration import Confidences
from distilscope.measuring.entries import Compared, Entry
from distilscope.measuring.observations import UNLABELLED, Outputs
from distilscope.measuring.rows import Rows, by_class
from distilscope.measuring.study import HELD_OUT, Study
from distilscope.statistics import bootstrap
from distilscope.statistics.bootstrap import Resamples

SILENT = "all logits of a model are equal: it predicts no class"
LEVEL_REST = "the logits of all classes but the reference's top one are equal"
NO_REST = "two classes have no order once the reference's top one is left out"
FEW_IN_BINS = "no bin holds two images"
NOT_HELD_OUT = "the model was not observed on held-out images"
NO_MINIMUM = "the NLL has no minimum in T: the search ended at its bound"
ONE_CLASS = "the data have one class"
UNEQUAL = "items have different numbers of choices: `reasoning` gives what is expected by task"
ONE_SAID = "both models predict one class only"
OF_LABELS = (
    *("accuracy", "confidence_gap", "nll", "brier", "ece", "ece_equal_mass", "calibration_l2"),
    *("ece_noise_floor", "ece_noise_floor.q95", "ece_scaled", "nll_scaled"),
)
"""What can't be measured of a model on images without labels."""


def add_output_rows(study: Study, rows: Rows, entry: Entry, bins: int) -> None:
    """Accuracy and calibration of one model on all images of the probe."""
    outputs, held_out = study.outputs[entry.id], study.held_out.get(entry.id)
    if not outputs.labelled:
        _add_unlabelled(study, rows, entry, outputs)
        return
    data = Confidences.of(outputs.logits, outputs.label)
    columns = {
        "accuracy": data.correct,
        "confidence": data.confidence,
        "confidence_gap": data.confidence - data.correct,
        "nll": calibration.nll(outputs.logits, outputs.label),
        "brier": calibration.brier(outputs.logits, outputs.label),
    }
    _add_means(study, rows, entry, columns, study.resamples, subset="all")
    _add_classes(study, rows, entry, data.correct, outputs.label)
    _add_binned(study, rows, entry, data, outputs, bins)
    _add_held_out(study, rows, entry, outputs, held_out, bins)


def _add_classes(
    study: Study, rows: Rows, entry: Entry, correct: np.ndarray, label: np.ndarray
) -> None:
    """The accuracy on each class."""
    images, everything = by_class(label), np.arange(len(label))
    found = bootstrap.means_by_group(
        correct[:, None], list(images.values()), everything, study.resamples, study.level
    )
    for number, estimates in zip(images, found, strict=True):
        rows.add_estimates(entry, ["accuracy"], estimates, subset="all", **{"class": number})


def _add_unlabelled(study: Study, rows: Rows, entry: Entry, outputs: Outputs) -> None:
    """What needs no label, and of the rest why it isn't there."""
    confidence = {"confidence": outputs.confidence}
    _add_means(study, rows, entry, confidence, study.resamples, subset="all")
    for measure in OF_LABELS:
        rows.add(entry, measure, np.nan, n=len(outputs.label), reason=UNLABELLED, subset="all")


def _add_means(
    study: Study,
    rows: Rows,
    entry: Entry | Compared,
    columns: Mapping[str, np.ndarray],
    resamples: Resamples,
    causes: Mapping[str, str] | None = None,
    **place,
) -> None:
    """`causes` says why images have no value, by column."""
    values = np.column_stack(list(columns.values()))
    found = bootstrap.means(values, resamples, study.level)
    reasons = [
        f"{left_out} undefined: {causes[name]} ({left_out})" if left_out else None
        for name, left_out in zip(columns, found.n_undefined, strict=True)
    ]
    rows.add_estimates(entry, list(columns), found, reasons, **place)


def _add_binned(
    study: Study, rows: Rows, entry: Entry, data: Confidences, outputs: Outputs, bins: int
) -> None:
    """Calibration errors over bins, and what a perfectly calibrated model would show."""
    n = len(outputs.label)
    partitions = {
        "ece": calibration.equal_width_bins(data.confidence, bins),
        "ece_equal_mass": calibration.equal_mass_bins(data.confidence, bins),
    }
    for measure, assigned in partitions.items():
        rows.add(entry, measure, **_binned_error(study, data, assigned, bins), subset="all")
    value = calibration.debiased_l2(data, bins)
    reason = None if np.isfinite(value) else FEW_IN_BINS
    rows.add(entry, "calibration_l2", value, n=n, reason=reason, subset="all")
    floor = calibration.noise_floor(data.confidence, bins, seed=study.seed)
    for measure, value in zip(("ece_noise_floor", "ece_noise_floor.q95"), floor, strict=True):
        rows.add(entry, measure, value, n=n, subset="all")


def _binned_error(
    study: Study, data: Confidences, assigned: np.ndarray, bins: int
) -> dict[str, float]:
    """An ECE and its interval, the bins being those of the sample; one image has no interval."""
    n, value = len(assigned), calibration.binned_error(data, assigned, bins)
    if n < 2:
        return {"value": value, "n": n}
    sums = study.resamples.sums(calibration.gaps_by_bin(data, assigned, bins))
    replicates = np.abs(sums).sum(axis=0) / n
    low, high = bootstrap.recentred_interval(replicates, value, study.level)
    return {"value": value, "low": low, "high": high, "n": n}


def _add_held_out(
    study: Study,
    rows: Rows,
    entry: Entry,
    outputs: Outputs,
    held_out: Outputs | None,
    bins: int,
) -> None:
    """Accuracy on held-out images, and calibration after a temperature fitted on them."""
    place = {"probe": HELD_OUT, "subset": "all", "headline": False}
    if held_out is None:
        rows.add(entry, "temperature", np.nan, reason=NOT_HELD_OUT, **place)
        for measure in ("ece_scaled", "nll_scaled"):
            rows.add(entry, measure, np.nan, reason=NOT_HELD_OUT, subset="all")
        return
    n = len(held_out.label)
    correct = {"accuracy": held_out.correct.astype(np.float64)}
    _add_means(study, rows, entry, correct, study.draw(n), **place)
    temperature = calibration.fit_temperature(held_out.logits, held_out.label)
    reason = NO_MINIMUM if calibration.at_bound(temperature) else None
    rows.add(entry, "temperature", temperature, n=n, reason=reason, **place)
    _add_scaled(study, rows, entry, outputs, temperature, bins)


def _add_scaled(
    study: Study, rows: Rows, entry: Entry, outputs: Outputs, temperature: float, bins: int
) -> None:
    """ECE and NLL of the logits divided by a temperature."""
    logits = outputs.logits.astype(np.float64) / temperature
    data = Confidences.of(logits, outputs.label)
    assigned = calibration.equal_width_bins(data.confidence, bins)
    rows.add(entry, "ece_scaled", **_binned_error(study, data, assigned, bins), subset="all")
    nll = {"nll_scaled": calibration.nll(logits, outputs.label)}
    _add_means(study, rows, entry, nll, study.resamples, subset="all")


def add_fidelity_rows(study: Study, rows: Rows, each: Compared) -> None:
    """How far the model says what its reference says."""
    model, reference = study.outputs[each.model.id], study.outputs[each.reference]
    resamples = study.resamples
    pair = model.logits, reference.logits
    agreed = fidelity.agreement(*pair)
    columns = {
        "agreement": agreed,
        "kl_teacher_student": fidelity.kl_teacher_student(*pair),
        "kl_student_teacher": fidelity.kl_student_teacher(*pair),
        "js": fidelity.js(*pair),
        "logit_rho": fidelity.logit_rho(*pair),
        "logit_rho_rest": fidelity.logit_rho_rest(*pair),
    }
    rest = LEVEL_REST if model.logits.shape[1] > 2 else NO_REST
    silent = fidelity.silent(model.logits) | fidelity.silent(reference.logits)
    alike = SILENT if silent.any() else ONE_SAID
    causes = {"agreement": alike, "logit_rho": SILENT, "logit_rho_rest": rest}
    _add_means(study, rows, each, columns, resamples, causes, subset="all")
    if not model.labelled:
        _add_chance(study, rows, each, model, reference)
        return
    wrong = np.flatnonzero(~reference.correct)
    among_errors = {"agreement": agreed[wrong]}
    subset = resamples.subset(wrong)
    _add_means(study, rows, each, among_errors, subset, causes, subset="reference-wrong")
    _add_chance(study, rows, each, model, reference)


def _add_chance(
    study: Study, rows: Rows, each: Compared, model: Outputs, reference: Outputs
) -> None:
    """Agreement by chance and Cohen's kappa, from sums over images and over resamples."""
    classes, n = model.logits.shape[1], len(model.label)
    one_hot = np.eye(classes)
    values = np.column_stack(
        [
            model.prediction == reference.prediction,
            model.correct,
            reference.correct,
            one_hot[model.prediction],
            one_hot[reference.prediction],
        ]
    )
    place = {"subset": "all", "n": n}
    replicates = study.resamples.sums(values) / n
    shares = values.mean(axis=0)[:, None]
    for measure, statistic, why in (
        ("agreement_chance", _chance, ONE_CLASS),
        ("kappa", _kappa, ONE_SAID),
    ):
        value = statistic(shares, classes)[0]
        low, high = np.nan, np.nan
        if np.isfinite(value) and n > 1:
            low, high = bootstrap.interval(statistic(replicates, classes), study.level)
        if measure == "agreement_chance" and not model.labelled:
            value, low, high, why = np.nan, np.nan, np.nan, UNLABELLED
        elif measure == "agreement_chance" and np.isneginf(reference.logits).any():
            value, low, high, why = np.nan, np.nan, np.nan, UNEQUAL
        reason = None if np.isfinite(value) else why
        rows.add(each, measure, value, low=low, high=high, reason=reason, **place)


def _chance(shares: np.ndarray, classes: int) -> np.ndarray:
    return np.broadcast_to(
        fidelity.chance_agreement(shares[1], shares[2], classes), shares[1].shape
    )


def _kappa(shares: np.ndarray, classes: int) -> np.ndarray:
    own, other = shares[3 : 3 + classes], shares[3 + classes :]
    return fidelity.kappa(shares[0], own.T, other.T)
