"""The numbers of alignment: rows of `measures.parquet`, and tables of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from distilscope import catalog
from distilscope.analyses.alignment import maps
from distilscope.analyses.alignment.alignment_rows import Pair, add_alignment_rows, read_pairs
from distilscope.analyses.alignment.covariation import covariation_table
from distilscope.analyses.alignment.divergent import divergent_table
from distilscope.analyses.alignment.pairs import Rules
from distilscope.analyses.alignment.trivial import add_trivial_rows
from distilscope.measuring import observations
from distilscope.measuring.entries import Compared, Entry, first_with_reference
from distilscope.measuring.rows import Rows
from distilscope.measuring.study import Study
from distilscope.observing.completeness import TOLERATED_GAP


def measure(study: Study, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """`divergent`: images that look different; `maps`: how many maps of a model say nothing.

    Settings: those of `pairs.Rules`; `divergent`, how many images a model are listed; `method`,
    whose maps stand for all; `trivial`, false where the data have no stored images that edges
    could be found in.
    """
    rules, method = Rules.of(settings), settings["method"]
    pairs = {
        (each.model.id, each.reference): read_pairs(each, study, rules.top, method)
        for each in study.compared
        if each.has("images.parquet")
    }
    compared = [each for each in study.compared if (each.model.id, each.reference) in pairs]

    def of_comparison(rows: Rows, each: Compared) -> None:
        twins = [pairs[twin.model.id, twin.reference] for twin in study.twins(each)]
        own = pairs[each.model.id, each.reference]
        add_alignment_rows(study, rows, each, own, twins)

    def of_trivial_maps(rows: Rows, beside: tuple[Entry, Pair]) -> None:
        add_trivial_rows(study, rows, beside[0], [beside[1]], rules)

    study.rows.add_each(of_comparison, compared)
    if settings.get("trivial", True):
        study.rows.add_each(of_trivial_maps, list(_with_references(study, compared, pairs)))
    pool(study, pairs)
    return {
        "divergent": divergent_table(study, pairs, settings["divergent"]),
        "maps": _map_counts(study, method, rules.top),
    }


def conclude(
    study: Study, settings: Mapping[str, Any], measures: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """`covariation`: whether models that say what their teacher says also look where it looks."""
    return {"covariation": covariation_table(study, measures)}


def _with_references(
    study: Study, compared: Sequence[Compared], pairs: Mapping[tuple[str, str], Sequence[Pair]]
) -> list[tuple[Entry, Pair]]:
    """Each reference with each pair of the first model that is compared with it."""
    found = []
    for entry in study.entries:
        first = first_with_reference(compared, entry.id)
        if first is not None:
            found += [(entry, pair) for pair in pairs[first.model.id, entry.id]]
    return found


def pool(study: Study, pairs: Mapping[tuple[str, str], Sequence[Pair]]) -> None:
    """Have the headline measures of each comparison pooled over seeds."""
    for (model, reference), found in pairs.items():
        for pair in found:
            for measure in pair.related if pair.headline else ():
                values = np.full(len(study.index), np.nan)
                kept = np.where(pair.subsets["common"], pair.values[measure], np.nan)
                values[pair.position] = kept
                study.pool(measure, "common", model, reference, values)


# -------------------------------------------------------------------------------- counts of maps


def _map_counts(study: Study, method: str | None, top: float) -> pd.DataFrame:
    """How many headline maps are zero everywhere, and how many others hold no top set.

    Over all images, for the reference's prediction (a reference's own), at the native grid. And
    how many maps of methods at the input miss completeness by over 5 %, or have no logit to miss.
    """
    records = [
        {"id": entry.id, **_dead(study, entry, method, top), **_incomplete(study, entry)}
        for entry in study.entries
    ]
    return pd.DataFrame.from_records(records)


def _dead(study: Study, entry: Entry, method: str | None, top: float) -> dict[str, float]:
    if method is None or entry.last_block is None:
        return {"dead_maps": np.nan, "sparse_maps": np.nan}
    stored = observations.read_maps(entry.observation, study.probe, method)[entry.last_block]
    explained = study.outputs[entry.reference or entry.id].prediction
    rows = stored.rows(study.index, explained)
    values = maps.evidence(stored.values[rows[rows != observations.ABSENT]], method)
    order = maps.TopOrder.of(values.reshape(len(values), -1))
    dead = values.max(axis=(1, 2)) == 0
    return {
        "dead_maps": float(dead.sum()),
        "sparse_maps": float((~order.defined(top) & ~dead).sum()),
    }


def _incomplete(study: Study, entry: Entry) -> dict[str, float]:
    """Of methods that store a completeness gap; `integrated_maps` is how many there are."""
    counts = {"integrated_maps": np.nan, "incomplete_maps": np.nan}
    for method in study.job.settings["methods"]:
        path = entry.observation / study.probe / f"saliency.{method}.parquet"
        if catalog.METHODS[method].at != "input" or not path.exists():
            continue
        stored = observations.read_maps(entry.observation, study.probe, method)["input"]
        if stored.gap is not None:
            bad = float((~(stored.gap <= TOLERATED_GAP)).sum())
            counts = {"integrated_maps": float(len(stored.gap)), "incomplete_maps": bad}
    return counts
