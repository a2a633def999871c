"""What the search for shortcuts needs: planted data, models of its arms, probes, observations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from distilscope import catalog, fingerprint
from distilscope.settings import Configuration, Planting
from distilscope.study.artefact import Artefact
from distilscope.study.models import Model, ModelPlan

if TYPE_CHECKING:
    from distilscope.study.plan import Study

PROBE = "test"
MAPS = "gradcam"


@dataclass(frozen=True)
class Shown:
    """A made probe that models are shown, and how its folders are called."""

    builder: str
    probe: Artefact
    prefix: str = ""


@dataclass(frozen=True)
class Seen:
    """Where a model's observation of some test images is: the artefact, and its folder there."""

    artefact: Artefact
    folder: str


@dataclass(frozen=True)
class Audit:
    """A model that the detectors judge.

    Attributes:
        model, teacher: who is judged, and against whom. twins: of the teacher, or of the clean
            teacher where the teacher itself was planted.
        arm: None for a model of the study itself.
        seen, teacher_seen: maps on the same images. twin_pairs: of each twin, and of the teacher
            that it is a twin of, on the same images.
        further: the model's observation of made probes, and of `masked` and `patched` the prefix
            of its folders; None where it has not seen any.
        masked, patched: the probe, None where there is none.
    """

    model: Model
    teacher: Model
    seen: Seen
    teacher_seen: Seen
    twin_pairs: tuple[tuple[str, Seen, Seen], ...]
    arm: str | None = None
    planting: Planting | None = None
    further: Artefact | None = None
    prefix: str = ""
    masked: Artefact | None = None
    patched: bool = False

    def row(self) -> dict[str, Any]:
        """What the tables job is told."""
        place = lambda seen: [str(seen.artefact.folder), seen.folder]  # noqa: E731
        planting = self.planting
        return {
            "model": self.model.id,
            "identity": self.model.artefact.identity,
            **{k: getattr(self.model, k) for k in ("role", "student", "objective", "seed")},
            "objective_params": dict(self.model.parameters) or None,
            "teacher": self.teacher.id,
            "teacher_identity": self.teacher.artefact.identity,
            "layers": [self.model.explained[0], self.teacher.explained[0]],
            "arm": self.arm,
            "planting": planting.name if planting else None,
            "planted_class": planting.label if planting else None,
            "seen": place(self.seen),
            "teacher_seen": place(self.teacher_seen),
            "twins": [
                {"id": name, "seen": place(own), "teacher_seen": place(other)}
                for name, own, other in self.twin_pairs
            ],
            "further": str(self.further.folder) if self.further else None,
            "prefix": self.prefix,
            "masked": str(self.masked.folder) if self.masked else None,
            "patched": self.patched,
        }


