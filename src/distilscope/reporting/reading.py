"""Reads a tables folder, and checks that it has what figures and report need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.data.files import IMAGES_FILE, MANIFEST_FILE
from distilscope.reporting.tables import Tables, clean

SCALES = ("laptop", "paper")


class MissingTable(ValueError):
    """A tables folder that lacks a column the report needs."""


def read(folder: Path, dataset: Path | None, settings: Mapping[str, Any]) -> Tables:
    """Read a tables folder, and from the dataset the class names and the pictures it needs.

    Settings: `scale`, and optionally `titles` and `divergent`, as `Tables` has them, and `parts`,
    its `parts_headline`.

    Raises:
        MissingTable: a column is not there. DamagedFile: a file is missing or altered.
        ValueError: `scale` is neither `laptop` nor `paper`.
    """
    scale = settings["scale"]
    if scale not in SCALES:
        raise ValueError(f"the scale of a study is {' or '.join(SCALES)}, not {scale!r}")
    parts = {name: _read(folder, name, columns) for name, columns in NEEDED.items()}
    parts["measures"] = parts["measures"].astype({"class": "Int64"})
    return Tables(
        **parts,
        classes=_classes(dataset) if dataset else (),
        images=_images(dataset, parts["divergent"]["index"]) if dataset else {},
        scale=scale,
        titles=settings.get("titles", {}),
        most_divergent=settings.get("divergent", Tables.most_divergent),
        parts_headline=settings.get("parts"),
        part_findings=_findings(folder),
    )


NEEDED: dict[str, tuple[str, ...]] = {
    "measures": (
        *("model", "role", "architecture", "objective", "objective_params", "teacher"),
        *("reference", "probe", "subset", "layer", "reference_layer", "method", "resolution"),
        *("explained", "variant", "class", "measure", "value", "low", "high", "interval"),
        *("n", "n_undefined", "reason"),
    ),
    "models": (
        *("id", "kind", "role", "student", "T", "alpha", "seed", "explained", "parameters"),
        "accuracy",
    ),
    "seeds": (
        *("role", "student", "objective", "objective_params", "T", "alpha", "subset", "measure"),
        *("seeds", "value", "low", "high", "two_level_low", "two_level_high", "descriptive"),
        "reason",
    ),
    "reliability": ("model", "bin", "low", "high", "n", "confidence", "accuracy"),
    "divergent": (
        *("model", "reference", "index", "label", "prediction", "reference_prediction"),
        *("confidence", "reference_confidence", "image_specific_rho_unit", "rho"),
        *("map", "grid_h", "grid_w"),
        *("reference_map", "reference_grid_h", "reference_grid_w"),
    ),
    "histories": ("model", "epoch", "lr", "loss", "train_accuracy", "held_out_accuracy"),
    "sanity": (
        *("model", "original", "mode", "depth", "randomised", "accuracy", "method", "layer"),
        *("measure", "value", "low", "high", "n", "n_undefined", "reason"),
    ),
    "shortcuts": (
        *("model", "identity", "teacher_identity", "arm", "planted_class", "detector", "class"),
        *("n", "value", "relative", "effect", "q", "flagged", "accuracy_on", "accuracy_off"),
        "took",
    ),
    "shortcut_rates": ("arm", "detector", "rate", "of", "hits", "n", "value", "low", "high"),
    "covariation": (
        *("outputs", "explanations", "method", "variant", "within", "n", "rho", "p"),
        *("smallest_p", "reason"),
    ),
    "parts": (
        *("model", "reference", "method", "layer", "variant", "part", "n", "area", "importance"),
        *("reference_importance", "drop", "reference_drop"),
    ),
    "published": (
        "id",
        "measure",
        "of",
        "student",
        "T",
        "alpha",
        "value",
        "trust",
        "source",
        "error",
    ),
    "claims": (
        *("sentence", "source", "scope", "delta", "published", "trust", "note", "ours", "low"),
        *("high", "n_seeds", "p_t", "p_sign_flip", "p_smallest", "q", "effect_size"),
        *("seeds_to_decide", "verdict", "why"),
    ),
}


def _read(folder: Path, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    path = Path(folder) / f"{name}.parquet"
    table = store.read_table(path)
    missing = [column for column in columns if column not in table]
    if missing:
        raise MissingTable(
            f"{path}: the report needs the column(s) {', '.join(missing)}; it has "
            + ", ".join(map(str, table.columns))
        )
    return table


def _findings(folder: Path) -> tuple[str, ...]:
    about = store.read_table_metadata(Path(folder) / "parts.parquet")
    return tuple(clean(str(text)) for text in about.get("findings", []))


def _classes(dataset: Path) -> tuple[str, ...]:
    return tuple(
        clean(str(name))
        for name in store.read_json(dataset / MANIFEST_FILE, classes=list)["classes"]
    )


def _images(dataset: Path, indices: pd.Series) -> dict[int, np.ndarray]:
    """The test pictures with these dataset indices, as (H, W, 3)."""
    arrays = store.read_tensors(dataset / IMAGES_FILE, ["test.images", "test.indices"])
    where = {int(index): row for row, index in enumerate(arrays["test.indices"])}
    wanted = [int(index) for index in pd.unique(indices)]
    return {
        index: np.ascontiguousarray(arrays["test.images"][where[index]].transpose(1, 2, 0))
        for index in wanted
        if index in where
    }
