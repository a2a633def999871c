"""The numbers of a model beside a reference: overlap, fidelity, mutual information."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from distilscope.analyses.attention import information, overlap, published
from distilscope.analyses.attention.sets import (
    METHODS,
    NO_HEAD,
    OVERLAP,
    RESOLUTIONS,
    TEST,
    TOGETHER,
    Said,
    Sets,
    is_headline,
    together,
)
from distilscope.analyses.outputs import fidelity
from distilscope.measuring.entries import Compared
from distilscope.measuring.rows import Rows
from distilscope.statistics import bootstrap

BY_BATCH = ("overlap_batch", "overlap_batch_null")
EMPTY = "neither model attends to anything"
EMPTY_BATCH = "no model attends to anything in a batch"
ONE_IMAGE = "one image has no other to be shuffled with"
NO_ERROR = "no image is predicted wrongly by both"
PUBLISHED = {"published_mis": published.mis, "published_mi": published.mi}
PUBLISHED_COMBINED = "logits"
"""How the published study combines a committee for its measures."""


def add_pair(sets: Sets, rows: Rows, each: Compared) -> None:
    """Every number of a model beside a reference, on each set of images."""
    members = sets.entry(each.reference).teachers if _is_committee(sets, each) else ()
    for name in sets.names:
        add_overlaps(sets, rows, each, name, members or (each.reference,))
        model = sets.said(each.model.id, name)
        for how, reference in _references(sets, each, name, members):
            place = {"probe": name, "subset": "all", "combined": how}
            place["headline"] = is_headline(name) and how in (None, PUBLISHED_COMBINED)
            _add_fidelity(sets, rows, each, model, reference, place)
            _add_information(sets, rows, each, model, reference, place)


def _is_committee(sets: Sets, each: Compared) -> bool:
    return sets.entry(each.reference).role == "committee"


def _references(
    sets: Sets, each: Compared, name: str, members: tuple[str, ...]
) -> Iterator[tuple[str | None, Said]]:
    """A model as it is; a committee by the mean of its logits and of its probabilities."""
    if not members:
        yield None, sets.said(each.reference, name)
        return
    said = [sets.said(member, name) for member in members]
    for how in TOGETHER:
        yield how, together(said, how)


# ------------------------------------------------------------------------------------- overlap


def add_overlaps(
    sets: Sets, rows: Rows, each: Compared, name: str, references: tuple[str, ...]
) -> None:
    """Overlap with the attended regions of references: of several, the mean over them."""
    for method in METHODS:
        for resolution in RESOLUTIONS:
            place = {
                "probe": name,
                "subset": "all",
                "method": method,
                "resolution": resolution,
                "headline": is_headline(name, method, resolution),
            }
            found = [sets.overlaps(each.model.id, r, name, method, resolution) for r in references]
            add_overlap_rows(sets, rows, each, found, place, OVERLAP, BY_BATCH)


def add_overlap_rows(
    sets: Sets,
    rows: Rows,
    who: Any,
    found: list[tuple[np.ndarray, tuple[float, float]] | None],
    place: dict[str, Any],
    by_image: tuple[str, ...],
    by_batch: tuple[str, ...],
) -> None:
    """Rows of the mean over pairs of models, in both ways of averaging over images."""
    if any(one is None for one in found):
        for measure in (*by_image, *by_batch):
            rows.add(who, measure, np.nan, reason=NO_HEAD, **place)
        return
    columns = np.mean([one[0] for one in found], axis=0)
    study = sets.study
    means = bootstrap.means(columns, study.draw(len(columns)), study.level)
    reasons = [
        ONE_IMAGE if len(columns) == 1 and measure != by_image[0] else EMPTY if left_out else None
        for measure, left_out in zip(by_image, means.n_undefined, strict=True)
    ]
    rows.add_estimates(who, by_image, means, reasons, **place)
    values = np.mean([one[1] for one in found], axis=0)
    for measure, value in zip(by_batch, values, strict=True):
        why = None if np.isfinite(value) else EMPTY_BATCH if len(columns) > 1 else ONE_IMAGE
        rows.add(who, measure, value, n=len(columns), reason=why, **place)


# ------------------------------------------------------------------------------------ fidelity


def _add_fidelity(
    sets: Sets, rows: Rows, each: Compared, model: Said, reference: Said, place: dict[str, Any]
) -> None:
    alike = (model.prediction == reference.prediction).astype(np.float64)
    wrong = ~model.correct & ~reference.correct
    columns = {
        "fidelity": alike,
        "fidelity_errors": np.where(wrong, alike, np.nan),
        "kl_from_reference": fidelity.kl_teacher_student(model.logits, reference.logits),
        "kl_from_model": fidelity.kl_student_teacher(model.logits, reference.logits),
        "published_kl_times_10": published.divergence(model.logits, reference.logits),
    }
    study, values = sets.study, np.column_stack(list(columns.values()))
    found = bootstrap.means(values, study.draw(len(values)), study.level)
    reasons = [NO_ERROR if not n else None for n in found.n]
    rows.add_estimates(each, list(columns), found, reasons, **place)
    cut = overlap.batches(len(alike), sets.batch)
    value = np.mean([alike[part].mean() for part in cut])
    rows.add(each, "published_fidelity", value, n=len(alike), **place)


# ----------------------------------------------------------------------------------- information


def _add_information(
    sets: Sets, rows: Rows, each: Compared, model: Said, reference: Said, place: dict[str, Any]
) -> None:
    own, other = model.prediction, reference.prediction
    n = len(own)
    moved = sets.shuffles(n)
    found = information.information(own, other, moved)
    for measure, value in (
        ("mutual_information", found.plug_in),
        ("mutual_information_miller_madow", found.miller_madow),
        ("mutual_information_null", found.shuffled),
        ("mutual_information_corrected", found.corrected),
        ("mutual_information_normalised", found.normalised),
    ):
        why = None if np.isfinite(value) else information.UNDEFINED if n > 1 else ONE_IMAGE
        rows.add(each, measure, value, n=n, reason=why, **place)
    for measure, estimator in PUBLISHED.items():
        if measure == "published_mi" and not place["probe"].endswith(TEST):
            continue  # neighbours of every training image cost more than all else together
        rows.add(each, measure, estimator(own, other, sets.batch), n=n, **place)
        null = estimator(own, other[moved[0]], sets.batch) if moved else np.nan
        rows.add(each, f"{measure}_null", null, n=n, reason=None if moved else ONE_IMAGE, **place)
