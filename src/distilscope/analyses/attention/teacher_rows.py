"""How alike teachers attend: those of each student, and every pair of one kind of model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from distilscope.analyses.attention import overlap
from distilscope.analyses.attention.pair_rows import BY_BATCH, EMPTY_BATCH, add_overlap_rows
from distilscope.analyses.attention.sets import (
    METHODS,
    NO_HEAD,
    OVERLAP,
    RESOLUTIONS,
    TEST,
    Sets,
    is_headline,
    together,
)
from distilscope.measuring.entries import Entry
from distilscope.measuring.rows import Rows

OF_PAIRS = tuple(f"teachers_{name}" for name in OVERLAP)
OF_PAIRS_BY_BATCH = tuple(f"teachers_{name}" for name in BY_BATCH)
OVERLAP_OF_ALL, AREA, AGREEMENT = "teachers_overlap_together", "teachers_area", "teachers_agreement"
ONE = "it learned from one teacher"
PAIRS = (
    *("model", "reference", "role", "views", "reference_views", "kind", "method", "resolution"),
    *("overlap", "overlap_null", "overlap_specific", "overlap_batch", "overlap_batch_null"),
    *("area", "reference_area", "agreement", "accuracy", "committee_accuracy", "committee_gain"),
    *("committee_agreement", "reason"),
)
SEED, ALIKE, APART = "another seed", "same views", "other views"
"""Kinds of a pair: of one entry, of two entries under the same views, under others."""


# ------------------------------------------------------------------------------- of each student


def add_teachers(sets: Sets, rows: Rows, entry: Entry) -> None:
    """How alike the teachers of a student attend: means over their pairs, on each set."""
    for name, method, resolution in itertools.product(sets.names, METHODS, RESOLUTIONS):
        place = {"probe": name, "subset": "all", "method": method, "resolution": resolution}
        place["headline"] = is_headline(name, method, resolution)
        if len(entry.teachers) < 2:
            for measure in (*OF_PAIRS, *OF_PAIRS_BY_BATCH, OVERLAP_OF_ALL, AREA):
                rows.add(entry, measure, np.nan, reason=ONE, **place)
            continue
        found = [
            sets.overlaps(*pair, name, method, resolution)
            for pair in itertools.combinations(entry.teachers, 2)
        ]
        add_overlap_rows(sets, rows, entry, found, place, OF_PAIRS, OF_PAIRS_BY_BATCH)
        _add_together(sets, rows, entry, place)
    for name in sets.names:
        _add_agreement(sets, rows, entry, name)


def _add_together(sets: Sets, rows: Rows, entry: Entry, place: dict[str, Any]) -> None:
    """What all teachers attend to, over what any does; and how much each of them attends to."""
    where = (place["probe"], place["method"], place["resolution"])
    regions = [sets.regions(teacher, *where) for teacher in entry.teachers]
    if any(each is None for each in regions):
        for measure in (OVERLAP_OF_ALL, AREA):
            rows.add(entry, measure, np.nan, reason=NO_HEAD, **place)
        return
    n = len(regions[0])
    value = overlap.together(regions, sets.batch)
    why = None if np.isfinite(value) else EMPTY_BATCH
    rows.add(entry, OVERLAP_OF_ALL, value, n=n, reason=why, **place)
    rows.add(entry, AREA, np.mean([each.areas.mean() for each in regions]), n=n, **place)


def _add_agreement(sets: Sets, rows: Rows, entry: Entry, name: str) -> None:
    place = {"probe": name, "subset": "all", "headline": is_headline(name)}
    if len(entry.teachers) < 2:
        rows.add(entry, AGREEMENT, np.nan, reason=ONE, **place)
        return
    said = [sets.said(teacher, name).prediction for teacher in entry.teachers]
    alike = [(a == b).mean() for a, b in itertools.combinations(said, 2)]
    rows.add(entry, AGREEMENT, np.mean(alike), n=len(said[0]), **place)


# -------------------------------------------------------------------------------------- all pairs


def pairs_table(sets: Sets) -> pd.DataFrame:
    """A row for each pair of teachers, and of students on labels only, and kind of map: on the test
    images, with what both are worth as a committee by the mean of probabilities.
    """
    records = [
        {**said, **numbers}
        for first, second in _pairs(sets)
        for said in (_as_committee(sets, first, second),)
        for numbers in _overlaps_of(sets, first, second)
    ]
    return pd.DataFrame.from_records(records, columns=PAIRS)


def _pairs(sets: Sets) -> Iterator[tuple[Entry, Entry]]:
    entries = sets.study.entries
    for roles in (("teacher", "twin"), ("control",)):
        own = [entry for entry in entries if entry.role in roles]
        yield from itertools.combinations(own, 2)


def _as_committee(sets: Sets, first: Entry, second: Entry) -> dict[str, Any]:
    views = [sets.condition(entry).views for entry in (first, second)]
    same = first.network == second.network
    said = [sets.said(entry.id, TEST) for entry in (first, second)]
    both = together(said, "probabilities")
    accuracy = float(np.mean([each.correct.mean() for each in said]))
    return {
        "model": first.id,
        "reference": second.id,
        "role": "control" if first.role == "control" else "teacher",
        "views": views[0],
        "reference_views": views[1],
        "kind": SEED if same else ALIKE if views[0] == views[1] else APART,
        "agreement": float((said[0].prediction == said[1].prediction).mean()),
        "accuracy": accuracy,
        "committee_accuracy": float(both.correct.mean()),
        "committee_gain": float(both.correct.mean()) - accuracy,
        "committee_agreement": float(
            np.mean([(each.prediction == both.prediction).mean() for each in said])
        ),
    }


def _overlaps_of(sets: Sets, first: Entry, second: Entry) -> Iterator[dict[str, Any]]:
    for method, resolution in itertools.product(METHODS, RESOLUTIONS):
        place = {"method": method, "resolution": resolution}
        found = sets.overlaps(first.id, second.id, TEST, method, resolution)
        if found is None:
            yield {**place, **dict.fromkeys((*OVERLAP, *BY_BATCH), np.nan), "reason": NO_HEAD}
            continue
        areas = [
            float(sets.regions(entry.id, TEST, method, resolution).areas.mean())
            for entry in (first, second)
        ]
        means = [_mean(column) for column in found[0].T]
        yield {
            **place,
            **dict(zip((*OVERLAP, *BY_BATCH), (*means, *found[1]), strict=True)),
            "area": areas[0],
            "reference_area": areas[1],
            "reason": None,
        }


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan
