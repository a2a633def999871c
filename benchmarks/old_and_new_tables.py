"""Whether the tables of a study are the same before and after the redesign of November 2026.

    python -m benchmarks.old_and_new_tables OLD NEW

OLD and NEW are folders of tables of one study, by the code before and after. Columns were renamed
and moved to `conditions.parquet`, tables to the analysis that they are of: the map is `MAPS`. Every
value is compared bit for bit, and what only one side has is printed too. The exit code is 1 where
anything differs. Not compared: times, memory and identities, which every run has its own of.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

CONDITION = ("role", "network", "objective", "objective_parameters")
MAX_SHOWN = 10


@dataclass(frozen=True)
class Map:
    """What of an old table stands in a new one.

    Attributes:
        old, new: names of the tables.
        key: columns of the new one that tell rows apart. values: columns that are compared.
        renamed: old column -> new one. words: new column -> old value -> new one.
        added: column -> pattern of what a text of the new table says besides.
        after: what the new table and the conditions give to be compared.
    """

    old: str
    new: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    renamed: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    added: Mapping[str, str] = field(default_factory=dict)
    after: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame] | None = None

    def read(self, old: Path, new: Path) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
        """Both tables under the new names; None for one that is not there."""
        before, after = _read(old, self.old), _read(new, self.new)
        if before is not None:
            before = before.rename(columns=dict(self.renamed))
            for column, words in self.words.items():
                before[column] = before[column].replace(dict(words))
            if "objective_parameters" in before:
                parameters = before["objective_parameters"].map(_parameters)
                before = before.assign(objective_parameters=parameters)
        if after is not None:
            for column, pattern in self.added.items():
                after[column] = after[column].str.replace(pattern, "", regex=True)
            if self.after is not None:
                after = self.after(after, pd.read_parquet(new / "conditions.parquet"))
        return before, after


def _read(folder: Path, name: str) -> pd.DataFrame | None:
    path = folder / f"{name}.parquet"
    return pd.read_parquet(path) if path.exists() else None


def _parameters(text: str | None) -> str:
    """The parameters of an objective with sorted names and numbers as floats."""
    found = json.loads(text) if isinstance(text, str) else {}
    return json.dumps({name: float(value) for name, value in found.items()}, sort_keys=True)


def _with_condition(table: pd.DataFrame, conditions: pd.DataFrame) -> pd.DataFrame:
    """A new table with the columns of its rows' conditions that old ones had in every row."""
    known = conditions.set_index("condition").loc[table["condition"]].reset_index()
    parameters = known["parameters"].map(_parameters)
    derived = {name: known.get(name, np.nan) for name in ("T", "alpha")}
    own = {name: known[name] for name in ("role", "network", "objective")}
    found = table.assign(**own, **derived, objective_parameters=parameters)
    if "teachers" in table:
        found["teacher"] = [next(iter(json.loads(text)), None) for text in table["teachers"]]
    return found


WAS_CONDITION = {"student": "network", "objective_params": "objective_parameters"}

