"""Who is judged by the detectors of shortcuts, and the probes and observations that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from distilscope import catalog
from distilscope.analyses.shortcuts.configuration import MINIMUM_TWINS, Causal, Planting
from distilscope.analyses.shortcuts.made_probes import PROBES
from distilscope.planning import fingerprint
from distilscope.planning.artefact import Artefact
from distilscope.planning.model import Model
from distilscope.planning.settings import observe_settings

if TYPE_CHECKING:
    from distilscope.planning.study import Study

PROBE = "test"


@dataclass(frozen=True)
class Shown:
    """A made probe that models are shown, and how its folders are called."""

    builder: str
    probe: Artefact
    prefix: str = ""


@dataclass(frozen=True)
class ObservedAt:
    """Where a model's observation of some test images is: the artefact, and its folder there."""

    artefact: Artefact
    folder: str

    def place(self) -> list[str]:
        """The same as the tables job gets it."""
        return [str(self.artefact.folder), self.folder]


@dataclass(frozen=True)
class Audit:
    """A model that the detectors judge.

    Attributes:
        model, teacher: who is judged, and against whom. condition: the model's, by name.
        arm, planting: of a model of the experiment; None of one of the study itself.
        seen, teacher_seen: maps on the same images.
        twin_pairs: on these images too, of each twin, and of the teacher that it is a twin of,
            which is the clean one where the teacher itself was planted.
        probe_observation: what the model says of made probes, None without any. prefix: of its
            folders.
        masked: the probe whose parts they are, None where nothing was masked.
        patched: whether it has seen the test images with the patch and without it.
    """

    model: Model
    condition: str
    teacher: Model
    seen: ObservedAt
    teacher_seen: ObservedAt
    twin_pairs: tuple[tuple[str, ObservedAt, ObservedAt], ...]
    arm: str | None = None
    planting: Planting | None = None
    probe_observation: Artefact | None = None
    prefix: str = ""
    masked: Artefact | None = None
    patched: bool = False

    @property
    def can_be_judged(self) -> bool:
        """Whether a detector has what it needs: enough twins, or masked images."""
        return len(self.twin_pairs) >= MINIMUM_TWINS or self.masked is not None

    def row(self) -> dict[str, Any]:
        """What the tables job gets."""
        planting = self.planting
        return {
            "model": self.model.id,
            "identity": self.model.artefact.identity,
            "condition": self.condition,
            "role": self.model.role,
            "network": self.model.network,
            "seed": self.model.seed,
            "teacher": self.teacher.id,
            "teacher_identity": self.teacher.artefact.identity,
            "layers": [self.model.explained[0], self.teacher.explained[0]],
            "arm": self.arm,
            "planting": planting.name if planting else None,
            "planted_class": planting.label if planting else None,
            "seen": self.seen.place(),
            "teacher_seen": self.teacher_seen.place(),
            "twins": [
                {"id": name, "seen": own.place(), "teacher_seen": other.place()}
                for name, own, other in self.twin_pairs
            ],
            "probe_observation": _folder(self.probe_observation),
            "prefix": self.prefix,
            "masked": _folder(self.masked),
            "patched": self.patched,
        }


