"""Rows about what models say: accuracy, calibration, and fidelity to a reference."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from distilscope.analyses.outputs import calibration, fidelity
from distilscope.analyses.outputs.calibration import Confidences
from distilscope.measuring.observations import Outputs
from distilscope.measuring.study_rows import Entry, Rows
from distilscope.statistics import bootstrap
from distilscope.statistics.bootstrap import Resamples

HELD_OUT = "held-out"
SILENT = "all logits of a model are equal: it predicts no class"
LEVEL_REST = "the logits of all classes but the reference's top one are equal"
NO_REST = "two classes have no order once the reference's top one is left out"
FEW_IN_BINS = "no bin holds two images"
ONE_CLASS = "the data have one class"
ONE_SAID = "both models predict one class only"


def add_output_rows(rows: Rows, entry: Entry, outputs: Outputs, held_out: Outputs | None) -> None:
    """Accuracy and calibration of one model on all images of the probe."""
    study = rows.study
    data = Confidences.of(outputs.logits, outputs.label)
    columns = {
        "accuracy": data.correct,
        "confidence": data.confidence,
        "confidence_gap": data.confidence - data.correct,
        "nll": calibration.nll(outputs.logits, outputs.label),
        "brier": calibration.brier(outputs.logits, outputs.label),
    }
    _add_means(rows, entry, columns, study.resamples, subset="all")
    for number in range(study.classes):
        chosen = np.flatnonzero(outputs.label == number)
        part = {"accuracy": data.correct[chosen]}
        resamples = study.resamples.subset(chosen)
        _add_means(rows, entry, part, resamples, subset="all", **{"class": number})
    _add_binned(rows, entry, data, outputs)
    _add_held_out(rows, entry, outputs, held_out)


def _add_means(
    rows: Rows,
    entry: Entry,
    columns: Mapping[str, np.ndarray],
    resamples: Resamples,
    causes: Mapping[str, str] | None = None,
    **place,
) -> None:
    """`causes` says why images have no value, by column."""
    values = np.column_stack(list(columns.values()))
    found = bootstrap.means(values, resamples, rows.study.level)
    reasons = [
        f"{left_out} undefined: {causes[name]} ({left_out})" if left_out else None
        for name, left_out in zip(columns, found.n_undefined, strict=True)
    ]
    rows.add_estimates(entry, list(columns), found, reasons, **place)


def _add_binned(rows: Rows, entry: Entry, data: Confidences, outputs: Outputs) -> None:
    """Calibration errors over bins, and what a perfectly calibrated model would show."""
    bins, n = rows.study.bins, len(outputs.label)
    partitions = {
        "ece": calibration.equal_width_bins(data.confidence, bins),
        "ece_equal_mass": calibration.equal_mass_bins(data.confidence, bins),
    }
    for measure, assigned in partitions.items():
        low, high = _binned_interval(data, assigned, rows)
        value = calibration.binned_error(data, assigned, bins)
        rows.add(entry, measure, value, low=low, high=high, n=n, subset="all")
    value = calibration.debiased_l2(data, bins)
    reason = None if np.isfinite(value) else FEW_IN_BINS
    rows.add(entry, "calibration_l2", value, n=n, reason=reason, subset="all")
    floor = calibration.noise_floor(data.confidence, bins, seed=rows.study.seed)
    for measure, value in zip(("ece_noise_floor", "ece_noise_floor.q95"), floor, strict=True):
        rows.add(entry, measure, value, n=n, subset="all")


def _binned_interval(data: Confidences, assigned: np.ndarray, rows: Rows) -> tuple[float, float]:
    """An ECE's interval, the bins being those of the sample; one image has none."""
    study = rows.study
    if len(assigned) < 2:
        return np.nan, np.nan
    sums = study.resamples.sums(calibration.gaps_by_bin(data, assigned, study.bins))
    replicates = np.abs(sums).sum(axis=0) / len(assigned)
    value = calibration.binned_error(data, assigned, study.bins)
    return bootstrap.recentred_interval(replicates, value, study.level)


def _add_held_out(rows: Rows, entry: Entry, outputs: Outputs, held_out: Outputs | None) -> None:
    """Accuracy on held-out images, and calibration after a temperature fitted on them."""
    scaled = ("ece_scaled", "nll_scaled")
    if held_out is None:
        why = "the model was not observed on held-out images"
        rows.add(entry, "temperature", np.nan, probe=HELD_OUT, subset="all", reason=why)
        for measure in scaled:
            rows.add(entry, measure, np.nan, subset="all", reason=why)
        return
    correct = {"accuracy": held_out.correct.astype(np.float64)}
    resamples = rows.study.draw(len(held_out.label))
    _add_means(rows, entry, correct, resamples, probe=HELD_OUT, subset="all")
    temperature = calibration.fit_temperature(held_out.logits, held_out.label)
    n = len(held_out.label)
    why = "the NLL has no minimum in T: the search ended at its bound"
    reason = why if calibration.at_bound(temperature) else None
    rows.add(entry, "temperature", temperature, n=n, reason=reason, probe=HELD_OUT, subset="all")
    logits = outputs.logits.astype(np.float64) / temperature
    data = Confidences.of(logits, outputs.label)
    assigned = calibration.equal_width_bins(data.confidence, rows.study.bins)
    value = calibration.binned_error(data, assigned, rows.study.bins)
    low, high = _binned_interval(data, assigned, rows)
    rows.add(entry, "ece_scaled", value, low=low, high=high, n=len(assigned), subset="all")
    nll = {"nll_scaled": calibration.nll(logits, outputs.label)}
    _add_means(rows, entry, nll, rows.study.resamples, subset="all")


def add_fidelity_rows(rows: Rows, entry: Entry, model: Outputs, reference: Outputs) -> None:
    """How far the model says what its reference says."""
    resamples, place = rows.study.resamples, {"reference": entry.reference}
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
    _add_means(rows, entry, columns, resamples, causes, subset="all", **place)
    wrong = np.flatnonzero(~reference.correct)
    among_errors = {"agreement": agreed[wrong]}
    subset = resamples.subset(wrong)
    _add_means(rows, entry, among_errors, subset, causes, subset="reference-wrong", **place)
    _add_chance(rows, entry, model, reference)


def _add_chance(rows: Rows, entry: Entry, model: Outputs, reference: Outputs) -> None:
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
    place = {"reference": entry.reference, "subset": "all", "n": n}
    replicates = rows.study.resamples.sums(values) / n
    shares = values.mean(axis=0)[:, None]
    for measure, statistic, why in (
        ("agreement_chance", _chance, ONE_CLASS),
        ("kappa", _kappa, ONE_SAID),
    ):
        value = statistic(shares, classes)[0]
        low, high = np.nan, np.nan
        if np.isfinite(value) and n > 1:
            low, high = bootstrap.interval(statistic(replicates, classes), rows.study.level)
        reason = None if np.isfinite(value) else why
        rows.add(entry, measure, value, low=low, high=high, reason=reason, **place)


def _chance(shares: np.ndarray, classes: int) -> np.ndarray:
    return np.broadcast_to(
        fidelity.chance_agreement(shares[1], shares[2], classes), shares[1].shape
    )


def _kappa(shares: np.ndarray, classes: int) -> np.ndarray:
    own, other = shares[3 : 3 + classes], shares[3 + classes :]
    return fidelity.kappa(shares[0], own.T, other.T)
