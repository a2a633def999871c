"""Reads a tables folder, and checks that it has what figures and report need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distilscope import registry, store
from distilscope.data.files import IMAGES_FILE, MANIFEST_FILE
from distilscope.reporting.tables import Tables, clean

SCALES = ("laptop", "paper", "audit")
NEEDED: dict[str, tuple[str, ...]] = {
    "measures": (
        *("model", "reference", "subset", "class", "measure", "value", "low", "high", "interval"),
        *("n", "n_undefined", "reason", "headline"),
    ),
    "models": (
        *("id", "condition", "role", "network", "source", "seed", "reference", "parameters"),
        "explained",
    ),
    "conditions": (
        *("condition", "label", "role", "network", "source", "objective", "parameters"),
        "teachers",
    ),
    "seeds": (
        *("condition", "reference", "relation", "subset", "measure", "seeds", "value", "low"),
        *("high", "two_level_low", "two_level_high", "descriptive", "reason"),
    ),
}
WITH_CLAIMS: dict[str, tuple[str, ...]] = {
    "published": ("id", "measure", "of", "value", "trust", "source", "error"),
    "claims": (
        *("sentence", "source", "scope", "delta", "published", "trust", "note", "ours", "low"),
        *("high", "n_seeds", "p_t", "p_sign_flip", "p_smallest", "q", "effect_size"),
        *("seeds_to_decide", "verdict", "why"),
    ),
}


class MissingTable(ValueError):
    """A tables folder that lacks a column the report needs."""


def read(folder: Path, dataset: Path | None, settings: Mapping[str, Any]) -> Tables:
    """Read a tables folder, and from the dataset the class names and the pictures it needs.

    Settings: as `Tables` has them.

    Raises:
        MissingTable: a column is not there. DamagedFile: a file is missing or altered.
        ValueError: `scale` is none of `SCALES`.
    """
    scale, folder = settings["scale"], Path(folder)
    if scale not in SCALES:
        raise ValueError(f"the scale of a study is {' or '.join(SCALES)}, not {scale!r}")
    general = {name: _read(folder, name, columns) for name, columns in NEEDED.items()}
    general["condition_rows"] = general.pop("conditions")
    general["measures"] = general["measures"].astype({"class": "Int64", "headline": bool})
    for name, columns in WITH_CLAIMS.items():
        general[name] = _if_there(folder, name, columns)
    own, shown = {}, []
    for analysis in map(registry.analyses().get, settings["analyses"]):
        for name, table in analysis.tables.items():
            own[name] = _if_there(folder, name, table.columns)
            shown += list(own[name]["index"]) if table.pictures else []
    return Tables(
        **general,
        own=own,
        classes=_classes(dataset) if dataset else (),
        images=_images(dataset, shown) if dataset else {},
        settings=settings,
    )


def _if_there(folder: Path, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """A table, or an empty one where this study has none of it."""
    if (folder / f"{name}.parquet").exists():
        return _read(folder, name, columns)
    return pd.DataFrame(columns=list(columns))


def _read(folder: Path, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """A table; what else its file says of it is in `attrs`."""
    path = folder / f"{name}.parquet"
    table = store.read_table(path)
    missing = [column for column in columns if column not in table]
    if missing:
        raise MissingTable(
            f"{path}: the report needs the column(s) {', '.join(missing)}; it has "
            + ", ".join(map(str, table.columns))
        )
    table.attrs.update(store.read_table_metadata(path))
    return table


def _classes(dataset: Path) -> tuple[str, ...]:
    return tuple(
        clean(str(name))
        for name in store.read_json(dataset / MANIFEST_FILE, classes=list)["classes"]
    )


def _images(dataset: Path, indices: list[int]) -> dict[int, np.ndarray]:
    """The test pictures with these dataset indices, as (H, W, 3)."""
    if not indices:
        return {}
    arrays = store.read_tensors(dataset / IMAGES_FILE, ["test.images", "test.indices"])
    where = {int(index): row for row, index in enumerate(arrays["test.indices"])}
    return {
        index: np.ascontiguousarray(arrays["test.images"][where[index]].transpose(1, 2, 0))
        for index in dict.fromkeys(map(int, indices))
        if index in where
    }
