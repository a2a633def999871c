"""What compression adds to a study: how far layers of compressed models are from the originals'."""

from __future__ import annotations

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
        """Where each compressed model's noise is."""
        folders = {name: str(made.folder) for name, made in self.noise.items()}
        settings = {**self.section.model_dump(), "noise": folders}
        return Addition(settings=settings, inputs={"noise": tuple(self.noise.values())})
