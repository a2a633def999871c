"""What the choice of learning rates adds to a study: students that are not reported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from distilscope.analyses.reasoning.arms import Arm, arms
from distilscope.analyses.reasoning.configuration import Reasoning
from distilscope.planning.artefact import Artefact
from distilscope.planning.hooks import Addition, AnalysisPlan
from distilscope.planning.model import FAMILY
from distilscope.planning.models import ModelPlan


class Plan(AnalysisPlan):
    """One student for each arm, learning rate and seed of tuning."""

    section: Reasoning

    def prepare(self) -> None:
        """Plan the students of each arm, and what they learn from."""
        self.tried: list[dict[str, Any]] = []
        if self.section.tuning is None:
            return
        for arm in arms(self.study.configuration):
            for rate in self.section.tuning.rates(arm.student):
                for seed in self.section.tuning.seeds:
                    self._add(arm, rate, seed)

    def _add(self, arm: Arm, rate: float, seed: int) -> None:
        study = self.study
        made = ModelPlan(
            self._with(arm, rate, seed),
            study.precision,
            study.dataset,
            {name: list(members) for name, members in study.families.items()},
        )
        (model,) = (each for each in made.models if each.role not in (*FAMILY, "committee"))
        model = replace(model, id=f"{model.id}-lr{rate:g}")
        self._take(model.artefact)
        for name, artefact in made.sources.learnt_from.items():
            if name not in study.learnt_from:
                self._take(artefact)
        self.models.append(model)
        self.tried.append(
            {
                "arm": arm.words,
                "student": arm.student,
                "teachers": sorted(model.teachers),
                "seed": seed,
                "lr": rate,
                "used": arm.entries[0].lr == rate,
            }
        )

    def _with(self, arm: Arm, rate: float, seed: int) -> Any:
        """The study's configuration with that student alone."""
        configuration = self.study.configuration
        return configuration.model_copy(
            update={
                "grid": [arm.tried(seed, rate)],
                "seeds": [seed],
                "students": {arm.student: configuration.students[arm.student]},
                "floors": [],
            }
        )

    def _take(self, artefact: Artefact) -> None:
        if artefact.name not in {known.name for known in self.artefacts}:
            self.artefacts.append(artefact)

    def tabulated(self) -> Addition:
        """Settings of measures, and what was tried, in the order of the inputs."""
        settings = self.section.model_dump(exclude={"tuning"})
        if not self.tried:
            return Addition(settings=settings)
        settings["tuning"] = {"tried": self.tried}
        made = tuple(model.artefact for model in self.models)
        return Addition(settings=settings, inputs={"tried": made})

    def tables(self) -> list[str]:
        """The learning rates only where they were chosen."""
        return [n for n in super().tables() if self.tried or n != "reasoning_tuning"]
