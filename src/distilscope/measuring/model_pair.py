"""A model beside its reference on a probe: what both said, read once and when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from distilscope import catalog
from distilscope.measuring import observations
from distilscope.measuring.observations import LayerMaps, Outputs
from distilscope.planning.job import Job

INPUT_LAYER = "input"


@dataclass(frozen=True)
class ModelPair:
    """Both models on the probe's images: (N,) each, by rising dataset index.

    Attributes:
        job: the comparison. probe: name of its folder in both observations.
        folders: of the model's and the reference's observation.
        model, reference: their logits; where images have no labels, the reference's prediction
            stands for them.
        common: (N,) bool, the images that the reference, its other seeds and its twins get right.
        methods: explanation methods that both were observed with.
        layers: (model's layer, reference's layer) whose maps are compared, the headline pair first.
        layer_names: of both, all layers, input to output.
        reductions: of the features behind the Grams. image_size: side of the images in pixels.
    """

    job: Job
    probe: str
    folders: tuple[Path, Path]
    model: Outputs
    reference: Outputs
    common: np.ndarray
    methods: tuple[str, ...]
    layers: tuple[tuple[str, str], ...]
    layer_names: tuple[tuple[str, ...], tuple[str, ...]]
    reductions: tuple[str, ...]
    image_size: int
    _maps: dict[str, tuple[Mapping[str, LayerMaps], ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, job: Job) -> ModelPair:
        """From a comparison's settings and inputs.

        Raises:
            ValueError: a setting is missing, a method unknown, or the images differ.
        """
        settings, probe = job.settings, job.settings["probe"]
        for name in settings["methods"]:
            catalog.lookup(catalog.METHODS, name, "explanation method")
        folders = job.input("observation"), job.input("reference")
        model, reference = (observations.read_outputs(folder, probe) for folder in folders)
        observations.require_same_images(model, reference)
        family = [observations.read_outputs(folder, probe) for folder in job.inputs_of("common")]
        for member in family:
            observations.require_same_images(model, member)
        model, reference, *family = (
            own.with_labels_of(reference) for own in (model, reference, *family)
        )
        return cls(
            job=job,
            probe=probe,
            folders=folders,
            model=model,
            reference=reference,
            common=np.logical_and.reduce([m.correct for m in family or [reference]]),
            methods=tuple(settings["methods"]),
            layers=tuple((own, other) for own, other in settings["layers"]),
            layer_names=(
                tuple(settings["layer_names"]),
                tuple(settings["reference_layer_names"]),
            ),
            reductions=tuple(settings["reductions"]),
            image_size=settings["image_size"],
        )

    @cached_property
    def both_right(self) -> np.ndarray:
        """(N,) bool: model and reference are right."""
        return self.model.correct & self.reference.correct

    def classes(self, explained: str) -> tuple[np.ndarray, np.ndarray]:
        """The class that the model's and the reference's map explain.

        `reference`: its prediction, for both. `own`: each its own prediction. `label`.
        """
        reference = self.reference.prediction
        choices = {
            "reference": (reference, reference),
            "own": (self.model.prediction, reference),
            "label": (self.model.label, self.model.label),
        }
        return catalog.lookup(choices, explained, "explained class")

    def frame(self, explained: str, scope: np.ndarray | slice) -> pd.DataFrame:
        """The columns of a table of images that say what the images are."""
        return pd.DataFrame(
            {
                "index": self.model.index[scope],
                "label": self.model.label[scope],
                "prediction": self.model.prediction[scope],
                "reference_prediction": self.reference.prediction[scope],
                "correct": self.model.correct[scope],
                "reference_correct": self.reference.correct[scope],
                "common": self.common[scope],
                "class": self.classes(explained)[0][scope],
            }
        )

    def layer_pairs(self, method: str) -> tuple[tuple[str, str], ...]:
        """The pairs of layers at which a method's maps are compared, the headline pair first."""
        at_layers = catalog.METHODS[method].at == "layers"
        return self.layers if at_layers else ((INPUT_LAYER, INPUT_LAYER),)

    def maps(self, method: str, names: tuple[str, str]) -> tuple[LayerMaps, LayerMaps]:
        """A method's maps of a layer of the model and one of the reference; a file is read once."""
        if method not in self._maps:
            self._maps[method] = tuple(
                observations.read_maps(folder, self.probe, method) for folder in self.folders
            )
        return tuple(
            observations.layer_of(side, name, method, folder)
            for side, name, folder in zip(self._maps[method], names, self.folders, strict=True)
        )
