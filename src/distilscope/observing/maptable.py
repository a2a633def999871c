"""The table of a method's maps: a row for each (layer, class rank, index)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from distilscope.observing.rows import Rows


@dataclass
class MapTable:
    """Collects maps batch by batch, in any order of images, and gives them sorted.

    Attributes:
        grids: layer -> (height, width) of its maps.
        dead: layer -> number of maps without a positive value, which a ReLU makes zero.
        totals: layer -> number of maps.
    """

    grids: dict[str, tuple[int, int]] = field(default_factory=dict)
    dead: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    _rows: dict[str, dict[str, Rows]] = field(default_factory=dict)

    def add(
        self,
        layer: str,
        indices: np.ndarray,
        ranks: np.ndarray,
        classes: np.ndarray,
        maps: np.ndarray,
        columns: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Add maps (M, h, w) float32 of dataset indices (M,), with further columns (M,).

        Raises:
            ValueError: the grid isn't the one of the layer's earlier maps, or a map isn't finite.
        """
        grid = (maps.shape[1], maps.shape[2])
        if self.grids.setdefault(layer, grid) != grid:
            raise ValueError(f"layer {layer!r}: maps of {grid} after maps of {self.grids[layer]}")
        flat = np.ascontiguousarray(maps, dtype=np.float32).reshape(len(maps), -1)
        finite = np.isfinite(flat).all(axis=1)
        if not finite.all():
            raise ValueError(
                f"layer {layer!r}: the map of image {indices[~finite][0]} is not finite; "
                "the model's weights or its preprocessing are out of range"
            )
        self.dead[layer] = self.dead.get(layer, 0) + int((flat.max(axis=1) <= 0).sum())
        self.totals[layer] = self.totals.get(layer, 0) + len(flat)
        part = {
            "index": np.asarray(indices, dtype=np.int64),
            "rank": ranks,
            "class": np.asarray(classes, dtype=np.int16),
            "map": flat,
            **(columns or {}),
        }
        if layer not in self._rows:
            self._rows[layer] = {name: Rows(v.shape[1:], v.dtype) for name, v in part.items()}
        for name, values in part.items():
            self._rows[layer][name].add(values)

    def frame(self) -> pd.DataFrame:
        """Columns index, class, layer, map and the further ones, sorted by layer, rank, index."""
        table = pd.concat(map(self._of_layer, self._rows), ignore_index=True)
        table = table.sort_values(["layer", "rank", "index"], kind="stable", ignore_index=True)
        return table.drop(columns="rank")

    def _of_layer(self, layer: str) -> pd.DataFrame:
        """The rows of a layer, in the order in which they came."""
        found = {name: rows.all() for name, rows in self._rows[layer].items()}
        own = {name: found.pop(name) for name in ("index", "rank", "class", "map")}
        maps = own.pop("map")
        layers = pd.Series([layer] * len(maps), dtype=object)
        return pd.DataFrame({**own, "layer": layers, "map": list(maps), **found})

    def facts(self) -> dict[str, Any]:
        """Counts for `run.json`."""
        return {
            layer: {"maps": self.totals[layer], "dead": self.dead[layer]} for layer in self.grids
        }