MAPS = (
    Map(
        *("measures", "measures"),
        key=(
            *("model", "reference", "probe", "subset", "layer", "reference_layer", "method"),
            *("resolution", "explained", "variant", "class", "measure"),
        ),
        values=("study", "seed", "value", "low", "high", "interval", "n", "n_undefined", "reason"),
    ),
    Map(
        *("seeds", "seeds"),
        key=(*CONDITION, "subset", "measure"),
        values=(
            *("study", "T", "alpha", "seeds", "value", "low", "high", "two_level_low"),
            *("two_level_high", "descriptive", "reason"),
        ),
        renamed=WAS_CONDITION,
        after=_with_condition,
    ),
    Map(
        *("claims", "claims"),
        key=("claim",),
        values=(
            *("scope", "direction", "delta", "error_rate", "published", "ours", "low", "high"),
            *("n_seeds", "p_t", "p_sign_flip", "p_smallest", "q", "effect_size"),
            *("seeds_to_decide", "verdict", "why"),
        ),
        renamed={"alpha": "error_rate"},
        added={"why": r"; the nearest is .*(?=\.$)"},
    ),
    Map(
        *("published", "published"),
        key=("id", "measure", "value"),
        values=("of", "trust", "source", "error"),
    ),
    Map(
        *("models", "models"),
        key=("id",),
        values=(
            *("architecture", *CONDITION, "T", "alpha", "seed", "teacher", "reference"),
            *("explained", "parameters", "ratio", "multiply_adds", "accuracy"),
            "held_out_accuracy",
        ),
        renamed=WAS_CONDITION,
        after=_with_condition,
    ),
    Map(
        *("models", "maps"),
        key=("id",),
        values=("dead_maps", "sparse_maps", "integrated_maps", "incomplete_maps"),
    ),
    Map(
        *("reliability", "reliability"),
        key=("model", "bin"),
        values=("low", "high", "n", "confidence", "accuracy"),
    ),
    Map(
        *("histories", "histories"),
        key=("model", "epoch"),
        values=("lr", "loss", "train_accuracy", "held_out_accuracy", "held_out_nll"),
    ),
    Map(
        *("divergent", "divergent"),
        key=("model", "reference", "method", "index"),
        values=(
            *("layer", "reference_layer", "label", "class", "prediction", "reference_prediction"),
            *("confidence", "reference_confidence", "image_specific_rho_unit", "rho", "map"),
            *("grid_h", "grid_w", "reference_map", "reference_grid_h", "reference_grid_w"),
        ),
    ),
    Map(
        *("covariation", "covariation"),
        key=("explanations", "method", "variant", "within"),
        values=("outputs", "n", "rho", "p", "smallest_p", "permutations", "exact", "reason"),
    ),
    Map(
        *("parts", "parts"),
        key=("model", "reference", "method", "layer", "reference_layer", "variant", "part"),
        values=("n", "area", "importance", "reference_importance", "drop", "reference_drop"),
    ),
    Map(
        *("sanity", "randomisation"),
        key=("model", "mode", "depth", "method", "layer", "measure"),
        values=(
            *("original", "randomised", "accuracy", "value", "low", "high", "n", "n_undefined"),
            "reason",
        ),
    ),
    Map(
        *("shortcuts", "shortcuts"),
        key=("model", "arm", "planting", "planted_class", "teacher", "seed", "detector", "class"),
        values=(
            *("role", "network", "n", "value", "relative", "spread", "effect", "larger", "p", "q"),
            *("flagged", "reason", "accuracy_on", "accuracy_off", "drawn_on", "drawn_off"),
            "relies",
        ),
        renamed={"student": "network", "beyond": "larger", "took": "relies"},
    ),
    Map(
        *("shortcut_rates", "shortcut_rates"),
        key=("arm", "detector", "rate", "of"),
        values=("hits", "n", "value", "low", "high"),
        words={"of": {"plantings that took": "plantings relied on"}},
    ),
)


def compared(old: Path, new: Path) -> Iterator[tuple[str, int, list[str]]]:
    """(table, old rows, differences) of each table that either side has rows of."""
    for each in MAPS:
        before, after = each.read(old, new)
        name = each.old if each.old == each.new else f"{each.old} -> {each.new}"
        rows = 0 if before is None else len(before)
        if not rows and (after is None or after.empty):
            continue
        if not rows or after is None:
            side, there = ("old", before) if after is None else ("new", after)
            yield name, rows, [f"only {side}: a table of {len(there)} rows"]
        else:
            yield name, rows, list(_differences(before, after, each))


def _differences(before: pd.DataFrame, after: pd.DataFrame, each: Map) -> Iterator[str]:
    old, new = (_by_key(table, each) for table in (before, after))
    for place in dict.fromkeys([*old, *new]):
        if place not in old or place not in new:
            yield f"{'only old' if place in old else 'only new'}: {place}"
            continue
        for name, one, other in zip(each.values, old[place], new[place], strict=True):
            if not _same(one, other):
                yield f"{name} {one!r} -> {other!r}: {place}"


def _by_key(table: pd.DataFrame, each: Map) -> dict[tuple, tuple]:
    columns = [table[name].astype(object).where(table[name].notna(), None) for name in each.key]
    values = (table[name].tolist() for name in each.values)
    found: dict[tuple, tuple] = {}
    for place, own in zip(zip(*columns, strict=True), zip(*values, strict=True), strict=True):
        if place in found:
            raise ValueError(f"two rows of {each.old!r} at {place}: the key does not tell them")
        found[place] = own
    return found


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same to the last bit; one that is missing is like another."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    missing = [value is None or value is pd.NA or value != value for value in (one, other)]
    if any(missing):
        return all(missing)
    if isinstance(one, float) and isinstance(other, float):
        return np.float64(one).tobytes() == np.float64(other).tobytes()
    return one == other


def main(arguments: list[str]) -> int:
    """Compare the tables of two folders."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    given = parser.parse_args(arguments)
    differ = False
    for name, rows, found in compared(given.old, given.new):
        print(f"{name}: {rows} rows, {len(found)} differences")
        for line in found[:MAX_SHOWN]:
            print(f"  {line}")
        differ = differ or bool(found)
    return int(differ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
