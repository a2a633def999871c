"""The plan of images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from distilscope import catalog
from distilscope.planning import datasets
from distilscope.planning.artefact import Artefact
from distilscope.planning.modality import HELD_OUT, PROBE, ModalityPlan
from distilscope.planning.settings import UNVARIED, recipe_settings, view_settings

if TYPE_CHECKING:
    from distilscope.configuration.recipes import Recipe
    from distilscope.planning.model import Model


class Images(ModalityPlan):
    """Images: rendered in views, explained by maps."""

    jobs: ClassVar[Mapping[str, str]] = {
        "dataset": "distilscope.data.prepare:prepare",
        "networks": "distilscope.checking.networks:check",
        "model": "distilscope.training.train:train",
        "targets": "distilscope.training.targets:tabulate",
        "observation": "distilscope.observing.observe:observe",
    }
    scripted = True
    table_files: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "table": ("logits.npy", "views.npy", "indices.npy")
    }

    def dataset(self, root: Path, downloads: Path) -> Artefact:
        """See `ModalityPlan`."""
        own = self.configuration
        entries = {**own.teachers, **own.students}
        return datasets.dataset(own.data, root, downloads, entries)

    def recipe(self, recipe: Recipe) -> dict[str, Any]:
        """See `ModalityPlan`."""
        return {**recipe_settings(recipe), "views": view_settings(recipe.views)}

    def trial(self, recipe: Mapping[str, Any]) -> dict[str, Any]:
        """A trial waits for no draws."""
        return {**recipe, "views": UNVARIED} if "drawn" in recipe["views"] else dict(recipe)

    def renders(self, recipe: Recipe) -> list[str]:
        """Nothing where views are drawn."""
        return [] if recipe.views.drawn else [catalog.VIEW_POLICIES[recipe.views.policy]]

    def rendered(self, recipe: Mapping[str, Any]) -> list[str]:
        """See `ModalityPlan`."""
        return [catalog.VIEW_POLICIES[recipe["views"]["policy"]]]

    def views(self, recipe: Recipe) -> str:
        """See `ModalityPlan`."""
        return recipe.views.name

    def table(self, recipe: Recipe, teacher: Model) -> dict[str, Any]:
        """See `ModalityPlan`."""
        return {"views": view_settings(recipe.views), "preprocessing": teacher.preprocessing}

    def probes(self, needed: Iterable[str]) -> list[dict[str, Any]]:
        """See `ModalityPlan`."""
        contents = [name for name in ("logits", "saliency", "features") if name in set(needed)]
        probes = [{"name": PROBE, "split": PROBE, "contents": contents}]
        data = self.configuration.data
        if data.held_out and data.labelled:  # pictures may have neither
            probes.append({"name": HELD_OUT, "split": HELD_OUT, "contents": ["logits"]})
        return probes

    def observed(self, probe: Mapping[str, Any], methods: Iterable[str]) -> list[str]:
        """See `ModalityPlan`."""
        names = ["logits.parquet"]
        if "saliency" in probe["contents"]:
            names += [f"saliency.{method}.parquet" for method in methods]
        if "features" in probe["contents"]:
            names += ["features.safetensors", "grams.safetensors"]
        return names
