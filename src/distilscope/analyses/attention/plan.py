"""What attention adds to a study: each model is observed on training images and on drawn views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distilscope.analyses.attention.configuration import Attention
from distilscope.planning.artefact import Artefact
from distilscope.planning.hooks import Addition, AnalysisPlan
from distilscope.planning.sources import drawn_views

OBSERVES = "distilscope.analyses.attention.observe:observer"
SPLITS = ("train", "test")


class Plan(AnalysisPlan):
    """Attended regions and logits of training and test images, as they are and drawn."""

    section: Attention

    def prepare(self) -> None:
        """One draw of each image under each policy."""
        self.made: dict[str, Artefact] = {
            f"{name}-{split}": drawn_views(self.study.dataset, policy, 1, split)
            for name, policy in self.section.views.items()
            for split in SPLITS
        }
        self.artefacts += self.made.values()

    def observed(self) -> Addition:
        """A file of maps and logits for each set of images."""
        names = list(self.made)
        return Addition(
            settings={"attention": names},
            inputs={"attention_views": tuple(self.made.values())} if names else {},
            modules=(OBSERVES,),
            files=tuple(f"attention/{name}.safetensors" for name in (*SPLITS, *names)),
        )

    def tabulated(self) -> Addition:
        """The settings, with what conditions call each view."""
        called = {name: {"name": policy.name} for name, policy in self.section.views.items()}
        return Addition(settings={**self.section.model_dump(), "views": called})

    def drawn(self) -> Mapping[str, Any]:
        """What figures and section say of the settings."""
        return self.section.model_dump(include={"threshold", "batch", "shuffles", "base"})
