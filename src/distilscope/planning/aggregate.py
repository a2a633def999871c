"""What is made of all models of a study together: its tables, its figures, its report."""

from __future__ import annotations

import functools
import itertools
import operator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilscope import catalog, store
from distilscope.configuration import claims, statements
from distilscope.configuration.kinds import expanded
from distilscope.configuration.study import Configuration
from distilscope.planning import fingerprint, hooks
from distilscope.planning.artefact import Artefact, many
from distilscope.planning.labels import labels
from distilscope.planning.model import Model

if TYPE_CHECKING:
    from distilscope.planning.study import Study

ORDERLESS = ("seeds", "twins", "students", "teachers", "floors", "methods", "reductions", "compare")
"""Lists of the configuration whose order changes no result, beside an objective's parameters."""


def made(study: Study) -> list[Artefact]:
    """All that the tables are made from, in the order of the work."""
    return [
        study.dataset,
        study.networks,
        *study.learnt_from.values(),
        *(model.artefact for model in study.models),
        *(artefact for plan in study.plans.values() for artefact in plan.artefacts),
        *study.observations.values(),
        *study.compared.values(),
    ]


def tables(study: Study) -> Artefact:
    """Every number of the study, from all observations and comparisons."""
    configuration = study.configuration
    added = {name: plan.tabulated() for name, plan in study.plans.items()}
    declared = [plan.analysis for plan in study.plans.values()]
    methods = {name: catalog.METHODS[name] for name in configuration.observe.methods}
    inputs = {
        "dataset": study.dataset,
        "models": tuple(model.artefact for model in study.models),
        "observations": tuple(study.observations[model.id] for model in study.models),
        "comparisons": tuple(study.compared.values()),
        **hooks.inputs_of(added.values()),
    }
    read = {a.folder for found in inputs.values() for a in many(found)}
    # Of the rest the tables tell no number, only who made it and when; its order says nothing.
    others = {a.folder: a for a in made(study) if a.folder not in read}
    return Artefact(
        kind="tables",
        slug=configuration.study,
        settings={
            "study": configuration.study,
            **_unit(study),
            "models": [_row(study, model) for model in study.models],
            "conditions": _conditions(study),
            "statistics": configuration.statistics.model_dump(),
            "methods": sorted(methods),
            "claims": _claims(study),
            "analyses": {name: dict(each.settings) for name, each in added.items()},
        },
        source=fingerprint.source(
            "distilscope.measuring.tables",
            *(path for a in declared for path in (a.measure, a.conclude) if path),
            *(form.contrasts for form in statements.forms().values()),
        )
        + fingerprint.entries("METHODS", methods),
        inputs={**inputs, "others": tuple(sorted(others.values(), key=lambda a: a.identity))},
        information={"runs": [str(each.folder / store.RUN_FILE) for each in made(study)]},
        files=(*(f"{name}.parquet" for name in study.table_names), store.RUNS_FILE),
    )


def _conditions(study: Study) -> dict[str, dict[str, Any]]:
    """Name -> what a condition is, its label, and the columns that its objective derives."""
    named = labels(study.names)
    found = {}
    for condition, name in study.names.items():
        objective = catalog.OBJECTIVES.get(condition.objective)
        derived = objective.columns(dict(condition.parameters)) if objective else {}
        found[name] = {"label": named[condition], **condition.record(), "derived": derived}
    return found


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


def _row(study: Study, model: Model) -> dict[str, Any]:
    """What the tables job gets of a model."""
    compared = [
        {
            "reference": each.reference.id,
            "relation": each.relation,
            "folder": str(made.folder) if (made := study.compared.get(pair)) else None,
        }
        for each in study.comparisons
        if each.model is model and (pair := (model.id, each.reference.id))
    ]
    return {
        "id": model.id,
        "condition": study.names[model.condition],
        "role": model.role,
        "network": model.network,
        "source": model.condition.source,
        "architecture": model.architecture,
        "seed": model.seed,
        "teachers": list(model.teachers),
        "identity": model.artefact.identity,
        "explained": list(model.explained) if study.methods_of(model) else [],
        "model": str(model.artefact.folder),
        "observation": str(study.observations[model.id].folder),
        "comparisons": compared,
    }


