"""Models that are made of others without training: compressed ones, and stand-ins for a twin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from distilscope import catalog
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import Configuration
from distilscope.planning.model import FAMILY, Model, named
from distilscope.planning.sources import Sources

COMPRESSED, STAND_IN = "compressed", "stand-in"
WRAPPED = "model"
"""Path of a model in the module that perturbs its inputs: `models.perturbed.Perturbed.model`."""


def changed(
    configuration: Configuration, models: Sequence[Model], sources: Sources
) -> Iterator[Model]:
    """The stand-ins and compressed models of a study, made of its other models.

    Raises:
        ConfigurationError: `of` names no model, or one that can't be changed.
    """
    made: dict[str, Model] = {}
    for entry in configuration.stand_ins:
        for original in _originals(entry.of, models, made, "stand_ins"):
            for seed in entry.seeds:
                model = _perturbed(original, entry.noise, entry.flip, seed, sources)
                made[model.id] = model
                yield model
    for entry in configuration.compress:
        for original in _originals(entry.of, models, made, "compress"):
            for way, value in entry.rungs():
                _require_calibration(configuration, way, value)
                model = _compressed(original, way, value, sources)
                made[model.id] = model
                yield model


def _require_calibration(configuration: Configuration, way: str, value: Any) -> None:
    """There are held-out images for what is calibrated on them."""
    if value in catalog.COMPRESSIONS[way].calibrated and not configuration.data.held_out:
        raise ConfigurationError(
            f"compress.{way}: {value} takes ranges of activations from held-out images, and the "
            "data have none; give `data.held_out` (`--held-out` of an audit), a "
            "folder of pictures that the test has not"
        )


def _originals(
    name: str, models: Sequence[Model], made: Mapping[str, Model], where: str
) -> list[Model]:
    """Each seed of a teacher or student, or the one model of that id; none that was made here."""
    if name in made:
        raise ConfigurationError(
            f"{where}.of: {name!r} is made of another model itself; a ladder is made of one model, "
            f"so give all that is to be done as entries of {made[name].original}"
        )
    found = named(name, models, f"{where}.of")
    is_program = found.artefact.kind == "program"
    if found.artefact.settings.get("architecture") is None and (
        where == "compress" or not is_program
    ):
        raise ConfigurationError(
            f"{where}.of: {found.words} has no architecture of its own, only what it computes; "
            "give its weights with an `architecture`"
        )
    if found.id == name:
        return [found]
    return [model for model in models if model.condition == found.condition]


def _compressed(original: Model, way: str, value: Any, sources: Sources) -> Model:
    declared = catalog.COMPRESSIONS[way]
    id = f"{original.id}-{declared.key(value)}"
    changed = _changed(original, COMPRESSED, ((way, value),))
    own = () if original.role in FAMILY else original.references
    return replace(
        changed,
        id=id,
        artefact=sources.compressed(id, original, way, value),
        head=None if declared.rounds else original.head,
        references=(*own, original.id),
    )


def _perturbed(original: Model, noise: float, flip: bool, seed: int, sources: Sources) -> Model:
    if original.role not in FAMILY:
        raise ConfigurationError(
            f"stand_ins.of: {original.words} is no teacher; a stand-in says how alike a teacher is "
            "to itself"
        )
    settings = (*((("noise", noise),) if noise else ()), *((("flip", "mirrored"),) if flip else ()))
    changed = _changed(original, STAND_IN, settings)
    symbols = [catalog.CHANGES[name].key(value) for name, value in settings]
    id = "-".join([original.id, *symbols, *([f"n{seed}"] if noise else [])])
    return replace(
        changed,
        id=id,
        seed=seed,
        artefact=sources.perturbed(id, original, noise=noise, mirrored=flip, seed=seed),
        layers={name: f"{WRAPPED}.{path}" for name, path in original.layers.items()},
        head=f"{WRAPPED}.{original.head}" if original.head else None,
        references=(original.id,),
    )


def _changed(original: Model, role: str, settings: tuple[tuple[str, Any], ...]) -> Model:
    """The same model in another role, with what is done to it among its parameters."""
    own = original.condition
    source = {COMPRESSED: "compressed", STAND_IN: "perturbed"}[role]
    objective = None if original.role in FAMILY else own.objective
    condition = replace(
        own,
        role=role,
        source=source,
        objective=objective,
        parameters=(*own.parameters, *settings),
        views=None if objective is None else own.views,
    )
    return replace(original, condition=condition, original=original.id)
