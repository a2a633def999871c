"""What models said of each set of images, and where they attended: read from their observations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from distilscope import store
from distilscope.analyses.alignment import maps
from distilscope.analyses.attention import overlap
from distilscope.analyses.attention.overlap import Regions
from distilscope.analyses.attention.plan import SPLITS
from distilscope.data.files import MANIFEST_FILE
from distilscope.measuring.study import PROBE, Entry, Study
from distilscope.planning.conditions import Condition

TRAIN, TEST = SPLITS
METHODS = {"attention": np.asarray, "gradcam": maps.positive_part}
"""Kinds of maps, and what counts of each: class-agnostic attention as it is, as published, and
GradCAM of the label's logit where it is positive, as its maps do elsewhere."""

INPUT, NATIVE = "input", "native"
RESOLUTIONS = (INPUT, NATIVE)
"""At the size of the images, as published, and on the layer's own grid."""

OVERLAP = ("overlap", "overlap_null", "overlap_specific")
"""Numbers of two regions by image."""

HEADLINE = {"method": "attention", "resolution": INPUT}
NO_HEAD = "the network has no linear head behind average pooling over its last block"
CHUNK = 1024
"""Images whose maps are brought to the images' size at once."""

MEMORY, FEWEST = 2**27, 8
"""Bytes of each kind of what was read or computed that are kept, about; and the fewest of them."""


@dataclass(frozen=True, eq=False)
class Said:
    """What a model says of a set of images.

    Attributes:
        index: (N,) dataset indices, rising. label: (N,). logits: float32 (N, C).
    """

    index: np.ndarray
    label: np.ndarray
    logits: np.ndarray

    @cached_property
    def prediction(self) -> np.ndarray:
        """(N,) the class of the largest logit."""
        return self.logits.argmax(axis=1)

    @cached_property
    def correct(self) -> np.ndarray:
        """(N,) bool."""
        return self.prediction == self.label


def together(members: Sequence[Said], how: str) -> Said:
    """A committee's answer: the mean of `logits`, or the logarithm of the mean of `probabilities`.

    Raises:
        KeyError: another way.
    """
    stacked = np.stack([member.logits.astype(np.float64) for member in members])
    return Said(members[0].index, members[0].label, TOGETHER[how](stacked))


def _mean_probabilities(logits: np.ndarray) -> np.ndarray:
    logs = special.log_softmax(logits, axis=2)
    return special.logsumexp(logs, axis=0) - np.log(len(logs))


TOGETHER: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "logits": lambda logits: logits.mean(axis=0),
    "probabilities": _mean_probabilities,
}
"""How members (M, N, C) answer as one (N, C)."""


class Sets:
    """The sets of images of a study: training and test images as they are, and drawn ones.

    Args:
        settings: those of `analyses.attention.configuration.Attention`.

    Attributes:
        names: `train`, `test`, and `<view>-<split>` of each view.
        base: the view that affinity divides by; None where none is.
    """

    def __init__(self, study: Study, settings: Mapping[str, Any]) -> None:
        self.study, self.settings = study, settings
        views = settings["views"]
        self.names = (*SPLITS, *(f"{name}-{split}" for name in views for split in SPLITS))
        self.threshold, self.batch = settings["threshold"], settings["batch"]
        self.base = settings["base"]
        manifest = store.read_json(study.job.input("dataset") / MANIFEST_FILE, image_size=int)
        self.image_size = manifest["image_size"]
        n = len(study.index)
        self.said = lru_cache(_kept(4 * n * study.classes))(self._said)
        self.regions = lru_cache(_kept(n * self.image_size**2 // 8))(self._regions)
        self.overlaps = lru_cache(_kept(8 * n * len(OVERLAP)))(self._overlaps)
        self.shuffles = lru_cache(FEWEST)(self._shuffles)

    @property
    def views(self) -> Mapping[str, Mapping[str, Any]]:
        """The drawn policies by name."""
        return self.settings["views"]

    def view_of(self, condition: Condition) -> str | None:
        """The name of the view that models of a condition were trained on; None where it isn't
        among those of the analysis.
        """
        own = (name for name, view in self.views.items() if view["name"] == condition.views)
        return next(own, None)

    def entry(self, model: str) -> Entry:
        """The model of that id."""
        return self._entries[model]

    def condition(self, entry: Entry) -> Condition:
        """How it came to be."""
        return self.study.conditions[entry.condition]

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        return {entry.id: entry for entry in self.study.entries}

    def _said(self, model: str, name: str) -> Said:
        """See `said`: what a model says of a set.

        Raises:
            ValueError: it was observed on other images than the study's first model.
        """
        found = Said(**store.read_tensors(self._path(model, name), ("index", "label", "logits")))
        first = self.study.entries[0].id
        if model != first and not np.array_equal(self.said(first, name).index, found.index):
            raise ValueError(f"{model} and {first} were observed on different images of {name}")
        return found

    def _path(self, model: str, name: str) -> Path:
        return self.entry(model).observation / "attention" / f"{name}.safetensors"

    def _regions(self, model: str, name: str, method: str, resolution: str) -> Regions | None:
        """The attended regions of a model; None of one without such maps."""
        found = store.read_tensors(self._path(model, name)).get(method)
        if found is None:
            return None
        found = METHODS[method](found)
        if resolution == INPUT:
            parts = (found[each] for each in overlap.batches(len(found), CHUNK))
            return Regions.joined(
                [Regions.of(maps.upsample(p, self.image_size), self.threshold) for p in parts]
            )
        return Regions.of(found, self.threshold)

    def _overlaps(
        self, first: str, second: str, name: str, method: str, resolution: str
    ) -> tuple[np.ndarray, tuple[float, float]] | None:
        """Of two models: (N, 3) overlap by image, its null and the difference; the published
        overlap by batch and its null. None where one of them has no such maps.
        """
        own, other = (self.regions(m, name, method, resolution) for m in (first, second))
        if own is None or other is None:
            return None
        by_image = overlap.by_image(own, other)
        null, null_by_batch = overlap.nulls(own, other, self.batch, self.shuffles(len(own)))
        by_batch = overlap.by_batch(own, other, self.batch)
        return np.column_stack([by_image, null, by_image - null]), (by_batch, null_by_batch)

    def _shuffles(self, n: int) -> list[np.ndarray]:
        return overlap.shuffles(n, self.settings["shuffles"], self.settings["seed"])


def _kept(size: int) -> int:
    """How many things of so many bytes are kept."""
    return max(FEWEST, MEMORY // size)


def is_headline(name: str, method: str = HEADLINE["method"], resolution: str = INPUT) -> bool:
    """Whether a number of this set and these maps stands for its measure: the published map, on
    test images as they are.
    """
    return name == PROBE and {"method": method, "resolution": resolution} == HEADLINE
