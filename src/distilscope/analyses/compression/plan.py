"""What compression adds to a study: how far layers of compressed models are from the originals'."""

from __future__ import annotations

from dataclasses import asdict

from distilscope import catalog
from distilscope.analyses.compression.ladders import Rung
from distilscope.planning import fingerprint
from distilscope.planning.artefact import Artefact
from distilscope.planning.hooks import Addition, AnalysisPlan
from distilscope.planning.model import Model


class Plan(AnalysisPlan):
    """The noise in the layers of each compressed model."""

    def follow(self) -> None:
        """Plan a pass of both models over the test images."""
        models = [m for m in self.study.models if m.role == "compressed" and m.layers]
        self.noise = {model.id: self._noise(model) for model in models}
        self.artefacts += self.noise.values()

    def _noise(self, model: Model) -> Artefact:
        original = self.study.by_id[model.original]
        return Artefact(
            kind="layer_noise",
            slug=model.id,
            settings={
                "layers": dict(model.layers),
                "layer_order": list(model.layers),
                "preprocessing": model.preprocessing,
                "threads": self.study.configuration.threads,
            },
            source=fingerprint.source("distilscope.analyses.compression.noise"),
            inputs={
                "dataset": self.study.dataset,
                "original": original.artefact,
                "compressed": model.artefact,
            },
            files=("noise.parquet",),
        )

    def tabulated(self) -> Addition:
        """Which models are on which ladder, and where their noise is."""
        folders = {name: str(made.folder) for name, made in self.noise.items()}
        models = [model for model in self.study.models if model.role == "compressed"]
        rungs = [asdict(_rung(model)) for model in models]
        settings = {**self.section.model_dump(), "noise": folders, "rungs": rungs}
        return Addition(settings=settings, inputs={"noise": tuple(self.noise.values())})


def _rung(model: Model) -> Rung:
    parameters = dict(model.condition.parameters)
    (way,) = (name for name in parameters if name in catalog.COMPRESSIONS)
    declared, value = catalog.COMPRESSIONS[way], parameters[way]
    said, severity = declared.said(value), declared.severity(value)
    return Rung(model.id, model.original, way, said, severity, declared.maps)
