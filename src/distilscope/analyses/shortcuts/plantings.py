"""The arms of planted shortcuts: data, models, and what they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from distilscope.analyses.shortcuts.audits import PROBE, Audit, Audits, ObservedAt, Shown
from distilscope.analyses.shortcuts.configuration import Planted, Planting
from distilscope.configuration.study import Configuration
from distilscope.planning import fingerprint, labels
from distilscope.planning.artefact import Artefact
from distilscope.planning.model import Model
from distilscope.planning.models import ModelPlan


class Plantings:
    """The arms of the plantings of a study."""

    def __init__(self, plan: Audits, planted: Planted) -> None:
        self.plan, self.study, self.planted = plan, plan.study, planted
        self.configuration: Configuration = plan.study.configuration
        self.family = self.study.families[self.planted.teacher]
        self.teacher = self.family[0]
        self.plain: dict[str, Artefact] = {}
        for planting in self.planted.plantings:
            made = self._dataset(planting)
            plan.datasets[planting.name] = made
            self.plain[planting.name] = plan.probe("plain", made.slug, {"dataset": made})
        self.shown_to_family = self._shown_to_family()

    def audits(self) -> Iterator[Audit]:
        """All models that are judged, arm by arm."""
        arms = self.planted.arms
        for planting in self.planted.plantings:
            if arms.student:
                yield from self._student_arm(planting)
            if arms.both:
                yield from self._both_arm(planting)
        if arms.none:
            yield from self._none_arm()

    def _dataset(self, planting: Planting) -> Artefact:
        planted = self.planted
        return Artefact(
            kind="planted",
            slug=f"{self.study.dataset.slug}-{planting.name}",
            settings={
                "class": planting.label,
                "probability": planted.probability,
                "elsewhere": planted.elsewhere,
                "patch": {**planted.patch.model_dump(), "place": list(planting.place)},
                "seed": planting.seed,
            },
            source=fingerprint.source("distilscope.analyses.shortcuts.planted"),
            files=("images.safetensors", "manifest.json"),
            inputs={"dataset": self.study.dataset},
        )

    def _shown_to_family(self) -> dict[str, Artefact]:
        """The clean teacher and its twins on the planted test images of all plantings."""
        shown = [Shown("plain", self.plain[p.name], _prefix(p)) for p in self.planted.plantings]
        found: dict[str, Artefact] = {}
        for model in self.family:
            references = (found[self.teacher.id],) if found else ()
            made = self.plan.observation(model, self.study.dataset, shown, references)
            found[model.id] = made
        return found

    def _models(
        self,
        entries: list,
        dataset: Artefact,
        seeds: list[int],
        *,
        clean: bool,
    ) -> tuple[Model, ...]:
        """The models of some entries on a dataset; the teacher is trained on it or is the clean."""
        name = self.planted.teacher
        entry = self.configuration.teachers[name]
        asked = self.configuration.model_copy(
            update={
                "teachers": {name: entry.model_copy(update={"seeds": seeds[:1], "twins": []})},
                "grid": entries,
                "seeds": seeds,
                "students": {
                    s: self.configuration.students[s] for e in entries for s in e.students
                },
                "floors": [],
            }
        )
        families = {name: [self.teacher]} if clean else {}
        plan = ModelPlan(asked, self.study.precision, dataset, families)
        own = plan.sources.learnt_from.items()
        self.plan.learnt_from |= {k: v for k, v in own if k not in self.study.learnt_from}
        known = {model.artefact.name for model in self.study.models}
        for model in plan.models:
            if model.artefact.name not in known:
                self.plan.models[model.artefact.name] = model
        return plan.models

    def _shown(self, planting: Planting) -> list[Shown]:
        """The planted test images as they are, and with the patch on all of them and on none."""
        made, prefix = self.plan.datasets[planting.name], _prefix(planting)
        own = {"dataset": self.study.dataset}
        patched = self.plan.probe("patched", made.slug, own, patch=made.settings["patch"])
        plain = self.plain[planting.name]
        return [Shown("plain", plain, prefix), Shown("patched", patched, prefix)]

    def _student_arm(self, planting: Planting) -> Iterator[Audit]:
        dataset, entries = self.plan.datasets[planting.name], self.planted.arms.student
        models = self._models(entries, dataset, [planting.seed], clean=True)
        seen = self.shown_to_family[self.teacher.id]
        return self._planted_audits("student", planting, models, self.teacher, seen)

    def _both_arm(self, planting: Planting) -> Iterator[Audit]:
        dataset, entries = self.plan.datasets[planting.name], self.planted.arms.both
        models = self._models(entries, dataset, [planting.seed], clean=False)
        teacher = next(model for model in models if model.role == "teacher")
        seen = self.plan.observation(teacher, dataset, self._shown(planting), ())
        return self._planted_audits("both", planting, models, teacher, seen)

    def _planted_audits(
        self,
        arm: str,
        planting: Planting,
        models: Iterable[Model],
        teacher: Model,
        teacher_seen: Artefact,
    ) -> Iterator[Audit]:
        dataset, prefix = self.plan.datasets[planting.name], _prefix(planting)
        folder, shown, masked = f"{prefix}{PROBE}", self._shown(planting), None
        if self.plan.causal is not None:
            masked = self.plan.masked(dataset, teacher_seen, folder, teacher)
            shown.append(Shown("masked", masked, prefix))
        for model in _learners(models):
            observed = self.plan.observation(model, dataset, shown, (teacher_seen,))
            yield Audit(
                model=model,
                condition=labels.key(model.condition),
                teacher=teacher,
                seen=ObservedAt(observed, folder),
                teacher_seen=ObservedAt(teacher_seen, folder),
                twin_pairs=self.plan.twins(
                    self.teacher, lambda m: ObservedAt(self.shown_to_family[m.id], folder)
                ),
                arm=arm,
                planting=planting,
                probe_observation=observed,
                prefix=prefix,
                masked=masked,
                patched=True,
            )

    def _none_arm(self) -> Iterator[Audit]:
        plan, dataset = self.plan, self.study.dataset
        seeds = [planting.seed for planting in self.planted.plantings]
        models = self._models(self.planted.arms.none, dataset, seeds, clean=True)
        teacher_seen = plan.own(self.teacher)
        shown = [Shown("plain", plan.probe("plain", dataset.slug, {"dataset": dataset}))]
        masked = None
        if self.plan.causal is not None:
            masked = plan.masked(dataset, teacher_seen.artefact, PROBE, self.teacher)
            shown.append(Shown("masked", masked))
        for model in _learners(models):
            observed = plan.observation(model, dataset, shown, (teacher_seen.artefact,))
            yield Audit(
                model=model,
                condition=labels.key(model.condition),
                teacher=self.teacher,
                seen=ObservedAt(observed, PROBE),
                teacher_seen=teacher_seen,
                twin_pairs=plan.twins(self.teacher, plan.own),
                arm="none",
                probe_observation=observed,
                masked=masked,
            )


def _prefix(planting: Planting) -> str:
    return f"{planting.name}-"


def _learners(models: Iterable[Model]) -> list[Model]:
    return [model for model in models if model.role not in ("teacher", "twin")]
