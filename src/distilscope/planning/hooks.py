"""What an analysis adds to the plan of a study: the hooks that its `plan` may override."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from distilscope import registry
from distilscope.analyses.declaration import Analysis
from distilscope.configuration.kinds import Section
from distilscope.planning.artefact import Artefact

if TYPE_CHECKING:
    from distilscope.planning.model import Model
    from distilscope.planning.study import Study

Inputs = Mapping[str, Artefact | tuple[Artefact, ...]]


@dataclass(frozen=True)
class Addition:
    """What an analysis adds to a job that is not its own.

    Attributes:
        settings: of the analysis; what its numbers depend on.
        inputs: artefacts that the job reads besides.
        modules: dotted paths of code that the job calls besides.
        files: names of files that the job writes besides.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: Inputs = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


NOTHING = Addition()


class AnalysisPlan:
    """The plan of an analysis that adds nothing; a subclass overrides what it does add.

    Args:
        study: whose plan. analysis: what is declared. section: its settings.

    Attributes:
        artefacts: what is made for this analysis alone.
        models: trained for this analysis alone.
        randomised: network -> paths of its modules that are made random for it.
        object_masks: how the pixels of an image's object are known, where this analysis knows it.
    """

    object_masks: str | None = None

    def __init__(self, study: Study, analysis: Analysis, section: Section) -> None:
        self.study, self.analysis, self.section = study, analysis, section
        self.artefacts: list[Artefact] = []
        self.models: list[Model] = []
        self.randomised: dict[str, set[str]] = {}

    def prepare(self) -> None:
        """Plan what has to be there before models are observed."""

    def observed(self) -> Addition:
        """What every observation of a model has besides."""
        return NOTHING

    def follow(self) -> None:
        """Plan what is made of models and their observations."""

    def compared(self, model: Model, reference: Model) -> Addition | None:
        """What a comparison holds of this analysis; None where it compares nothing."""
        return None

    def tabulated(self) -> Addition:
        """What the tables job gets of this analysis."""
        return Addition(settings=self.section.model_dump())

    def figures(self) -> list[str]:
        """The figures that this study has something to draw in: of those declared."""
        return self.analysis.figures_of(self.study.names)

    def tables(self) -> list[str]:
        """The tables that this study has rows for: of those declared."""
        return self.analysis.tables_of(self.study.names)

    def drawn(self) -> Mapping[str, Any]:
        """What the jobs of figures and report get of this analysis."""
        return {}


def plans(study: Study, sections: Mapping[str, Section]) -> dict[str, AnalysisPlan]:
    """The plan of each analysis that is on, by its name."""
    known = registry.analyses()
    return {
        name: _class(known[name])(study, known[name], section) for name, section in sections.items()
    }


def _class(analysis: Analysis) -> type[AnalysisPlan]:
    return pkgutil.resolve_name(analysis.plan) if analysis.plan else AnalysisPlan


def inputs_of(additions: Iterable[Addition]) -> dict[str, Artefact | tuple[Artefact, ...]]:
    """The inputs of all of them."""
    return {role: made for each in additions for role, made in each.inputs.items()}
