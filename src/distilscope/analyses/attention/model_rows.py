"""The numbers of one model: how far it overfits, how sure it is, how wide it attends."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from distilscope import store
from distilscope.analyses.attention import published
from distilscope.analyses.attention.sets import (
    METHODS,
    NO_HEAD,
    RESOLUTIONS,
    TEST,
    TRAIN,
    Sets,
    is_headline,
)
from distilscope.measuring.entries import Entry
from distilscope.measuring.rows import Rows
from distilscope.statistics import bootstrap

UNTRAINED = "it was not trained here"
NOT_DRAWN = "its own training views are not among `analyses.attention.views`"
EMPTY = "the map of an image does not vary"


def add_model(sets: Sets, rows: Rows, entry: Entry) -> None:
    """Every number of a model alone."""
    for name in sets.names:
        said = sets.said(entry.id, name)
        place = {"probe": name, "subset": "all", "headline": is_headline(name)}
        probabilities = special.softmax(said.logits.astype(np.float64), axis=1)
        entropies = special.entr(probabilities).sum(axis=1)
        _add_means(sets, rows, entry, "prediction_entropy", entropies, place)
        error = published.calibration_error(said.logits, said.label)
        rows.add(entry, "published_ece", error, n=len(said.label), **place)
        _add_areas(sets, rows, entry, name)
    _add_gaps(sets, rows, entry)
    _add_affinity(sets, rows, entry)


def _add_means(
    sets: Sets, rows: Rows, entry: Entry, measure: str, values: np.ndarray, place: dict[str, Any]
) -> None:
    study = sets.study
    found = bootstrap.means(values[:, None], study.draw(len(values)), study.level)
    rows.add_estimates(entry, (measure,), found, **place)


def _add_areas(sets: Sets, rows: Rows, entry: Entry, name: str) -> None:
    """The share of an image that a model attends to."""
    for method in METHODS:
        for resolution in RESOLUTIONS:
            found = sets.regions(entry.id, name, method, resolution)
            place = {"probe": name, "subset": "all", "method": method, "resolution": resolution}
            place["headline"] = is_headline(name, method, resolution)
            if found is None:
                rows.add(entry, "attention_area", np.nan, reason=NO_HEAD, **place)
            else:
                _add_means(sets, rows, entry, "attention_area", found.areas, place)


# ----------------------------------------------------------------------------------- overfitting


def _add_gaps(sets: Sets, rows: Rows, entry: Entry) -> None:
    """Accuracy on training images less that on test images: both as they are, both under the views
    that the model learned from, and as published.
    """
    plain = {"probe": TEST, "subset": "all"}
    rows.add(entry, "overfitting_gap", accuracy(sets, entry.id, TRAIN, TEST), **plain)
    own = sets.view_of(sets.condition(entry))
    for view in sets.views:
        gap = accuracy(sets, entry.id, f"{view}-{TRAIN}", f"{view}-{TEST}")
        place = {"probe": f"{view}-{TEST}", "subset": "all", "headline": False}
        rows.add(entry, "overfitting_gap", gap, **place)
    both = np.nan if own is None else accuracy(sets, entry.id, f"{own}-{TRAIN}", f"{own}-{TEST}")
    why = NOT_DRAWN if own is None else None
    rows.add(entry, "overfitting_gap_own_views", both, reason=why, **plain)
    last, why = _last_train_accuracy(entry)
    said = sets.said(entry.id, TEST)
    rows.add(entry, "published_gap", last - said.correct.mean(), reason=why, **plain)


def accuracy(sets: Sets, model: str, train: str, test: str) -> float:
    """Accuracy on one set less that on another."""
    return float(sets.said(model, train).correct.mean() - sets.said(model, test).correct.mean())


def _last_train_accuracy(entry: Entry) -> tuple[float, str | None]:
    """Of the last epoch, on the training inputs of that epoch as they were seen."""
    path = entry.folder / "history.parquet"
    if not path.exists():
        return np.nan, UNTRAINED
    history = store.read_table(path)
    if not len(history):
        return np.nan, UNTRAINED
    return float(history["train_accuracy"].iloc[-1]), None


def _add_affinity(sets: Sets, rows: Rows, entry: Entry) -> None:
    """Accuracy on augmented test images over that on those of the base view, or as they are."""
    base = TEST if sets.base is None else f"{sets.base}-{TEST}"
    below = sets.said(entry.id, base).correct.mean()
    for view in sets.views:
        own = sets.said(entry.id, f"{view}-{TEST}").correct.mean()
        place = {"probe": f"{view}-{TEST}", "subset": "all", "headline": False}
        why = None if below > 0 else "no image of the base is predicted rightly"
        rows.add(entry, "affinity", own / below if below > 0 else np.nan, reason=why, **place)
