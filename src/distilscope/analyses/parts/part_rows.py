"""Rows about parts: how alike two models weigh them, and how far either's maps can be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.analyses.alignment.alignment_rows import (
    KEY,
    Pair,
    add_classes,
    add_means,
    add_nulls,
    add_ratios,
    pairs_of,
)
from distilscope.data.part_maps import FINDINGS_FILE
from distilscope.measuring.study_rows import Entry, Rows, Study
from distilscope.statistics.values import TWIN_ROLES

PART_KEY = (*KEY, "variant")
OF_REFERENCE = "reference_"
MEDIAN = "focus_odds"  # a few images make its mean
COLUMNS = (
    *("study", "model", "role", "student", "reference", "method", "layer", "reference_layer"),
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


def read_part_pairs(entry: Entry, study: Study) -> list[PartPair]:
    """The pairs over parts of a model's comparison."""
    table = store.read_table(entry.comparison / "parts.parquet")
    reasons = table.groupby(list(PART_KEY), sort=False)["reference_reason"]
    return [
        PartPair(**pair.__dict__, reference_reasons=own.to_numpy(object))
        for pair, (_, own) in zip(pairs_of(table, study, PART_KEY), reasons, strict=True)
    ]


def add_part_rows(
    rows: Rows,
    entry: Entry,
    pairs: Sequence[PartPair],
    twins: Mapping[str, Sequence[PartPair]],
    headline: Mapping[str, str],
) -> None:
    """All rows of one comparison. `twins` are the pairs of each twin of the model's reference.

    By class only the headline, that is a `method` and a `variant`, is given.
    """
    for pair in pairs:
        place = {"reference": entry.reference, **pair.key}
        _add_subsets(rows, entry, pair, place)
        add_nulls(rows, entry, pair, place)
        if is_headline(pair, headline):
            add_classes(rows, entry, pair, place)
        if entry.role not in TWIN_ROLES:
            add_ratios(rows, entry, pair, twins, {**place, "subset": "common"})


def add_reference_rows(rows: Rows, reference: Entry, pairs: Sequence[PartPair]) -> None:
    """The reference's own focus and faithfulness, as rows of the reference itself.

    Args:
        pairs: of a model that is compared with it.
    """
    for pair in pairs:
        own = pair.of_reference
        _add_subsets(rows, reference, own, {"reference": None, **own.key})
        if (null := "null_faithfulness") in own.values:
            chosen = np.flatnonzero(own.subsets["common"])
            place = {**own.key, "reference": None, "subset": "common"}
            add_means(rows, reference, own, [null], chosen, place)


def is_headline(pair: Pair, headline: Mapping[str, str]) -> bool:
    """Whether a pair is of the method and the variant that stand for measures over parts."""
    return all(pair.key.get(name) == headline[name] for name in ("method", "variant"))


def headlines(
    pairs: Mapping[tuple[str, str], Sequence[PartPair]], headline: Mapping[str, str] | None
) -> dict[str, PartPair]:
    """Model -> its headline pair over parts with its first reference; none without parts."""
    found: dict[str, PartPair] = {}
    for (model, _), own in pairs.items():
        for pair in own:
            if is_headline(pair, headline):
                found.setdefault(model, pair)
    return found


def _add_subsets(rows: Rows, entry: Entry, pair: PartPair, place: Mapping[str, Any]) -> None:
    for subset, member in pair.subsets.items():
        chosen = np.flatnonzero(member)
        add_means(rows, entry, pair, pair.measures, chosen, {**place, "subset": subset})
        odds = pair.values[MEDIAN][chosen]
        known = odds[~np.isnan(odds)]
        rows.add(
            entry,
            MEDIAN,
            float(np.median(known)) if len(known) else np.nan,
            n=len(known),
            n_undefined=len(odds) - len(known),
            **{**place, "subset": subset},
        )


# -------------------------------------------------------------------------------------- by part


def parts_table(study: Study, compared: Sequence[Entry]) -> pd.DataFrame:
    """Where models look: a row for each comparison, method, variant and part.

    Means over the common images in which the part can be seen.
    """
    found = []
    for entry in compared:
        table = store.read_table(entry.comparison / "importances.parquet")
        who = {key: getattr(entry, key) for key in ("role", "student", "reference")}
        found.append(table.assign(study=study.name, model=entry.id, **who))
    return pd.concat(found, ignore_index=True)[list(COLUMNS)]


def no_parts() -> pd.DataFrame:
    """The same table of a study without parts: no rows."""
    return pd.DataFrame({name: pd.Series(dtype=_kind(name)) for name in COLUMNS})


def _kind(name: str) -> str:
    text = COLUMNS[: COLUMNS.index("n")]
    return "object" if name in text else "int64" if name == "n" else "float64"


def findings(parts: Path) -> list[str]:
    """What is wrong with the parts of the images, a sentence each."""
    return store.read_json(parts / FINDINGS_FILE, sentences=list)["sentences"]