@dataclass
class ShortcutPlan:
    """Everything that the search for shortcuts adds to a study; nothing that it has already."""

    study: Study
    datasets: dict[str, Artefact] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    targets: dict[str, Artefact] = field(default_factory=dict)
    probes: dict[str, Artefact] = field(default_factory=dict)
    further: dict[str, Artefact] = field(default_factory=dict)
    audits: list[Audit] = field(default_factory=list)

    @classmethod
    def of(cls, study: Study) -> ShortcutPlan:
        """The plan of a study; without GradCAM there is none."""
        plan = cls(study)
        if MAPS in study.configuration.observe.methods:
            plan.audits += plan._of_study()
            if study.configuration.planted:
                plan.audits += _Plantings(plan).audits()
        return plan

    @property
    def artefacts(self) -> list[Artefact]:
        """All that is made for it."""
        made = [self.datasets, self.targets, self.probes, self.further]
        return [
            *(artefact for table in made for artefact in table.values()),
            *(model.artefact for model in self.models.values()),
        ]

    @property
    def inputs(self) -> tuple[Artefact, ...]:
        """What the tables are made from, beyond the study's own observations."""
        audited = [artefact for audit in self.audits for artefact in _read_for(audit)]
        known = {artefact.name for artefact in self.study.observations.values()}
        return tuple({a.name: a for a in audited if a.name not in known}.values())

    def _of_study(self) -> Iterator[Audit]:
        """The students and controls of the study itself."""
        causal = self.study.configuration.shortcuts.causal
        for model in self.study.models:
            if model.role in ("teacher", "twin", "floor") or model.reference is None:
                continue
            teacher = self.study.by_id[model.reference]
            masked = further = None
            if causal is not None:
                masked = self.masked(
                    self.study.dataset, self.study.observations[teacher.id], PROBE, teacher
                )
                shown = [Shown("masked", masked)]
                further = self.observation(model, self.study.dataset, shown, ())
            yield Audit(
                model=model,
                teacher=teacher,
                seen=self.own(model),
                teacher_seen=self.own(teacher),
                twin_pairs=self.twins(teacher, self.own),
                further=further,
                masked=masked,
            )

    def own(self, model: Model) -> Seen:
        """The ordinary observation of a model of the study."""
        return Seen(self.study.observations[model.id], PROBE)

    def twins(self, teacher: Model, seen) -> tuple[tuple[str, Seen, Seen], ...]:
        """The other models of a teacher's family, each beside that teacher."""
        family = self.study.families.get(teacher.student, [])
        return tuple((m.id, seen(m), seen(teacher)) for m in family if m is not teacher)

    # ----------------------------------------------------------------------------- artefacts

    def probe(self, builder: str, slug: str, inputs: Mapping[str, Any], **settings) -> Artefact:
        """A probe of a builder of the catalogue."""
        entry = catalog.PROBES[builder]
        artefact = Artefact(
            kind="probe",
            slug=f"{slug}-{builder}",
            settings={"builder": entry.builder, **settings},
            source=fingerprint.source("distilscope.probing.make", entry.builder),
            inputs=inputs,
        )
        return self.probes.setdefault(artefact.name, artefact)

    def masked(
        self, dataset: Artefact, observation: Artefact, folder: str, teacher: Model
    ) -> Artefact:
        """Test images with the area covered that a reference looks at, and its two controls."""
        causal = self.study.configuration.shortcuts.causal
        return self.probe(
            "masked",
            teacher.artefact.slug,
            {"dataset": dataset, "observation": observation},
            probe=folder,
            layer=teacher.explained[0],
            **causal.model_dump(),
        )

    def observation(
        self,
        model: Model,
        dataset: Artefact,
        shown: Iterable[Shown],
        references: tuple[Artefact, ...],
    ) -> Artefact:
        """A model's observation of made probes: one job, a folder for each part."""
        configuration, shown = self.study.configuration, list(shown)
        architecture = model.artefact.settings["architecture"]
        methods = {MAPS: catalog.METHODS[MAPS]}
        artefact = Artefact(
            kind="further",
            slug=model.artefact.slug,
            settings={
                "architecture": architecture,
                "layers": {model.explained[0]: model.layers[model.explained[0]]},
                "explained": [model.explained[0]],
                "head": model.head,
                "preprocessing": model.preprocessing,
                "probes": [
                    _requested(each, part, position)
                    for position, each in enumerate(shown)
                    for part in catalog.PROBES[each.builder].parts
                ],
                "threads": configuration.threads,
                "methods": [MAPS],
                **configuration.observe.model_dump(include={"subset", "ig_steps", "gram_batch"}),
                "reductions": ["gap"],
            },
            source=fingerprint.source(
                "distilscope.observing.further", architecture["builder"], methods[MAPS].module
            )
            + fingerprint.entries("METHODS", methods),
            inputs={
                "dataset": dataset,
                "model": model.artefact,
                "probes": tuple(each.probe for each in shown),
                "references": references,
            },
        )
        return self.further.setdefault(artefact.name, artefact)


def _requested(shown: Shown, part: str, position: int) -> dict[str, Any]:
    explained = part in catalog.PROBES[shown.builder].explained
    name = f"{shown.prefix}{part}"
    return {
        "name": name,
        "split": name,
        "contents": ["logits", "saliency"] if explained else ["logits"],
        "probe": position,
        "part": part,
    }


def _read_for(audit: Audit) -> Iterator[Artefact]:
    yield from (audit.seen.artefact, audit.teacher_seen.artefact)
    for _, own, other in audit.twin_pairs:
        yield from (own.artefact, other.artefact)
    yield from (a for a in (audit.further, audit.masked) if a is not None)


