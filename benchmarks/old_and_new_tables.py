"""Whether the tables of a study are the same before and after the redesign of November 2026.

    python -m benchmarks.old_and_new_tables OLD NEW

OLD and NEW are folders of tables of one study, by the code before and after. Columns were renamed
and moved to `conditions.parquet`; the map stands below. Every value is compared bit for bit; a
number that only one side has is printed too. Exit code 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

PLACE = (
    *("model", "reference", "probe", "subset", "layer", "reference_layer", "method"),
    *("resolution", "explained", "variant", "class", "measure"),
)
NUMBERS = ("value", "low", "high", "interval", "n", "n_undefined", "reason")
CONDITION = ("role", "network", "objective", "parameters")
OLD_CONDITION = ("role", "student", "objective", "objective_params")
"""What a condition was called; its parameters were JSON text too."""

MOST_SHOWN = 10


def compared(old: Path, new: Path) -> Iterator[tuple[str, int, list[str]]]:
    """(table, rows, differences) of each table that both sides have."""
    conditions = pd.read_parquet(new / "conditions.parquet").set_index("condition")
    for name, (key, numbers) in TABLES.items():
        paths = [folder / f"{name}.parquet" for folder in (old, new)]
        if not all(path.exists() for path in paths):
            continue
        before, after = (pd.read_parquet(path) for path in paths)
        if name == "seeds":
            before, after = _old_seeds(before), _new_seeds(after, conditions)
        if before.empty:
            continue
        yield name, len(before), list(_differences(before, after, key, numbers))


def _old_seeds(table: pd.DataFrame) -> pd.DataFrame:
    renamed = table.rename(columns=dict(zip(OLD_CONDITION, CONDITION, strict=True)))
    return renamed.assign(parameters=renamed["parameters"].map(_sorted))


def _new_seeds(table: pd.DataFrame, conditions: pd.DataFrame) -> pd.DataFrame:
    fields = conditions.loc[table["condition"], list(CONDITION)].reset_index(drop=True)
    return pd.concat([table, fields.assign(parameters=fields["parameters"].map(_sorted))], axis=1)


def _sorted(parameters: str | None) -> str:
    found = json.loads(parameters) if isinstance(parameters, str) else {}
    return json.dumps({name: float(value) for name, value in found.items()}, sort_keys=True)


def _differences(
    before: pd.DataFrame, after: pd.DataFrame, key: tuple[str, ...], numbers: tuple[str, ...]
) -> Iterator[str]:
    old, new = (_by_key(table, key, numbers) for table in (before, after))
    for place in dict.fromkeys([*old, *new]):
        if place not in old or place not in new:
            yield f"{'only old' if place in old else 'only new'}: {place}"
            continue
        for name, one, other in zip(numbers, old[place], new[place], strict=True):
            if not _same(one, other):
                yield f"{name} {one!r} -> {other!r}: {place}"


def _by_key(table: pd.DataFrame, key: tuple[str, ...], numbers: tuple[str, ...]) -> dict:
    columns = [table[name].astype(object).where(table[name].notna(), None) for name in key]
    found: dict[tuple, list[tuple]] = {}
    rows = zip(*columns, strict=True)
    for place, values in zip(rows, table[list(numbers)].itertuples(index=False), strict=True):
        named = tuple(float(v) if isinstance(v, (int, float)) else v for v in place)
        found.setdefault(named, []).append(tuple(values))
    twice = [place for place, values in found.items() if len(values) > 1]
    if twice:
        raise ValueError(f"two rows at {twice[0]}: the key does not tell rows apart")
    return {place: values[0] for place, values in found.items()}


def _same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    missing = [value is None or value is pd.NA or value != value for value in (one, other)]
    return all(missing) if any(missing) else one == other


TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "measures": (PLACE, NUMBERS),
    "seeds": (
        (*CONDITION, "subset", "measure"),
        ("seeds", "value", "low", "high", "two_level_low", "two_level_high", "reason"),
    ),
    "claims": (
        ("claim",),
        (
            *("published", "ours", "low", "high", "n_seeds", "p_t", "p_sign_flip", "p_smallest"),
            *("q", "effect_size", "seeds_to_decide", "verdict", "why"),
        ),
    ),
    "models": (
        ("id",),
        (
            *("architecture", "seed", "reference", "explained", "parameters", "ratio"),
            *("multiply_adds", "accuracy", "held_out_accuracy"),
        ),
    ),
    "reliability": (("model", "bin"), ("low", "high", "n", "confidence", "accuracy")),
    "histories": (
        ("model", "epoch"),
        ("lr", "loss", "train_accuracy", "held_out_accuracy", "held_out_nll"),
    ),
    "divergent": (
        ("model", "reference", "index"),
        ("label", "prediction", "confidence", "image_specific_rho_unit", "rho", "map"),
    ),
    "covariation": (
        ("explanations", "method", "variant", "within"),
        ("n", "rho", "p", "smallest_p", "permutations", "exact", "reason"),
    ),
    "parts": (
        ("model", "reference", "method", "layer", "reference_layer", "variant", "part"),
        ("n", "area", "importance", "reference_importance", "drop", "reference_drop"),
    ),
    "sanity": (
        ("model", "mode", "depth", "method", "layer", "measure"),
        ("accuracy", "value", "low", "high", "n", "n_undefined", "reason"),
    ),
}
"""Table -> what tells its rows apart, and what is compared."""


def main(arguments: list[str]) -> int:
    """Compare the tables of two folders."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    given = parser.parse_args(arguments)
    worst = 0
    for name, rows, found in compared(given.old, given.new):
        print(f"{name}: {rows} rows, {len(found)} differences")
        for line in found[:MOST_SHOWN]:
            print(f"  {line}")
        worst = max(worst, bool(found))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
