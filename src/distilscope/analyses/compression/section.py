"""The ladders as the page shows them: a table for each model that was compressed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from distilscope.analyses.compression import shown
from distilscope.analyses.compression.ladders import Rung
from distilscope.reporting.formatting import number, with_interval
from distilscope.reporting.grid import Grid
from distilscope.reporting.tables import Tables

COLUMNS = ("Model", "Weights", "Accuracy", "Lost", "ECE", "Predicted otherwise")
REASONS = ("Image-specific ρ", "Lowest signal to noise")
FLOAT_BYTES = 4
CAPTION = (
    "Weights in MB and as a share of the original's; lost: accuracy of the original less the "
    "model's; image-specific ρ is of maps with the original's; last, the layer whose output "
    "differs most from the original's, and its signal-to-noise ratio. Intervals are over test "
    "images."
)


def context(tables: Tables) -> Mapping[str, Any]:
    """The section: a grid for each original, its ladders one below the other."""
    ladders = shown.of_study(tables)
    originals = dict.fromkeys(original for original, _ in ladders)
    return {
        "grids": [
            _grid(
                tables,
                name,
                [r for (own, _), rungs in ladders.items() if own == name for r in rungs],
            )
            for name in originals
        ]
    }


def _grid(tables: Tables, original: str, rungs: list[Rung]) -> Grid:
    models = tables.models.set_index("id")
    whole = FLOAT_BYTES * float(models.loc[original, "parameters"])
    accuracy, ece = (shown.alone(tables, name, original) for name in ("accuracy", "ece"))
    first = (original, number(whole / 1e6, "{:.2f}"), with_interval(accuracy), "")
    rows = [(*first, with_interval(ece), "", "", "")]
    rows += [_row(tables, rung, whole) for rung in rungs]
    return Grid(
        f"{original}, compressed",
        (*COLUMNS, *REASONS),
        rows,
        caption=CAPTION,
        words=("Model", "Lowest signal to noise"),
    )


def _row(tables: Tables, rung: Rung, whole: float) -> tuple[str, ...]:
    sizes = tables.of("weight_bytes").set_index("model")["value"]
    size = float(sizes.get(rung.model, float("nan")))
    accuracy, ece = (shown.alone(tables, name, rung.model) for name in ("accuracy", "ece"))
    drop, changed, likeness = (
        shown.beside_original(tables, name, rung.model)
        for name in ("accuracy_drop", "changed", shown.LIKENESS)
    )
    worst = shown.lowest_layer(tables, rung.model)
    weights = f"{number(size / 1e6, '{:.2f}')} ({number(100 * size / whole, '{:.0f}')} %)"
    return (
        rung.label,
        weights if math.isfinite(size) else number(size),
        with_interval(accuracy),
        with_interval(drop),
        with_interval(ece),
        with_interval(changed),
        with_interval(likeness, "{:.2f}"),
        f"{worst['layer']}: {number(worst['value'], '{:.1f}')} dB" if worst is not None else "",
    )