class _Plantings:
    """The arms of the plantings of a study."""

    def __init__(self, plan: ShortcutPlan) -> None:
        self.plan, self.study = plan, plan.study
        self.configuration: Configuration = plan.study.configuration
        self.planted = self.configuration.planted
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
        for planting in self.planted.plantings:
            yield from self._student_arm(planting)
            yield from self._both_arm(planting)
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
            source=fingerprint.source("distilscope.data.planted"),
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
        self.plan.targets |= {k: v for k, v in plan.targets.items() if k not in self.study.targets}
        known = {model.artefact.name for model in self.study.models}
        for model in plan.models:
            if model.artefact.name not in known:
                self.plan.models[model.artefact.name] = model
        return plan.models

    def _patched(self, planting: Planting) -> Artefact:
        made = self.plan.datasets[planting.name]
        return self.plan.probe(
            "patched",
            made.slug,
            {"dataset": self.study.dataset},
            patch=made.settings["patch"],
        )

    def _student_arm(self, planting: Planting) -> Iterator[Audit]:
        entries = self.planted.arms.student
        dataset, prefix = self.plan.datasets[planting.name], _prefix(planting)
        if not entries:
            return
        seen = self.shown_to_family[self.teacher.id]
        models = self._models(entries, dataset, [planting.seed], clean=True)
        yield from self._planted_audits("student", planting, models, self.teacher, seen, prefix)

    def _both_arm(self, planting: Planting) -> Iterator[Audit]:
        entries = self.planted.arms.both
        dataset, prefix = self.plan.datasets[planting.name], _prefix(planting)
        if not entries:
            return
        models = self._models(entries, dataset, [planting.seed], clean=False)
        teacher = next(model for model in models if model.role == "teacher")
        shown = [
            Shown("plain", self.plain[planting.name], prefix),
            Shown("patched", self._patched(planting), prefix),
        ]
        seen = self.plan.observation(teacher, dataset, shown, ())
        yield from self._planted_audits("both", planting, models, teacher, seen, prefix)

    def _planted_audits(
        self,
        arm: str,
        planting: Planting,
        models: Iterable[Model],
        teacher: Model,
        teacher_seen: Artefact,
        prefix: str,
    ) -> Iterator[Audit]:
        dataset = self.plan.datasets[planting.name]
        folder = f"{prefix}{PROBE}"
        shown = [
            Shown("plain", self.plain[planting.name], prefix),
            Shown("patched", self._patched(planting), prefix),
        ]
        masked = None
        if self.configuration.shortcuts.causal is not None:
            masked = self.plan.masked(dataset, teacher_seen, folder, teacher)
            shown.append(Shown("masked", masked, prefix))
        for model in _learners(models):
            further = self.plan.observation(model, dataset, shown, (teacher_seen,))
            yield Audit(
                model=model,
                teacher=teacher,
                seen=Seen(further, folder),
                teacher_seen=Seen(teacher_seen, folder),
                twin_pairs=self.plan.twins(
                    self.teacher, lambda m: Seen(self.shown_to_family[m.id], folder)
                ),
                arm=arm,
                planting=planting,
                further=further,
                prefix=prefix,
                masked=masked,
                patched=True,
            )

    def _none_arm(self) -> Iterator[Audit]:
        entries = self.planted.arms.none
        if not entries:
            return
        plan, dataset = self.plan, self.study.dataset
        seeds = [planting.seed for planting in self.planted.plantings]
        models = self._models(entries, dataset, seeds, clean=True)
        teacher_seen = plan.own(self.teacher)
        shown = [Shown("plain", plan.probe("plain", dataset.slug, {"dataset": dataset}))]
        masked = None
        if self.configuration.shortcuts.causal is not None:
            masked = plan.masked(dataset, teacher_seen.artefact, PROBE, self.teacher)
            shown.append(Shown("masked", masked))
        for model in _learners(models):
            further = plan.observation(model, dataset, shown, (teacher_seen.artefact,))
            yield Audit(
                model=model,
                teacher=self.teacher,
                seen=Seen(further, PROBE),
                teacher_seen=teacher_seen,
                twin_pairs=plan.twins(self.teacher, plan.own),
                arm="none",
                further=further,
                masked=masked,
            )


def _prefix(planting: Planting) -> str:
    return f"{planting.name}-"


def _learners(models: Iterable[Model]) -> list[Model]:
    return [model for model in models if model.role not in ("teacher", "twin")]
