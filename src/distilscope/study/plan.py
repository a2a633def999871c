"""From a configuration to all artefacts of a study, each with its identity."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from distilscope import catalog, claims, fingerprint, store
from distilscope.settings import Configuration
from distilscope.study.artefact import RESULTS, Artefact
from distilscope.study.derived import Derived, derive
from distilscope.study.models import (
    Model,
    ModelPlan,
    digest_of,
    network_settings,
    user_path,
)

PROBES = (
    {"name": "test", "split": "test", "contents": ["logits", "saliency", "features"]},
    {"name": "held-out", "split": "held-out", "contents": ["logits"]},
)

ORDERLESS = (
    "seeds",
    "twins",
    "students",
    "teachers",
    "T",
    "alpha",
    "floors",
    "methods",
    "reductions",
)
"""Lists of the configuration whose order changes no result."""

IOU_CURVE = (0.05, 0.1, 0.2, 0.3, 0.5)


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
        self.networks = self._networks()
        plan = ModelPlan(configuration, precision, self.dataset)
        self.models, self.targets = plan.models, plan.targets
        self.by_id = {model.id: model for model in self.models}
        self.observations: dict[str, Artefact] = {}
        for model in self.models:
            self.observations[model.id] = self._observation(model)
        self.derived = derive(configuration, self.models, self.dataset)
        for derived in self.derived:
            self.observations[derived.model.id] = self._observation(derived.model)
        self.comparisons = {
            model.id: self._comparison(model) for model in self.models if model.reference
        }
        self.tables = self._tables()
        self.figures = self._figures()
        self.report = self._report()

    # ------------------------------------------------------------------------------ the plan

    @cached_property
    def artefacts(self) -> dict[str, Artefact]:
        """Every artefact by its folder's name in the store: `<kind>/<name>`."""
        found = [
            self.dataset,
            *self.networks,
            *self.targets.values(),
            *(model.artefact for model in self.models),
            *(derived.model.artefact for derived in self.derived),
            *self.observations.values(),
            *self.comparisons.values(),
            self.tables,
            self.figures,
            self.report,
        ]
        return {f"{a.kind}/{a.name}": a for a in found}

    def artefact(self, kind: str, name: str) -> Artefact:
        """The artefact that a rule's wildcard names."""
        return self.artefacts[f"{kind}/{name}"]

    def outputs(self, kind: str) -> list[str]:
        """The files of an artefact of that kind, relative to its folder; `run.json` is last."""
        names = {
            "dataset": ["images.safetensors", "manifest.json"],
            "networks": [],
            "model": ["weights.safetensors", "history.parquet"],
            "derived": ["weights.safetensors"],
            "targets": ["logits.npy", "views.npy", "indices.npy"],
            "observation": self._observed_files(),
            "comparison": ["images.parquet", "layers.parquet"],
            "tables": [f"{name}.parquet" for name in catalog.TABLES],
            "figures": [f"{f}.{ext}" for f in catalog.FIGURES for ext in ("svg", "png", "csv")],
            "report": ["report.html", "summary.txt"],
        }[kind]
        return [*names, "run.json"]

    @property
    def teachers(self) -> list[str]:
        """The names of teachers' and twins' artefacts, as rules know them."""
        return [m.artefact.name for m in self.models if m.role in ("teacher", "twin")]

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
        """The files of that folder that a run makes again where one is missing."""
        figures = [self.published / "figures" / f"{name}.svg" for name in catalog.FIGURES]
        return [self.marker, self.published / "report.html", *figures]

    @property
    def published_from(self) -> list[Path]:
        """The files of the store that the study's folder is copied from."""
        return [
            artefact.folder / name
            for artefact in (self.tables, self.figures, self.report)
            for name in self.outputs(artefact.kind)
        ]

    @property
    def downloads(self) -> list[str]:
        """The markers of what has to be fetched before the dataset can be read."""
        data = self.configuration.data
        if catalog.DATASETS[data.name].path != "downloaded":
            return []
        return [f"{self.configuration.data_folder}/{data.name}.complete"]

    def _observed_files(self) -> list[str]:
        found = []
        for probe in PROBES:
            found.append(f"{probe['name']}/logits.parquet")
            if "saliency" in probe["contents"]:
                methods = self.configuration.observe.methods
                found += [f"{probe['name']}/saliency.{method}.parquet" for method in methods]
            if "features" in probe["contents"]:
                found += [f"{probe['name']}/features.safetensors"]
                found += [f"{probe['name']}/grams.safetensors"]
        return found

    # ---------------------------------------------------------------------------------- data

    def _dataset(self) -> Artefact:
        data = self.configuration.data
        entry = catalog.DATASETS[data.name]
        place, content = self._source(entry)
        return Artefact(
            kind="dataset",
            slug=data.name,
            settings={
                **data.model_dump(exclude={"path"}),
                "reader": entry.reader,
                "content": content,
            },
            source=fingerprint.source("distilscope.data.prepare", entry.reader),
            information={"source": str(place)},
        )

    def _source(self, entry: catalog.Dataset) -> tuple[Path, str]:
        """Where the images are, and the digest of them as they are now."""
        data = self.configuration.data
        if entry.path == "downloaded":
            return Path(self.configuration.data_folder) / data.name, f"published {data.name}"
        if entry.bundled_file:
            place = self.root / entry.bundled_file
        else:
            place = user_path(data.path, "data.path")
        return place, digest_of(place, "data.path")

    # ------------------------------------------------------------------------------ networks

    def _networks(self) -> tuple[Artefact, ...]:
        """The check of layers that the catalogue doesn't vouch for, before any training."""
        own = [
            {
                "name": name,
                "architecture": network_settings(entry),
                "layers": dict(entry.layers),
            }
            for name, entry in [
                *self.configuration.teachers.items(),
                *self.configuration.students.items(),
            ]
            if entry.layers
        ]
        if not own:
            return ()
        builders = [network["architecture"]["builder"] for network in own]
        return (
            Artefact(
                kind="networks",
                slug=self.configuration.study,
                settings={"networks": own, "image_size": self.configuration.data.image_size},
                source=fingerprint.source("distilscope.models.networks", *builders),
                inputs={"dataset": self.dataset},
            ),
        )

    # --------------------------------------------------------------------------- observation

    def _observation(self, model: Model) -> Artefact:
        observe = self.configuration.observe
        references = (self.observations[model.reference],) if model.reference else ()
        methods = {name: catalog.METHODS[name] for name in observe.methods}
        architecture = model.artefact.settings["architecture"]
        return Artefact(
            kind="observation",
            slug=model.artefact.slug,
            settings={
                "architecture": architecture,
                "layers": dict(model.layers),
                "layer_order": list(model.layers),
                "explained": list(model.explained),
                "head": model.head,
                "preprocessing": model.preprocessing,
                "probes": [dict(probe) for probe in PROBES],
                "threads": self.configuration.threads,
                **observe.model_dump(),
                "methods": sorted(methods),
                "reductions": sorted(observe.reductions),
            },
            source=fingerprint.source(
                "distilscope.observing.observe",
                architecture["builder"],
                *(method.module for method in methods.values()),
            )
            + fingerprint.entries("METHODS", methods),
            inputs={
                "dataset": self.dataset,
                "model": model.artefact,
                "references": references,
            },
        )

    def _comparison(self, model: Model) -> Artefact:
        reference = self.by_id[model.reference]
        measures, observe = self.configuration.measures, self.configuration.observe
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
                "curve": list(IOU_CURVE),
                **measures.model_dump(
                    include={"top", "folds", "shuffles", "minimum_class", "neighbours", "seed"}
                ),
            },
            source=fingerprint.source("distilscope.measuring.compare")
            + fingerprint.entries("METHODS", methods),
            inputs={
                "dataset": self.dataset,
                "observation": self.observations[model.id],
                "reference": self.observations[reference.id],
                "common": self._ceiling(reference),
            },
        )

    def _ceiling(self, reference: Model) -> tuple[Artefact, ...]:
        """The teacher and its twins: an image is common where all of them are right."""
        family = [m for m in self.models if m.student == reference.student and m.role != "floor"]
        twins = [m for m in family if m.role == "twin"]
        return tuple(self.observations[m.id] for m in [reference, *twins])

    # --------------------------------------------------------------------------- aggregation

    def _tables(self) -> Artefact:
        compared = [self.comparisons[m.id] for m in self.models if m.id in self.comparisons]
        measures = self.configuration.measures
        return Artefact(
            kind="tables",
            slug=self.configuration.study,
            settings={
                "study": self.configuration.study,
                "models": [self._row(model) for model in self.models],
                "measures": measures.model_dump(
                    include={
                        *("ece_bins", "bootstrap", "level", "seed"),
                        *("top", "folds", "minimum_class"),
                    }
                ),
                "divergent": max(
                    self.configuration.report.divergent, self.configuration.report.explorer
                ),
                "claims": self._claims(),
                "sanity": [self._derived_row(derived) for derived in self.derived],
                "methods": sorted(self.configuration.observe.methods),
            },
            source=fingerprint.source("distilscope.measuring.tables"),
            inputs={
                "dataset": self.dataset,
                "models": tuple(model.artefact for model in self.models),
                "observations": tuple(self.observations[model.id] for model in self.models),
                "comparisons": tuple(compared),
                "derived": tuple(self.observations[d.model.id] for d in self.derived),
            },
        )

    def _derived_row(self, derived: Derived) -> dict[str, Any]:
        return {
            "id": derived.model.id,
            "original": derived.model.reference,
            "randomised": derived.layer,
            "steps": [list(step) for step in derived.steps],
            "observation": str(self.observations[derived.model.id].folder),
        }

    def _claims(self) -> dict[str, Any] | None:
        """The claims themselves, so that a comment in their file plans nothing, and their scope."""
        given = self.configuration.claims
        if given is None:
            return None
        found = claims.load(str(user_path(given, "claims")), (self.root, Path()))
        data, scale = self.configuration.data.name, self.configuration.scale
        published = scale == "paper" and data == found.dataset
        return {
            "file": found.model_dump(),
            "published_data": published,
            "scope": f"published data ({data})" if published else f"here ({data}, {scale} scale)",
        }

    def _row(self, model: Model) -> dict[str, Any]:
        compared, methods = self.comparisons.get(model.id), self.configuration.observe.methods
        return {
            "id": model.id,
            "kind": model.kind,
            "role": model.role,
            "student": model.student,
            "architecture": model.architecture,
            "objective": model.objective,
            "objective_params": _text(model.parameters),
            "T": model.parameters.get("T"),
            "alpha": model.parameters.get("alpha"),
            "seed": model.seed,
            "teacher": model.teacher,
            "reference": model.reference,
            "identity": model.artefact.identity,
            "last_block": model.explained[0] if "gradcam" in methods else None,
            "model": str(model.artefact.folder),
            "observation": str(self.observations[model.id].folder),
            "comparison": str(compared.folder) if compared else None,
        }

    def _figures(self) -> Artefact:
        return Artefact(
            kind="figures",
            slug=self.configuration.study,
            settings={
                "scale": self.configuration.scale,
                "divergent": self.configuration.report.divergent,
            },
            source=fingerprint.source("distilscope.reporting.figures", *catalog.FIGURES.values()),
            inputs={"tables": self.tables, "dataset": self.dataset},
        )

    def _report(self) -> Artefact:
        """The report, made from the tables, the figures and the settings of the study."""
        made = [self.dataset, *self.targets.values(), *(m.artefact for m in self.models)]
        made += [derived.model.artefact for derived in self.derived]
        made += [*self.observations.values(), *self.comparisons.values(), self.tables, self.figures]
        return Artefact(
            kind="report",
            slug=self.configuration.study,
            settings={
                "study": self.configuration.study,
                "scale": self.configuration.scale,
                "configuration": _shown(self.configuration),
                "precision": self.precision,
                "explorer": self.configuration.report.explorer,
            },
            source=fingerprint.source("distilscope.reporting.report")
            + fingerprint.files("reporting/templates", "*.html", "*.css", "*.js")
            + fingerprint.entries("MEASURES", catalog.MEASURES),
            inputs={"tables": self.tables, "figures": self.figures, "dataset": self.dataset},
            information={
                "title": self.configuration.title,
                "runs": [str(artefact.folder / "run.json") for artefact in made],
            },
        )


def _text(parameters: Mapping[str, float]) -> str | None:
    """An objective's parameters as one text, or None where it has none."""
    return store.canonical_json(parameters) if parameters else None


def _shown(configuration: Configuration) -> dict[str, Any]:
    """The settings as the report shows them: an order that means nothing is left out.

    With several teachers' seeds the order of seeds says which student learns from which.
    """
    shown = configuration.model_dump(
        exclude={"title": True, "device": True, "data_folder": True, "data": {"path"}}
    )
    paired = any(len(teacher["seeds"]) > 1 for teacher in shown["teachers"].values())
    for where in (shown, shown["observe"], *shown["teachers"].values(), *shown["grid"]):
        for key in ORDERLESS:
            if isinstance(where.get(key), list) and not (key == "seeds" and paired):
                where[key] = sorted(set(where[key]))
    shown["grid"].sort(key=store.canonical_json)
    return shown
