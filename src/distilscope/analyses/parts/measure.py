"""The numbers of parts: how alike two models weigh them, how far maps can be believed, and a table
by part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.analyses.alignment.alignment_rows import KEY, Pair, PairRows, pairs_of
from distilscope.analyses.alignment.measure import pool
from distilscope.analyses.parts import undefined
from distilscope.data.part_maps import FINDINGS_FILE
from distilscope.measuring.entries import Compared, Entry, first_with_reference
from distilscope.measuring.rows import Rows
from distilscope.measuring.study import Study

PART_KEY = (*KEY, "variant")
OF_REFERENCE = "reference_"
MEDIAN = "focus_odds"  # a few images make its mean
COLUMNS = (
    *("study", "model", "condition", "reference", "method", "layer", "reference_layer"),
    *("variant", "part", "n", "area", "importance", "reference_importance", "drop"),
    "reference_drop",
)


@dataclass(frozen=True, eq=False)
class PartPair(Pair):
    """A pair over parts: some of its values are of the reference alone.

    Attributes:
        reference_reasons: (n,) objects, why those are undefined.
    """

    reference_reasons: np.ndarray
    concerns: ClassVar[Mapping[str, tuple[str, ...]]] = undefined.CONCERNS

    @property
    def measures(self) -> list[str]:
        """The measures of the model, or of it and its reference; not the median one."""
        left_out = ("null_", OF_REFERENCE)
        return [n for n in self.values if not n.startswith(left_out) and n != MEDIAN]

    @property
    def by_class(self) -> list[str]:
        """All of them."""
        return self.measures

    @cached_property
    def of_reference(self) -> PartPair:
        """The reference by itself, as if it were the model."""
        own = {
            name.removeprefix(OF_REFERENCE): values
            for name, values in self.values.items()
            if name.startswith(OF_REFERENCE) and name != f"{OF_REFERENCE}part_rho"
        }
        key = {**self.key, "layer": self.key["reference_layer"]}
        return replace(self, key=key, values=own, reasons=self.reference_reasons)


def measure(study: Study, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """`parts`: the importance of each part by comparison, method and variant.

    Settings: the `method` and `variant` that stand for measures over parts.
    """
    headline = {name: settings[name] for name in ("method", "variant")}
    compared = [each for each in study.compared if each.has("parts.parquet")]
    pairs = {
        (each.model.id, each.reference): read_part_pairs(each, study, settings["top"], headline)
        for each in compared
    }

    def of_comparison(rows: Rows, each: Compared) -> None:
        twins = [pairs[twin.model.id, twin.reference] for twin in study.twins(each)]
        add_part_rows(study, rows, each, pairs[each.model.id, each.reference], twins)

    def of_reference(rows: Rows, entry: Entry) -> None:
        first = first_with_reference(compared, entry.id)
        if first is not None:
            add_reference_rows(study, rows, entry, pairs[first.model.id, entry.id])

    study.rows.add_each(of_comparison, compared)
    study.rows.add_each(of_reference, study.entries)
    pool(study, pairs)
    table = parts_table(study, compared)
    table.attrs = {"findings": findings(study.job.input("parts"))}
    return {"parts": table}


def read_part_pairs(
    each: Compared, study: Study, top: float, headline: Mapping[str, str]
) -> list[PartPair]:
    """The pairs over parts of a model's comparison; `headline` is a `method` and a `variant`."""
    table = store.read_table(each.folder / "parts.parquet")
    reasons = table.groupby(list(PART_KEY), sort=False)["reference_reason"]
    return [
        PartPair(**pair.__dict__, reference_reasons=own.to_numpy(object))
        for pair, (_, own) in zip(
            pairs_of(table, study, PART_KEY, top, headline), reasons, strict=True
        )
    ]


def add_part_rows(
    study: Study,
    rows: Rows,
    each: Compared,
    pairs: Sequence[PartPair],
    twins: Sequence[Sequence[PartPair]],
) -> None:
    """All rows of one comparison. `twins` are the pairs of each twin of the model's reference.

    By class only the headline is given.
    """
    for pair in pairs:
        own = PairRows(study, rows, each, pair)
        _add_subsets(own)
        own.nulls()
        if pair.headline:
            own.classes()
        if each.relation != "twin":
            own.ratios(twins)


def add_reference_rows(
    study: Study, rows: Rows, reference: Entry, pairs: Sequence[PartPair]
) -> None:
    """The reference's own focus and faithfulness, as rows of the reference itself.

    Args:
        pairs: of a model that is compared with it.
    """
    for pair in pairs:
        own = PairRows(study, rows, reference, pair.of_reference)
        _add_subsets(own)
        if (null := "null_faithfulness") in own.pair.values:
            own.means([null], "common")


def _add_subsets(own: PairRows) -> None:
    """The means over each subset, and the median of the measure whose mean says nothing."""
    for subset, member in own.pair.subsets.items():
        own.means(own.pair.measures, subset)
        odds = own.pair.values[MEDIAN][member]
        known = odds[~np.isnan(odds)]
        median = float(np.median(known)) if len(known) else np.nan
        counts = {"n": len(known), "n_undefined": len(odds) - len(known)}
        own.rows.add(own.who, MEDIAN, median, **counts, **own.place(subset))


# -------------------------------------------------------------------------------------- by part


def parts_table(study: Study, compared: Sequence[Compared]) -> pd.DataFrame:
    """Where models look: a row for each comparison, method, variant and part.

    Means over the common images in which the part can be seen.
    """
    found = []
    for each in compared:
        table = store.read_table(each.folder / "importances.parquet")
        who = {"model": each.model.id, "condition": each.model.condition}
        found.append(table.assign(study=study.name, **who, reference=each.reference))
    return pd.concat(found, ignore_index=True)[list(COLUMNS)]


def findings(parts: Path) -> list[str]:
    """What is wrong with the parts of the images, a sentence each."""
    return store.read_json(parts / FINDINGS_FILE, sentences=list)["sentences"]
