"""What the jobs of a study cost, about: for a share of the whole and the time that is left.

A training costs its images times its passes times what its network takes for an image, measured
on this machine (`distilscope.training.speed`). No result depends on any of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from distilscope import catalog, store
from distilscope.planning.artefact import Artefact
from distilscope.planning.study import Study

MANIFEST = "manifest.json"
"""Of the data set, which counts its images."""

STARTUP = {"dataset": 3, "networks": 3, "model": 4, "targets": 4, "comparison": 5, "tables": 15}
STARTUP |= {"observation": 5, "probe_observation": 5, "figures": 15, "report": 4}
OTHERS = 3
"""Seconds of a job beside its images, about, on a processor of 2024; imports are most of it."""


@dataclass(frozen=True)
class Speed:
    """Seconds an image: of a step that learns from it, and of a pass forward."""

    learning: float
    forward: float


ONE_VIEW = {"tabulated": 1}
"""Of examples that are shown as they are."""

DRAWING = 0.002
"""Seconds of one draw of a random view, about."""

TYPICAL = Speed(learning=0.006, forward=0.002)
"""Where nothing was measured: then the number of images and of passes alone tell jobs apart."""

IMAGES = {"train": 4000, "held-out": 1000, "test": 1000}
"""Where the data set is not prepared yet."""


class Effort:
    """Seconds of each job of a study, about.

    Args:
        study: whose jobs.
        speeds: of its networks, by `key`.
    """

    def __init__(self, study: Study, speeds: Mapping[str, Speed] | None = None) -> None:
        self.study = study
        self._speeds = dict(speeds or {})
        self._counts: Mapping[str, int] | None = None
        self._seconds: dict[Path, float] = {}

    @property
    def speeds(self) -> Mapping[str, Speed]:
        """Of the networks that were measured, by `key`."""
        return self._speeds

    @speeds.setter
    def speeds(self, found: Mapping[str, Speed]) -> None:
        self._speeds = dict(found)
        self._seconds.clear()

    @property
    def counted(self) -> bool:
        """Whether the data set is there, so that its images could be counted."""
        if self._counts is None:
            try:
                manifest = store.read_json(self.study.dataset.folder / MANIFEST)
            except (store.DamagedFile, OSError):
                return False
            self._counts = manifest["counts"]
            self._seconds.clear()
        return True

    @property
    def known(self) -> bool:
        """Whether images were counted and networks measured, so that seconds mean something."""
        return self.counted and bool(self._speeds)

    @cached_property
    def architectures(self) -> list[Mapping[str, Any]]:
        """The networks that are trained or observed, each once."""
        trained = [m.artefact for m in self.study.models if "architecture" in m.artefact.settings]
        found = {key(artefact): artefact.settings["architecture"] for artefact in trained}
        return list(found.values())

    def seconds(self, artefact: Artefact) -> float:
        """Of the job that makes it."""
        folder = artefact.folder
        if folder not in self._seconds:
            counts = self._counts if self.counted else IMAGES
            self._seconds[folder] = self._work_out(artefact, counts)
        return self._seconds[folder]

    def _work_out(self, artefact: Artefact, counts: Mapping[str, int]) -> float:
        startup = STARTUP.get(artefact.kind, OTHERS)
        match artefact.kind:
            case "model":
                return startup + self._training(artefact, counts)
            case "generations":
                teacher = self._speed(artefact.inputs_of("teacher")[0])
                return startup + counts["train"] * teacher.forward
            case "views":
                draws = counts[artefact.settings["split"]] * artefact.settings["per_image"]
                return startup + draws * DRAWING
            case "targets":
                views = views_of(artefact.settings.get("views", ONE_VIEW))
                teacher = self._speed(artefact.inputs_of("teacher")[0])
                return startup + counts["train"] * views * teacher.forward
            case "observation" | "probe_observation":
                return startup + self._observing(artefact, counts)
        return startup

    def _speed(self, artefact: Artefact) -> Speed:
        return self._speeds.get(key(artefact), TYPICAL)

    def _training(self, artefact: Artefact, counts: Mapping[str, int]) -> float:
        recipe = artefact.settings.get("recipe")
        if not recipe:
            return 0.0
        own = self._speed(artefact)
        asked = sum(self._speed(one).forward for one in artefact.inputs_of("teachers"))
        epoch = counts["train"] * (own.learning + asked) + counts["held-out"] * own.forward
        return recipe["epochs"] * epoch

    def _observing(self, artefact: Artefact, counts: Mapping[str, int]) -> float:
        settings, own = artefact.settings, self._speed(artefact)
        maps = max(1, len(artefact.inputs_of("references")))
        total = 0.0
        for probe in settings["probes"]:
            images = counts.get(probe["split"], counts["test"])
            total += images * own.forward
            if "saliency" not in probe["contents"]:
                continue
            for name in settings["methods"]:
                method = catalog.METHODS[name]
                if method.at != "input":
                    total += images * own.forward
                    continue
                explained = images
                if not method.whole_probe:
                    explained = min(images, settings["subset"]["images"])
                total += explained * maps * method.gradients(settings) * own.learning
        return total


def key(artefact: Artefact) -> str:
    """By which the speed of an artefact's network is known."""
    return store.canonical_json(artefact.settings.get("architecture"))


def views_of(views: Mapping[str, Any]) -> int:
    """How many views of an image a recipe has tabulated, or draws from."""
    if views.get("tabulated"):
        return views["tabulated"]
    side = 2 * (views.get("pad") or 0) + 1
    return 2 * side * side
