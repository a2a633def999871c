"""What a comparison holds of alignment: a row for each image and pair of maps."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from distilscope import catalog
from distilscope.analyses.alignment import maps, objects, undefined
from distilscope.analyses.alignment.pairs import Images, Prepared, Rules, measure_pair
from distilscope.measuring.model_pair import INPUT_LAYER, ModelPair
from distilscope.measuring.observations import ABSENT, LayerMaps
from distilscope.workflow import progress

RESOLUTIONS = ("native", "input")


@dataclass(frozen=True)
class Place:
    """What the rows of a table are of: `explained` says whose prediction the maps explain."""

    method: str
    layers: tuple[str, str]
    resolution: str
    explained: str

    @property
    def at_layers(self) -> bool:
        """Whether the maps are of layers, and not of the input."""
        return self.layers[0] != INPUT_LAYER

    def columns(self, grid: tuple[int, int]) -> dict[str, str]:
        """The columns that say so, with the grid of its maps."""
        return {
            "method": self.method,
            "layer": self.layers[0],
            "reference_layer": self.layers[1],
            "resolution": self.resolution,
            "grid": f"{grid[0]}x{grid[1]}",
            "explained": self.explained,
        }


def compare(pair: ModelPair, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """`images`: a row for each image, method, layer pair, resolution and explained class.

    Settings: those of `pairs.Rules`; `resolutions`, `native` (the coarser grid of the two) or
    `input` (upsampled to the image's size, or brought to `frame` pixels a side, where that is
    given: ranks of 224 by 224 pixels take sixteen times those of 56); `explained`, whose class;
    `object`, how the pixels of an image's object are known (`objects.KINDS`), or None. Methods at
    the input explain the reference's prediction only.
    """
    for name in settings["resolutions"]:
        catalog.lookup(dict.fromkeys(RESOLUTIONS), name, "resolution")
    found = _Compared(pair, settings, Rules.of(settings), _object_place(pair, settings["object"]))
    tables = list(found.tables())
    images = pd.concat(tables, ignore_index=True) if tables else pair.frame("label", slice(0))
    images.attrs = {"undefined_rho": int(images["rho"].isna().sum()) if "rho" in images else 0}
    return {"images": images}


def _object_place(pair: ModelPair, kind: str | None) -> np.ndarray | None:
    """(N, K) where each image's object is and how large; None where nobody knows."""
    if kind is None:
        return None
    masks = catalog.lookup(objects.KINDS, kind, "way to know the object")
    found = objects.place_and_extent(masks(pair.job, pair.probe, pair.model.index))
    return objects.with_products(found)


class _Compared:
    """The maps of one pair of models."""

    def __init__(
        self,
        pair: ModelPair,
        settings: Mapping[str, Any],
        rules: Rules,
        object_place: np.ndarray | None,
    ) -> None:
        self.pair, self.settings, self.rules = pair, settings, rules
        self.object_place = object_place

    def tables(self) -> Iterator[pd.DataFrame]:
        """A table for each place."""
        places = list(self._places())
        stage = progress.counted(len(places), "tables")
        # Maps of several explained classes are read and resampled once: they are neighbours.
        same_maps = operator.attrgetter("method", "layers", "resolution")
        for (method, names, resolution), found in itertools.groupby(places, same_maps):
            layers = self.pair.maps(method, names)
            prepared, grid = self._prepare(layers, method, resolution)
            for place in found:
                yield self._table(place, layers, prepared, grid)
                stage.advance()

    def _places(self) -> Iterator[Place]:
        for method in self.pair.methods:
            at_layers = catalog.METHODS[method].at == "layers"
            resolutions = self.settings["resolutions"] if at_layers else ("input",)
            explained = self.settings["explained"] if at_layers else ("reference",)
            layers = self.pair.layer_pairs(method)
            for each in itertools.product(layers, resolutions, explained):
                yield Place(method, *each)

    def _prepare(
        self, layers: tuple[LayerMaps, LayerMaps], method: str, resolution: str
    ) -> tuple[list[Prepared], tuple[int, int]]:
        """Both sides' maps at one resolution, and its grid.

        The part that counts as evidence is taken before resampling, as GradCAM is published.
        """
        native = [maps.evidence(layer.values, method) for layer in layers]
        if resolution == "native":
            grid = tuple(np.minimum(layers[0].grid, layers[1].grid).tolist())
            resampled = [maps.pool(values, grid) for values in native]
        else:
            side = self.settings.get("frame") or self.pair.image_size
            grid = (side, side)
            resampled = [maps.brought_to(values, grid) for values in native]
        return [Prepared.of(n, r) for n, r in zip(native, resampled, strict=True)], grid

    def _table(
        self,
        place: Place,
        layers: tuple[LayerMaps, LayerMaps],
        prepared: list[Prepared],
        grid: tuple[int, int],
    ) -> pd.DataFrame:
        """The rows of one place.

        The scope of a method for the whole probe is every image; of others, the images that both
        models have maps of. A map that is missing for its class is NaN with that reason.
        """
        pair, index = self.pair, self.pair.model.index
        classes = pair.classes(place.explained)
        rows = [layer.rows(index, own) for layer, own in zip(layers, classes, strict=True)]
        present = (rows[0] != ABSENT) & (rows[1] != ABSENT)
        if catalog.METHODS[place.method].whole_probe:
            scope = np.arange(len(index))
        else:
            scope = np.flatnonzero(
                np.isin(index, layers[0].index) & np.isin(index, layers[1].index)
            )
        chosen = np.flatnonzero(present)
        found = measure_pair(
            *(side.take(r[chosen]) for side, r in zip(prepared, rows, strict=True)),
            self._images(classes, chosen),
            self.rules,
            published=place.resolution == "input" and place.at_layers,
            other_classes=place.explained == "reference" and place.at_layers,
        )
        table = pair.frame(place.explained, scope).assign(**place.columns(grid))
        position = np.searchsorted(scope, chosen)
        for name, own in found.items():
            table[name] = _spread(own, position, len(scope))
        table.loc[~present[scope], "reason"] = undefined.NO_MAP
        return table

    def _images(self, classes: tuple[np.ndarray, np.ndarray], chosen: np.ndarray) -> Images:
        """The chosen images (positions) as a pair of maps needs them."""
        pair = self.pair
        columns = (pair.model.index, pair.model.label, *classes)
        of_objects = None if self.object_place is None else self.object_place[chosen]
        return Images(
            *(c[chosen] for c in columns), pair.common[chosen], pair.both_right[chosen], of_objects
        )


def _spread(values: np.ndarray, position: np.ndarray, length: int) -> np.ndarray:
    """Values of some rows among all: float32 with NaN elsewhere, or objects with None."""
    if values.dtype == object:
        spread = np.full(length, None, dtype=object)
    else:
        spread = np.full(length, np.nan, np.float32)
    spread[position] = values
    return spread