@dataclass
class Audits:
    """Everything that the search for shortcuts adds to a study; nothing that it has already."""

    study: Study
    method: str
    causal: Causal | None = None
    datasets: dict[str, Artefact] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    learnt_from: dict[str, Artefact] = field(default_factory=dict)
    probes: dict[str, Artefact] = field(default_factory=dict)
    probe_observations: dict[str, Artefact] = field(default_factory=dict)
    found: list[Audit] = field(default_factory=list)

    @property
    def artefacts(self) -> list[Artefact]:
        """All that is made for it."""
        made = [self.datasets, self.learnt_from, self.probes, self.probe_observations]
        return [
            *(artefact for table in made for artefact in table.values()),
            *(model.artefact for model in self.models.values()),
        ]

    @property
    def judged(self) -> list[Audit]:
        """Those that a detector can say something about."""
        return [audit for audit in self.found if audit.can_be_judged]

    @property
    def inputs(self) -> tuple[Artefact, ...]:
        """What the tables are made from, beyond the study's own observations."""
        audited = [artefact for audit in self.judged for artefact in _read_for(audit)]
        known = {artefact.name for artefact in self.study.observations.values()}
        return tuple({a.name: a for a in audited if a.name not in known}.values())

    def own(self, model: Model) -> ObservedAt:
        """The ordinary observation of a model of the study."""
        return ObservedAt(self.study.observations[model.id], PROBE)

    def twins(
        self, teacher: Model, seen: Callable[[Model], ObservedAt]
    ) -> tuple[tuple[str, ObservedAt, ObservedAt], ...]:
        """The other models of a teacher's family, each beside that teacher."""
        family = self.study.families.get(teacher.network, [])
        return tuple((m.id, seen(m), seen(teacher)) for m in family if m is not teacher)

    # ----------------------------------------------------------------------------- artefacts

    def probe(self, builder: str, slug: str, inputs: Mapping[str, Any], **settings) -> Artefact:
        """A probe of a builder of the catalogue."""
        entry = PROBES[builder]
        artefact = Artefact(
            kind="probe",
            slug=f"{slug}-{builder}",
            settings={"builder": entry.builder, **settings},
            source=fingerprint.source("distilscope.analyses.shortcuts.probes.make", entry.builder),
            files=("images.safetensors",),
            inputs=inputs,
        )
        return self.probes.setdefault(artefact.name, artefact)

    def masked(
        self, dataset: Artefact, observation: Artefact, folder: str, teacher: Model, **more: Any
    ) -> Artefact:
        """Test images with the area covered that a reference looks at, and its two controls."""
        return self.probe(
            "masked",
            teacher.artefact.slug,
            {"dataset": dataset, "observation": observation},
            probe=folder,
            layer=teacher.explained[0],
            method=self.method,
            **self.causal.model_dump(),
            **more,
        )

    def observation(
        self,
        model: Model,
        dataset: Artefact,
        shown: Iterable[Shown],
        references: tuple[Artefact, ...],
    ) -> Artefact:
        """A model's observation of made probes: one job, a folder for each part."""
        shown = list(shown)
        builder = (model.artefact.settings.get("architecture") or {}).get("builder")
        methods = {self.method: catalog.METHODS[self.method]} if model.explained else {}
        artefact = Artefact(
            kind="probe_observation",
            slug=model.artefact.slug,
            settings=self._settings(model, shown, methods),
            source=fingerprint.source(
                "distilscope.observing.made_probes",
                *([builder] if builder else []),
                *(method.module for method in methods.values()),
            )
            + fingerprint.entries("METHODS", methods),
            inputs={
                "dataset": dataset,
                "model": model.artefact,
                "probes": tuple(each.probe for each in shown),
                "references": references,
            },
        )
        return self.probe_observations.setdefault(artefact.name, artefact)

    def _settings(
        self, model: Model, shown: Sequence[Shown], methods: Iterable[str]
    ) -> dict[str, Any]:
        """What of a model is observed on made probes: maps of its last block alone."""
        configuration, explained = self.study.configuration, list(model.explained[:1])
        return {
            "architecture": model.artefact.settings.get("architecture"),
            "layers": {name: model.layers[name] for name in explained},
            "explained": explained,
            "head": model.head,
            "preprocessing": model.preprocessing,
            "probes": [
                _requested(each, part, position)
                for position, each in enumerate(shown)
                for part in PROBES[each.builder].parts
            ],
            "threads": configuration.threads,
            **observe_settings(configuration.observe, methods),
            "reductions": ["gap"],
        }


def _folder(artefact: Artefact | None) -> str | None:
    return str(artefact.folder) if artefact else None


def _requested(shown: Shown, part: str, position: int) -> dict[str, Any]:
    explained = part in PROBES[shown.builder].explained
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
    yield from (a for a in (audit.probe_observation, audit.masked) if a is not None)
