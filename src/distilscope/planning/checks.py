"""The check of a study's networks before anything is trained: one job for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from distilscope import catalog, store
from distilscope.planning import fingerprint
from distilscope.planning.artefact import Artefact
from distilscope.planning.model import Model
from distilscope.planning.sources import opener

if TYPE_CHECKING:
    from distilscope.planning.study import Study

TRIED = catalog.OBJECTIVES["ce"].settings({})
"""The objective of a training step that is tried: objectives are this package's own."""


def plan_checks(study: Study) -> Artefact:
    """One trial of each network that a model of the study is made with.

    Nothing of it is a function of seeds, objectives, T or alpha, so that another entry of
    the grid checks nothing again.
    """
    networks, entries = _networks(study)
    own = (model.artefact.contents for model in _one_of_each(study))
    methods = {name: catalog.METHODS[name] for name in study.configuration.observe.methods}
    trained = [n["model"] for n in networks if n["model"].get("recipe")]
    rendered = {path for model in trained for path in study.modality.rendered(model["recipe"])}
    return Artefact(
        kind="networks",
        slug="check",
        settings={"networks": networks},
        source=fingerprint.source(
            study.modality.module("networks"),
            TRIED["loss"],
            *(opener(network["model"]) for network in networks),
            *rendered,
            *(method.module for method in methods.values()),
        )
        + fingerprint.entries("METHODS", methods),
        inputs={"dataset": study.dataset},
        information={"entries": entries, **study.modality.made_by("networks")},
        contents={key: content for contents in own for key, content in contents.items()},
    )


def _networks(study: Study) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is tried, the same network once, in an order that no name decides; and for each what
    its identity does not cover: the names that it goes by, and where its weights lie.
    """
    randomised: dict[str, set[str]] = {}
    for plan in study.plans.values():
        for network, modules in plan.randomised.items():
            randomised.setdefault(network, set()).update(modules)
    found: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for model in _one_of_each(study):
        network = {
            "model": _model_settings(study, model),
            "observation": study.observation_settings(model),
            "randomised": sorted(randomised.get(model.network, ())),
        }
        nameless = {"names": [], "files": dict(model.artefact.information)}
        _, entry = found.setdefault(store.canonical_json(network), (network, nameless))
        entry["names"].append(model.network)
    pairs = [found[key] for key in sorted(found)]
    return [network for network, _ in pairs], [entry for _, entry in pairs]


def _one_of_each(study: Study) -> Iterator[Model]:
    """A model of each teacher and student that there is, one that is trained where there is one."""
    found: dict[str, Model] = {}
    for model in study.trained:
        if model.condition.source == "combined" or model.original is not None:
            continue
        known = found.get(model.network)
        if known is None or (known.role == "floor" and model.role != "floor"):
            found[model.network] = model
    yield from (found[name] for name in sorted(found))


def _model_settings(study: Study, model: Model) -> dict[str, Any]:
    """The settings of the job of such a model, whatever its seed and objective."""
    settings = dict(model.artefact.settings)
    if settings["kind"] in ("given", "program"):
        return settings
    objective, recipe = (TRIED if settings["recipe"] else None), settings["recipe"]
    if recipe:
        recipe = study.modality.trial(recipe)
    return {**settings, "recipe": recipe, "seed": 0, "objective": objective}
