"""What is made of all models of a study together: its tables, its figures, its report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilscope import catalog, store
from distilscope.analyses.parts import plan as parts
from distilscope.analyses.randomisation.plan import Derived
from distilscope.configuration import claims
from distilscope.configuration.kinds import expanded
from distilscope.configuration.study import Configuration
from distilscope.planning import fingerprint
from distilscope.planning.artefact import Artefact
from distilscope.planning.models import Model
from distilscope.workflow.provenance import RUNS_FILE

if TYPE_CHECKING:
    from distilscope.planning.study import Study

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


def tables(study: Study) -> Artefact:
    """Every number of the study, from all observations and comparisons."""
    compared = [*study.comparisons.values(), *study.ceilings.values()]
    ceilings = _ceilings_by_model(study)
    measures, methods = study.configuration.measures, study.configuration.observe.methods
    return Artefact(
        kind="tables",
        slug=study.configuration.study,
        settings={
            "study": study.configuration.study,
            "models": [_row(study, model, ceilings) for model in study.models],
            "measures": {
                "curve": list(IOU_CURVE),
                **measures.model_dump(
                    include={
                        *("ece_bins", "bootstrap", "level", "seed"),
                        *("top", "folds", "minimum_class"),
                    }
                ),
            },
            "divergent": max(
                study.configuration.report.divergent, study.configuration.report.explorer
            ),
            "claims": _claims(study),
            "sanity": [_derived_row(study, derived) for derived in study.derived],
            "methods": sorted(methods),
            "parts": parts.told(study),
            "shortcuts": {
                "rules": study.configuration.shortcuts.model_dump(exclude={"causal"}),
                "image_size": study.configuration.data.image_size,
                "took": study.configuration.planted.took if study.configuration.planted else None,
            },
            "audits": [audit.row() for audit in study.shortcuts.judged],
        },
        source=fingerprint.source("distilscope.measuring.tables")
        + fingerprint.entries("METHODS", {name: catalog.METHODS[name] for name in methods}),
        files=(*(f"{name}.parquet" for name in catalog.TABLES), RUNS_FILE),
        inputs={
            "dataset": study.dataset,
            "models": tuple(model.artefact for model in study.models),
            "observations": tuple(study.observations[model.id] for model in study.models),
            "comparisons": tuple(compared),
            "derived": tuple(study.observations[d.model.id] for d in study.derived),
            "shortcuts": study.shortcuts.inputs,
            **({"parts": study.parts} if study.parts else {}),
            "others": _others(study),
        },
        information={"runs": [str(made.folder / store.RUN_FILE) for made in _made(study)]},
    )


def _made(study: Study) -> list[Artefact]:
    """All that the tables are made from, in the order of the work."""
    return [
        study.dataset,
        study.networks,
        *([study.parts] if study.parts else []),
        *study.targets.values(),
        *(model.artefact for model in study.models),
        *(derived.model.artefact for derived in study.derived),
        *study.shortcuts.artefacts,
        *study.observations.values(),
        *study.comparisons.values(),
        *study.ceilings.values(),
    ]


def _others(study: Study) -> tuple[Artefact, ...]:
    """Of which the tables tell no number, and who made them and when; their order says nothing."""
    found = (
        study.networks,
        *study.targets.values(),
        *(derived.model.artefact for derived in study.derived),
        *study.shortcuts.artefacts,
    )
    return tuple(sorted(found, key=lambda artefact: artefact.identity))


def _derived_row(study: Study, derived: Derived) -> dict[str, Any]:
    return {
        "id": derived.model.id,
        "original": derived.model.reference,
        "randomised": derived.layer,
        "steps": [list(step) for step in derived.steps],
        "observation": str(study.observations[derived.model.id].folder),
    }


def _claims(study: Study) -> dict[str, Any] | None:
    """The claims themselves, so that a comment in their file plans nothing, and their scope."""
    given = study.configuration.claims
    if given is None:
        return None
    found = claims.load(str(expanded(given)), (study.root, Path()))
    data, scale = study.configuration.data.name, study.configuration.scale
    published = scale == "paper" and data == found.dataset
    return {
        "file": found.model_dump(),
        "published_data": published,
        "scope": f"published data ({data})" if published else f"here ({data}, {scale} scale)",
    }


def _ceilings_by_model(study: Study) -> dict[str, dict[str, str]]:
    """Model id -> the folders of its further comparisons, by the other's id."""
    found: dict[str, dict[str, str]] = {}
    for (own, other), made in study.ceilings.items():
        found.setdefault(own, {})[other] = str(made.folder)
    return found


def _row(study: Study, model: Model, ceilings: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    compared, methods = study.comparisons.get(model.id), study.configuration.observe.methods
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
        "explained": list(model.explained) if "gradcam" in methods else [],
        "model": str(model.artefact.folder),
        "observation": str(study.observations[model.id].folder),
        "comparison": str(compared.folder) if compared else None,
        "ceilings": dict(ceilings.get(model.id, {})),
    }


def figures(study: Study) -> Artefact:
    """All figures, drawn from the tables."""
    return Artefact(
        kind="figures",
        slug=study.configuration.study,
        settings={
            "scale": study.configuration.scale,
            "divergent": study.configuration.report.divergent,
            "parts": parts.told(study),
        },
        source=fingerprint.source("distilscope.reporting.figures", *catalog.FIGURES.values())
        + _shown_entries(),
        files=tuple(f"{name}.{ext}" for name in catalog.FIGURES for ext in ("svg", "png", "csv")),
        inputs={"tables": study.tables, "dataset": study.dataset},
    )


def report(study: Study) -> Artefact:
    """The report, made from the tables, the figures and the settings of the study."""
    return Artefact(
        kind="report",
        slug=study.configuration.study,
        settings={
            "study": study.configuration.study,
            "scale": study.configuration.scale,
            "configuration": _shown(study.configuration),
            "precision": study.precision,
            "explorer": study.configuration.report.explorer,
            "parts": parts.told(study),
        },
        source=fingerprint.source("distilscope.reporting.report")
        + fingerprint.files("reporting/templates", "*.html", "*.css", "*.js")
        + _shown_entries(),
        files=("report.html", "summary.txt"),
        inputs={"tables": study.tables, "figures": study.figures, "dataset": study.dataset},
        information={"title": study.configuration.title},
    )


def _shown_entries() -> fingerprint.Fingerprint:
    """The entries of the catalogue by which figures and report are worded and ordered."""
    return (
        fingerprint.entries("FIGURES", catalog.FIGURES)
        + fingerprint.entries("MEASURES", catalog.MEASURES)
        + fingerprint.entries("PART_SOURCES", catalog.PART_SOURCES)
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
