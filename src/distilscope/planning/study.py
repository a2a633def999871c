"""From a configuration to all artefacts of a study, each with its identity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from distilscope import catalog
from distilscope.configuration.kinds import expanded
from distilscope.configuration.study import Configuration
from distilscope.planning import aggregate, fingerprint, hooks, modality
from distilscope.planning.artefact import RESULTS, Artefact, in_order_of_settings
from distilscope.planning.checks import plan_checks
from distilscope.planning.comparisons import Comparison, comparisons, families
from distilscope.planning.modality import PROBE
from distilscope.planning.model import FAMILY, Model
from distilscope.planning.models import ModelPlan
from distilscope.planning.settings import observe_settings
from distilscope.store import publishing


class Study:
    """All artefacts of one configuration.

    Args:
        configuration: parsed and checked.
        precision: `fp32` or `bf16`, resolved.
        root: the folder of the workflow, where bundled data lies.

    Attributes:
        modality: the plan of what its examples are.
        plans: what each analysis adds, by its name.
        models: in the order of every table. by_id: the same by their names.
        learnt_from: what they learn from besides the dataset, by name.
        observations: of each model, by its name; of models of analyses too.
        comparisons: which models are compared. compared: (model, reference) -> the artefact, in
            that order, of those in which an analysis compares something.

    Raises:
        ConfigurationError: a file that the configuration names is not there, or its claims can't
            be used.
    """

    def __init__(self, configuration: Configuration, precision: str, root: Path) -> None:
        self.configuration = configuration
        self.precision = precision
        self.root = root
        self.modality = modality.of(configuration)
        self.dataset = self.modality.dataset(root, self.data_folder)
        self.plans = hooks.plans(self, configuration.analyses.on())
        plan = ModelPlan(configuration, precision, self.dataset)
        self.models, self.learnt_from = plan.models, plan.sources.learnt_from
        self.by_id = {model.id: model for model in self.models}
        self.families = families(self.models)
        self.names = {model.condition: plan.key(model.condition) for model in self.models}
        self._each("prepare")
        self.comparisons = comparisons(self.models, configuration.compare)
        self.observations: dict[str, Artefact] = {}
        for model in self.models:
            self.observe(model, self._references(model))
        made = {(e.model.id, e.reference.id): self._comparison(e) for e in self.comparisons}
        self.compared = {pair: artefact for pair, artefact in made.items() if artefact}
        self._each("follow")
        self.networks = plan_checks(self)
        self.tables = aggregate.tables(self)
        self.figures = aggregate.figures(self)
        self.report = aggregate.report(self)

    def _each(self, hook: str) -> None:
        for plan in self.plans.values():
            getattr(plan, hook)()

    # ------------------------------------------------------------------------------ the plan

    @cached_property
    def artefacts(self) -> dict[str, Artefact]:
        """Every artefact by its folder's name in the store: `<kind>/<name>`."""
        found = [*aggregate.made(self), self.tables, self.figures, self.report]
        return {f"{a.kind}/{a.name}": a for a in found}

    def artefact(self, kind: str, name: str) -> Artefact:
        """The artefact that a rule's wildcard names."""
        return self.artefacts[f"{kind}/{name}"]

    def of_kind(self, kind: str) -> list[Artefact]:
        """The artefacts of a kind."""
        return [artefact for artefact in self.artefacts.values() if artefact.kind == kind]

    @property
    def trained(self) -> Iterator[Model]:
        """The models of the study, and those that analyses train."""
        yield from self.models
        for plan in self.plans.values():
            yield from plan.models

    @property
    def teachers(self) -> list[Artefact]:
        """The teachers and twins, those of analyses too."""
        return [m.artefact for m in self.trained if m.role in FAMILY]

    @property
    def teacher_observations(self) -> list[Artefact]:
        """The observations of teachers and twins, for which those of students wait."""
        return [self.observations[m.id] for m in self.models if m.role in FAMILY]

    @property
    def derived_observations(self) -> list[Artefact]:
        """The observations of models that are made of others: they wait for those."""
        made = {m.id for m in self.models if m.original is None}
        return [found for name, found in self.observations.items() if name not in made]

    @property
    def committee_observations(self) -> list[Artefact]:
        """The observations of committees, which have no layers."""
        return [self.observations[m.id] for m in self.models if m.role == "committee"]

    @property
    def committee_comparisons(self) -> list[Artefact]:
        """The comparisons with committees."""
        committees = {m.id for m in self.models if m.role == "committee"}
        return [made for (_, other), made in self.compared.items() if other in committees]

    @property
    def marker(self) -> Path:
        """The file that says that results/<study>/ holds this study and not an earlier one."""
        return self.published / f".{self.report.identity}.published"

    @property
    def published(self) -> Path:
        """The folder that people open."""
        return RESULTS / self.configuration.study

    @property
    def published_files(self) -> list[Path]:
        """The files of that folder: a run makes them again where one is missing."""
        names = publishing.names(self.tables.files, self.figures.files)
        return [self.marker, *(self.published / name for name in names)]

    @property
    def other_published_files(self) -> list[Path]:
        """Those that are no page of Snakemake's own report."""
        shown = {"report.html", *(f"figures/{name}.svg" for name in self.figure_names)}
        published = self.published_files[1:]
        return [p for p in published if str(p.relative_to(self.published)) not in shown]

    @property
    def figure_names(self) -> list[str]:
        """The figures of the study's analyses, in the order of the report."""
        return [name for plan in self.plans.values() for name in plan.figures()]

    @property
    def table_names(self) -> list[str]:
        """The tables that every study has, and those of its analyses."""
        own = [name for plan in self.plans.values() for name in plan.tables()]
        claimed = ["claims", "published"] if self.configuration.claims else []
        return ["conditions", "models", "measures", "seeds", *claimed, *own]

    @property
    def data_folder(self) -> Path:
        """Where downloaded datasets lie."""
        return expanded(self.configuration.data_folder)

    @property
    def downloads(self) -> list[str]:
        """The markers of what has to be fetched before the dataset can be read."""
        data = self.configuration.data
        if catalog.DATASETS[data.name].path != "downloaded":
            return []
        return [str(self.data_folder / f"{data.name}.complete")]

    # --------------------------------------------------------------------------- observation

    @cached_property
    def _needed(self) -> frozenset[str]:
        """What the analyses read of a model on the test probe."""
        return frozenset(need for plan in self.plans.values() for need in plan.analysis.needs)

    @cached_property
    def _observed(self) -> list[hooks.Addition]:
        return [plan.observed() for plan in self.plans.values()]

    def methods_of(self, model: Model) -> list[str]:
        """The explanation methods that a model's observation runs: a committee has no layers."""
        if "saliency" not in self._needed:
            return []
        asked = self.configuration.observe.methods
        return [m for m in asked if model.explained or catalog.METHODS[m].at != "layers"]

    def observation_settings(self, model: Model) -> dict[str, Any]:
        """What of a model is observed, whatever its references; without what analyses add."""
        observe = self.configuration.observe
        timed = tuple(observe.latency)
        return {
            "architecture": model.artefact.settings.get("architecture"),
            "layers": dict(model.layers),
            "layer_order": list(model.layers),
            "explained": list(model.explained),
            "head": model.head,
            "preprocessing": model.preprocessing,
            "probes": self.modality.probes(self._needed),
            "threads": self.configuration.threads,
            **observe_settings(observe, self.methods_of(model)),
            **({} if timed == catalog.LATENCY_BATCHES else {"latency": list(timed)}),
        }

    def observe(self, model: Model, references: tuple[Artefact, ...]) -> Artefact:
        """Plan the observation of a model, which explains what the references predict."""
        methods = {name: catalog.METHODS[name] for name in self.methods_of(model)}
        builder = (model.artefact.settings.get("architecture") or {}).get("builder")
        added = {name: value for each in self._observed for name, value in each.settings.items()}
        observers = [module for each in self._observed for module in each.modules]
        artefact = Artefact(
            kind="observation",
            slug=model.artefact.slug,
            settings={**self.observation_settings(model), **added, "observers": observers},
            source=fingerprint.source(
                self.modality.module("observation"),
                *([builder] if builder else []),
                *(method.module for method in methods.values()),
                *observers,
            )
            + fingerprint.entries("METHODS", methods),
            inputs={
                "dataset": self.dataset,
                "model": model.artefact,
                "references": references,
                **hooks.inputs_of(self._observed),
            },
            information=self.modality.made_by("observation"),
            files=tuple(self._observed_files(methods)),
        )
        self.observations[model.id] = artefact
        return artefact

    def _observed_files(self, methods: Mapping[str, Any]) -> Iterator[str]:
        for probe in self.modality.probes(self._needed):
            names = self.modality.observed(probe, methods)
            yield from (f"{probe['name']}/{name}" for name in names)
        yield from (file for each in self._observed for file in each.files)

    def _references(self, model: Model) -> tuple[Artefact, ...]:
        """The observations of the models that it is compared with and that come before it.

        None where an observation reads nothing of them.
        """
        if not self.modality.explains_references:
            return ()
        return in_order_of_settings(
            self.observations[each.reference.id]
            for each in self.comparisons
            if each.model is model and each.reference.id in self.observations
        )

    def _comparison(self, each: Comparison) -> Artefact | None:
        model, reference = each.model, each.reference
        found = {name: plan.compared(model, reference) for name, plan in self.plans.items()}
        added = {name: addition for name, addition in found.items() if addition is not None}
        if not added:
            return None
        methods = sorted(set(self.methods_of(model)) & set(self.methods_of(reference)))
        entries = {name: catalog.METHODS[name] for name in methods}
        source = fingerprint.source(
            "distilscope.measuring.compare",
            *filter(None, (self.plans[name].analysis.compare for name in added)),
            *(module for addition in added.values() for module in addition.modules),
        ) + fingerprint.entries("METHODS", entries)
        pairs = zip(model.explained, reference.explained, strict=False)
        return Artefact(
            kind="comparison",
            slug=f"{model.artefact.slug}-vs-{reference.artefact.slug}",
            settings={
                "probe": PROBE,
                "image_size": self.configuration.data.image_size,
                "methods": methods,
                "layers": [list(pair) for pair in pairs],
                "layer_names": list(model.layers),
                "reference_layer_names": list(reference.layers),
                "reductions": sorted(self.configuration.observe.reductions),
                "analyses": {name: dict(addition.settings) for name, addition in added.items()},
            },
            source=source,
            inputs={
                "dataset": self.dataset,
                "observation": self.observations[model.id],
                "reference": self.observations[reference.id],
                "common": self._right(reference),
                **hooks.inputs_of(added.values()),
            },
            files=tuple(file for addition in added.values() for file in addition.files),
        )

    def _right(self, reference: Model) -> tuple[Artefact, ...]:
        """Whose observations say which images are common: the reference, its other seeds, twins.

        All comparisons with a family of teachers are on the same images; with a committee, on
        those that all its members get right.
        """
        if reference.network in self.families:
            return tuple(self.observations[m.id] for m in self.families[reference.network])
        members = in_order_of_settings(self.observations[name] for name in reference.teachers)
        return (self.observations[reference.id], *members)
