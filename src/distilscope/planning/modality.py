"""What of a plan depends on what an example is: the jobs that know it, and what they are told."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from distilscope import catalog
from distilscope.planning.artefact import Artefact

if TYPE_CHECKING:
    from distilscope.configuration.recipes import Recipe
    from distilscope.configuration.study import Configuration
    from distilscope.planning.model import Model

PROBE, HELD_OUT = "test", "held-out"


class ModalityPlan:
    """The plan of a modality.

    Attributes:
        jobs: kind of artefact -> dotted path of the function that makes it, `module:function`.
        scripted: whether those are what the scripts of the rules call; else the job names it.
        table_files: what a recipe calls a table of a teacher (`targets`) -> its files.
        committees_answer: whether a committee is a model that is observed as any other; else its
            students are compared with its members alone.
        explains_references: whether an observation reads what the references predict, to explain
            it too; else it waits for none of them, and another reference observes nothing anew.
    """

    jobs: ClassVar[Mapping[str, str]]
    scripted: ClassVar[bool] = False
    table_files: ClassVar[Mapping[str, tuple[str, ...]]]
    committees_answer: ClassVar[bool] = True
    explains_references: ClassVar[bool] = True

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration

    def module(self, kind: str) -> str:
        """The module that makes an artefact of that kind: where its fingerprint begins."""
        return self.jobs[kind].partition(":")[0]

    def made_by(self, kind: str) -> dict[str, str]:
        """What a job gets to know who makes it, where its rule does not know."""
        return {} if self.scripted else {"made_by": self.jobs[kind]}

    def dataset(self, root: Path, downloads: Path) -> Artefact:
        """The prepared examples.

        Args:
            root: the folder of the workflow, where bundled data lies.
            downloads: where fetched data is.
        """
        raise NotImplementedError

    def recipe(self, recipe: Recipe) -> dict[str, Any]:
        """A recipe as a training job reads it, without what its choices ignore."""
        raise NotImplementedError

    def trial(self, recipe: Mapping[str, Any]) -> dict[str, Any]:
        """The recipe of a trial, from a job's."""
        return dict(recipe)

    def renders(self, recipe: Recipe) -> list[str]:
        """Dotted paths of what a training shows its examples with."""
        return []

    def rendered(self, recipe: Mapping[str, Any]) -> list[str]:
        """The same of a recipe as a job reads it."""
        return []

    def views(self, recipe: Recipe) -> str | None:
        """What a condition calls the way that examples vary."""
        return None

    def table(self, recipe: Recipe, teacher: Model) -> dict[str, Any]:
        """What of a recipe and a teacher its table of logits is a function of."""
        raise NotImplementedError

    def generations(self, dataset: Artefact, teacher: Model, threads: int) -> Artefact:
        """What a teacher writes itself in the place of the training examples."""
        raise NotImplementedError

    def probes(self, needed: Iterable[str]) -> list[dict[str, Any]]:
        """What a model is observed on, and which contents are kept of it."""
        raise NotImplementedError

    def observed(self, probe: Mapping[str, Any], methods: Iterable[str]) -> list[str]:
        """The files of a probe's folder."""
        raise NotImplementedError


def of(configuration: Configuration) -> ModalityPlan:
    """The plan of what a study's examples are."""
    modality = catalog.DATASETS[configuration.data.name].modality
    return pkgutil.resolve_name(catalog.MODALITIES[modality].plan)(configuration)
