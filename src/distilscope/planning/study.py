"""From a configuration to all artefacts of a study, each with its identity."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from distilscope import catalog
from distilscope.analyses.parts import plan as parts
from distilscope.analyses.randomisation.plan import derive
from distilscope.analyses.shortcuts.plan import plan_shortcuts
from distilscope.configuration.kinds import expanded
from distilscope.configuration.study import Configuration
from distilscope.planning import aggregate, fingerprint
from distilscope.planning.artefact import RESULTS, Artefact
from distilscope.planning.checks import plan_checks
from distilscope.planning.described import content_of, observe_settings
from distilscope.planning.models import Model, ModelPlan
from distilscope.store import publishing
from distilscope.store.contents import Content

PROBES = (
    {"name": "test", "split": "test", "contents": ["logits", "saliency", "features"]},
    {"name": "held-out", "split": "held-out", "contents": ["logits"]},
)


class Study:
    """All artefacts of one configuration.

    Args:
        configuration: parsed and checked.
        precision: `fp32` or `bf16`, resolved.
        root: the folder of the workflow, where bundled data lies.

    Raises:
        ConfigurationError: a file that the configuration names is not there, or its claims can't
            be used.
    """

    def __init__(self, configuration: Configuration, precision: str, root: Path) -> None:
        self.configuration = configuration
        self.precision = precision
        self.root = root
        self.dataset = self._dataset()
        plan = ModelPlan(configuration, precision, self.dataset)
        self.models, self.targets = plan.models, plan.targets
        self.by_id = {model.id: model for model in self.models}
        self.parts = parts.plan_parts(self)
        self.observations: dict[str, Artefact] = {}
        for model in self.models:
            self.observations[model.id] = self._observation(model)
        self.derived = derive(configuration, self.models, self.dataset)
        for derived in self.derived:
            self.observations[derived.model.id] = self._observation(derived.model)
        self.families = self._families()
        self.comparisons = {
            model.id: self._comparison(model, self.by_id[model.reference])
            for model in self.models
            if model.reference
        }
        self.ceilings = {
            (model.id, other.id): self._comparison(model, other)
            for model, other in self._further_pairs()
        }
        self.shortcuts = plan_shortcuts(self)
        self.networks = plan_checks(self)
        self.tables = aggregate.tables(self)
        self.figures = aggregate.figures(self)
        self.report = aggregate.report(self)

    # ------------------------------------------------------------------------------ the plan

    @cached_property
    def artefacts(self) -> dict[str, Artefact]:
        """Every artefact by its folder's name in the store: `<kind>/<name>`."""
        found = [
            self.dataset,
            *([self.parts] if self.parts else []),
            self.networks,
            *self.targets.values(),
            *(model.artefact for model in self.models),
            *(derived.model.artefact for derived in self.derived),
            *self.observations.values(),
            *self.shortcuts.artefacts,
            *self.comparisons.values(),
            *self.ceilings.values(),
            self.tables,
            self.figures,
            self.report,
        ]
        return {f"{a.kind}/{a.name}": a for a in found}

    def artefact(self, kind: str, name: str) -> Artefact:
        """The artefact that a rule's wildcard names."""
        return self.artefacts[f"{kind}/{name}"]

    @property
    def teachers(self) -> list[Artefact]:
        """The teachers and twins."""
        trained = [*self.models, *self.shortcuts.models.values()]
        return [m.artefact for m in trained if m.role in ("teacher", "twin")]

    @cached_property
    def reference_observations(self) -> frozenset[str]:
        """The names of the observations of teachers and twins, for which the others wait."""
        family = (model for model in self.models if model.role in ("teacher", "twin"))
        return frozenset(self.observations[model.id].name for model in family)

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
        return [self.marker, *(self.published / name for name in publishing.names())]

    @property
    def other_published_files(self) -> list[Path]:
        """Those that are no page of Snakemake's own report."""
        shown = {"report.html", *(f"figures/{name}.svg" for name in catalog.FIGURES)}
        return [self.published / name for name in publishing.names() if name not in shown]

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

    def _observed_files(self) -> tuple[str, ...]:
        found: list[str] = []
        for probe in PROBES:
            found.append(f"{probe['name']}/logits.parquet")
            if "saliency" in probe["contents"]:
                methods = self.configuration.observe.methods
                found += [f"{probe['name']}/saliency.{method}.parquet" for method in methods]
            if "features" in probe["contents"]:
                found += [f"{probe['name']}/features.safetensors"]
                found += [f"{probe['name']}/grams.safetensors"]
        return (*found, *(f"{parts.PROBE}/{name}" for name in parts.files_of_removal(self)))

    # ---------------------------------------------------------------------------------- data

    def _dataset(self) -> Artefact:
        data = self.configuration.data
        entry = catalog.DATASETS[data.name]
        place, content = self._source(entry)
        digest = content.digest if content else f"published {data.name}"
        return Artefact(
            kind="dataset",
            slug=data.name,
            settings={
                **data.model_dump(exclude={"path"}),
                "reader": entry.reader,
                "content": digest,
            },
            source=fingerprint.source("distilscope.data.prepare", entry.reader),
            files=("images.safetensors", "manifest.json"),
            information={"source": str(place)},
            contents={"data.path": content} if content else {},
        )

    def _source(self, entry: catalog.Dataset) -> tuple[Path, Content | None]:
        """Where the images are, and they as they are now; None of what is still downloaded."""
        data = self.configuration.data
        if entry.path == "downloaded":
            return self.data_folder / data.name, None
        place = self.root / entry.bundled_file if entry.bundled_file else expanded(data.path)
        return place, content_of(place, "data.path", entry.files)

    # --------------------------------------------------------------------------- observation

    def observation_settings(self, model: Model) -> dict[str, Any]:
        """What of a model is observed, whatever its references; without what parts add."""
        observe = self.configuration.observe
        return {
            "architecture": model.artefact.settings["architecture"],
            "layers": dict(model.layers),
            "layer_order": list(model.layers),
            "explained": list(model.explained),
            "head": model.head,
            "preprocessing": model.preprocessing,
            "probes": [dict(probe) for probe in PROBES],
            "threads": self.configuration.threads,
            **observe_settings(observe, observe.methods),
        }

    def _observation(self, model: Model) -> Artefact:
        references = (self.observations[model.reference],) if model.reference else ()
        methods = {name: catalog.METHODS[name] for name in self.configuration.observe.methods}
        settings, inputs = parts.observed(self)
        return Artefact(
            kind="observation",
            slug=model.artefact.slug,
            settings={**self.observation_settings(model), **settings},
            source=fingerprint.source(
                "distilscope.observing.observe",
                model.artefact.settings["architecture"]["builder"],
                *(method.module for method in methods.values()),
                without=parts.unused_by_observation(self),
            )
            + fingerprint.entries("METHODS", methods),
            files=self._observed_files(),
            inputs={
                "dataset": self.dataset,
                "model": model.artefact,
                "references": references,
                **inputs,
            },
        )

    def _families(self) -> dict[str, list[Model]]:
        """The teachers and twins of each teacher entry, by its name."""
        found: dict[str, list[Model]] = {}
        for model in self.models:
            if model.role in ("teacher", "twin"):
                found.setdefault(model.student, []).append(model)
        return found

    def _further_pairs(self) -> list[tuple[Model, Model]]:
        """Every member of a family with each teacher that students are compared with.

        The first teacher is the reference of its family anyway. An unordered pair stands here in
        both orders where both serve as references.
        """
        asked = {m.reference for m in self.models if m.role not in ("teacher", "twin")}
        return [
            (member, other)
            for family in self.families.values()
            for other in family
            if other.id in asked
            for member in family
            if member is not other and member.reference != other.id
        ]

    def _comparison(self, model: Model, reference: Model) -> Artefact:
        measures, observe = self.configuration.measures, self.configuration.observe
        settings, inputs = parts.compared(self)
        methods = {name: catalog.METHODS[name] for name in observe.methods}
        return Artefact(
            kind="comparison",
            slug=f"{model.artefact.slug}-vs-{reference.artefact.slug}",
            settings={
                "probe": "test",
                "methods": sorted(methods),
                "layers": [
                    list(pair) for pair in zip(model.explained, reference.explained, strict=False)
                ],
                "layer_names": list(model.layers),
                "reference_layer_names": list(reference.layers),
                "reductions": sorted(observe.reductions),
                "resolutions": ["native", "input"],
                "explained": ["reference", "own", "label"],
                "image_size": self.configuration.data.image_size,
                "curve": list(aggregate.IOU_CURVE),
                "object": parts.known_object(self),
                **measures.model_dump(
                    include={"top", "folds", "shuffles", "minimum_class", "neighbours", "seed"}
                ),
                **settings,
            },
            source=fingerprint.source(
                "distilscope.measuring.compare", without=parts.unused_by_comparison(self)
            )
            + fingerprint.entries("METHODS", methods)
            + parts.importances(self),
            files=("images.parquet", "layers.parquet", *parts.files_of_comparison(self)),
            inputs={
                "dataset": self.dataset,
                "observation": self.observations[model.id],
                "reference": self.observations[reference.id],
                "common": self._right(reference),
                **inputs,
            },
        )

    def _right(self, reference: Model) -> tuple[Artefact, ...]:
        """Whose observations say which images are common: the reference, its other seeds, twins.

        All comparisons with a family of teachers are on the same images.
        """
        family = self.families.get(reference.student, [reference])
        return tuple(self.observations[model.id] for model in family)
