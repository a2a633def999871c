"""Models that are made from another without training: its weights randomised, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from distilscope import catalog
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.measured import Sanity
from distilscope.configuration.study import Configuration
from distilscope.planning import fingerprint
from distilscope.planning.artefact import Artefact
from distilscope.planning.models import Model

HEAD = "head"


@dataclass(frozen=True)
class Derived:
    """A model with random weights in some layers.

    Attributes:
        model: of role `derived`; its reference is the model that it is made from.
        steps: (mode, depth) of each sequence that it is a part of: the first step of a cascade
            is also the first of the independent ones. Depth counts from the output, from 1.
        layer: the deepest layer that is random.
    """

    model: Model
    steps: tuple[tuple[str, int], ...]
    layer: str


def derive(
    configuration: Configuration, models: tuple[Model, ...], dataset: Artefact
) -> tuple[Derived, ...]:
    """The derived models of a study; none without `sanity`.

    Raises:
        ConfigurationError: `sanity` names a model or a layer that there isn't, or its seed is the
            model's own.
    """
    sanity = configuration.sanity
    if sanity is None:
        return ()
    original = _original(sanity.model, models)
    if sanity.seed == original.seed:
        raise ConfigurationError(
            f"sanity.seed: {sanity.seed} is the seed of {original.id}, whose weights before "
            "training would come back; choose another"
        )
    layers = _layers(sanity, original)
    found: dict[tuple[str, ...], Derived] = {}
    for mode, depth, names in _sequences(sanity.modes, list(layers)):
        steps = ((mode, depth),)
        if names in found:
            steps = (*found[names].steps, *steps)
        paths = [layers[name] for name in names]
        model = _model(original, names, paths, sanity.seed, dataset)
        taken = next((one for one in models if one.id == model.id), None)
        if taken is not None:
            raise ConfigurationError(
                f"sanity: {original.words} with random layers and {taken.words} would both be "
                f"called {model.id!r}; give one of them another name"
            )
        found[names] = Derived(model, steps, names[-1])
    return tuple(found.values())


def _original(name: str, models: tuple[Model, ...]) -> Model:
    """The model of that id, or the first of the teacher or student of that name."""
    for key in ("id", "student"):
        for model in models:
            if getattr(model, key) == name and model.role != "floor":
                return model
    known = dict.fromkeys(name for model in models for name in (model.student, model.id))
    raise ConfigurationError(f"sanity.model: no model {name!r}; {catalog.suggest(name, known)}")


def _layers(sanity: Sanity, original: Model) -> dict[str, str]:
    """Name -> module path, from the output to the input."""
    head = {HEAD: original.head} if original.head else {}
    known = {**head, **dict(reversed(original.layers.items()))}
    for name in sanity.layers or ():
        if name not in known:
            near = catalog.suggest(name, known)
            raise ConfigurationError(f"sanity.layers: {original.id} has no layer {name!r}; {near}")
    wanted = known if sanity.layers is None else sanity.layers
    return {name: path for name, path in known.items() if name in wanted}


def _sequences(modes: list[str], layers: list[str]) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """(mode, depth, the layers that are random), as Adebayo et al. (2018) have them."""
    for mode in modes:
        for place in range(len(layers)):
            first = 0 if mode == "cascade" else place
            yield mode, place + 1, tuple(layers[first : place + 1])


def _model(
    original: Model, names: tuple[str, ...], paths: list[str], seed: int, dataset: Artefact
) -> Model:
    architecture: Mapping[str, Any] = original.artefact.settings["architecture"]
    through = "to-" if len(names) > 1 else ""
    artefact = Artefact(
        kind="derived",
        slug=f"{original.id}-random-{through}{names[-1]}",
        settings={
            "architecture": architecture,
            "randomised": {"modules": paths, "seed": seed},
        },
        source=fingerprint.source("distilscope.models.randomised", architecture["builder"]),
        files=("weights.safetensors",),
        inputs={"dataset": dataset, "original": original.artefact},
    )
    return replace(
        original,
        id=artefact.slug,
        kind="derived",
        role="derived",
        artefact=artefact,
        reference=original.id,
    )