def figures(study: Study) -> Artefact:
    """The figures of the study's analyses, drawn from the tables."""
    names = study.figure_names
    draw = [
        figure.draw
        for plan in study.plans.values()
        for name, figure in plan.analysis.figures.items()
        if name in names
    ]
    return Artefact(
        kind="figures",
        slug=study.configuration.study,
        settings={"figures": names, **_shown_settings(study)},
        source=fingerprint.source("distilscope.reporting.figures", *draw) + _declared(study),
        inputs={"tables": study.tables, "dataset": study.dataset},
        files=tuple(f"{name}.{form}" for name in names for form in ("svg", "png", "csv")),
    )


def report(study: Study) -> Artefact:
    """The report, made from the tables, the figures and the settings of the study."""
    declared = [plan.analysis for plan in study.plans.values()]
    return Artefact(
        kind="report",
        slug=study.configuration.study,
        settings={
            "study": study.configuration.study,
            "configuration": _shown(study.configuration),
            "precision": study.precision,
            "explorer": study.configuration.report.explorer,
            "figures": study.figure_names,
            **_shown_settings(study),
        },
        source=fingerprint.source(
            "distilscope.reporting.report",
            *(path for analysis in declared for path in analysis.reported),
        )
        + fingerprint.files("reporting/templates", "*.html", "*.css")
        + fingerprint.beside(
            (part.context.partition(":")[0], path)
            for analysis in declared
            for part in analysis.sections
            for path in part.files
        )
        + _declared(study),
        inputs={"tables": study.tables, "figures": study.figures, "dataset": study.dataset},
        information={"title": study.configuration.title},
        files=("report.html", "summary.txt"),
    )


def _shown_settings(study: Study) -> dict[str, Any]:
    """What the jobs of figures and report get."""
    return {
        **_unit(study),
        "scale": study.configuration.scale,
        "divergent": study.configuration.report.divergent,
        "analyses": {name: dict(plan.drawn()) for name, plan in study.plans.items()},
    }


def _unit(study: Study) -> dict[str, str]:
    """What examples are called, where that is not images."""
    unit = catalog.MODALITIES[catalog.DATASETS[study.configuration.data.name].modality].unit
    return {} if unit == "images" else {"unit": unit}


def _declared(study: Study) -> fingerprint.Fingerprint:
    """What analyses, methods and ways of compressing declare, by which figures and report are
    worded and their rows ordered.
    """
    analyses = {name: plan.analysis for name, plan in study.plans.items()}
    methods = {name: catalog.METHODS[name] for name in study.configuration.observe.methods}
    declared = {"analyses": analyses, "METHODS": methods, "COMPRESSIONS": catalog.COMPRESSIONS}
    found = [fingerprint.entries(name, own) for name, own in declared.items()]
    return functools.reduce(operator.add, found)


def _shown(configuration: Configuration) -> dict[str, Any]:
    """The settings as the report shows them: an order that means nothing is left out.

    With several teachers' seeds the order of seeds says which student learns from which.
    """
    shown = configuration.model_dump(
        exclude={"title": True, "device": True, "data_folder": True, "data": {"path"}}
    )
    if isinstance(shown["data"].get("held_out"), str):
        shown["data"]["held_out"] = "a folder of pictures"
    paired = any(len(teacher["seeds"]) > 1 for teacher in shown["teachers"].values())
    parameters = {p for e in configuration.grid for p in catalog.OBJECTIVES[e.objective].parameters}
    for where in (shown, shown["observe"], *shown["teachers"].values(), *shown["grid"]):
        for key in (*ORDERLESS, *parameters):
            if isinstance(where.get(key), list) and not (key == "seeds" and paired):
                where[key] = sorted(set(where[key]))
    shown["grid"].sort(key=store.canonical_json)
    own = catalog.DATASETS[configuration.data.name].modality
    others = [key for n, m in catalog.MODALITIES.items() if n != own for key in m.recipe]
    for recipe, key in itertools.product(shown["recipes"].values(), others):
        recipe.pop(key, None)
    return shown
