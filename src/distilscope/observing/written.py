"""The files of an observation; docs/architecture.md says what each holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.observing.forward import Passed
from distilscope.observing.grams import PARTITION_SEED
from distilscope.observing.maptable import MapTable
from distilscope.observing.request import Request

AT_LAYERS = ["label", "own", "references"]
"""Whose classes the maps at layers explain."""


def write_logits(
    folder: Path, probe: str, indices: np.ndarray, labels: np.ndarray, passed: Passed
) -> None:
    """`logits.parquet` of the examples with these indices and labels, (N,) each."""
    table = pd.DataFrame({"index": indices, "label": labels, "logits": list(passed.logits)})
    store.write_table(folder / "logits.parquet", table, {"probe": probe})


def write_features(
    folder: Path, probe: str, indices: np.ndarray, passed: Passed, request: Request
) -> None:
    """`features.safetensors` and `grams.safetensors`."""
    about = {"probe": probe, "layers": list(request.layers)}
    store.write_tensors(
        folder / "features.safetensors",
        {"index": indices, **{f"{k}.gap": v for k, v in passed.features.items()}},
        about,
    )
    store.write_tensors(
        folder / "grams.safetensors",
        {"index": passed.gram_indices, **passed.grams},
        {
            **about,
            "reductions": list(request.reductions),
            "batch": request.gram_batch,
            "partition_seed": PARTITION_SEED,
        },
    )


def write_maps(
    folder: Path, probe: str, method: str, table: MapTable, more: Mapping[str, Any]
) -> None:
    """`saliency.<method>.parquet`, with what its metadata hold besides."""
    about = {
        "method": method,
        "probe": probe,
        "grids": {layer: list(grid) for layer, grid in table.grids.items()},
        **more,
    }
    store.write_table(folder / f"saliency.{method}.parquet", table.frame(), about)
