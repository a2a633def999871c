"""Models that are made from another without training: its weights randomised, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from distilscope import catalog
from distilscope.analyses.randomisation.configuration import Randomisation
from distilscope.configuration.kinds import ConfigurationError
from distilscope.planning import fingerprint
from distilscope.planning.artefact import Artefact
from distilscope.planning.hooks import Addition, AnalysisPlan
from distilscope.planning.model import Model, named

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


class Plan(AnalysisPlan):
    """Models with random weights, observed as every model is."""

    section: Randomisation

    def follow(self) -> None:
        """Plan the derived models and their observations."""
        models = self.study.models
        original = named(self.section.model, models, "analyses.randomisation.model")
        if self.section.seed == original.seed:
            raise ConfigurationError(
                f"analyses.randomisation.seed: {self.section.seed} is the seed of {original.id}, "
                "whose weights before training would come back; choose another"
            )
        self.original, self.derived = original, self._derived(original)
        seen = self.study.observations[original.id]
        for each in self.derived:
            self.artefacts.append(each.model.artefact)
            self.study.observe(each.model, (seen,))
            paths = each.model.artefact.settings["randomised"]["modules"]
            self.randomised.setdefault(original.network, set()).update(paths)

    def _derived(self, original: Model) -> tuple[Derived, ...]:
        layers = _layers(self.section, original)
        found: dict[tuple[str, ...], Derived] = {}
        for mode, depth, names in _sequences(self.section.modes, list(layers)):
            steps = ((mode, depth),)
            if names in found:
                steps = (*found[names].steps, *steps)
            paths = [layers[name] for name in names]
            model = _model(original, names, paths, self.section.seed, self.study.dataset)
            taken = self.study.by_id.get(model.id)
            if taken is not None:
                raise ConfigurationError(
                    f"analyses.randomisation: {original.words} with random layers and "
                    f"{taken.words} would both be called {model.id!r}; give one of them another "
                    "name"
                )
            found[names] = Derived(model, steps, names[-1])
        return tuple(found.values())

    def tabulated(self) -> Addition:
        """Where each derived model was observed."""
        observations = self.study.observations
        rows = [
            {
                "id": each.model.id,
                "original": self.original.id,
                "randomised": each.layer,
                "steps": [list(step) for step in each.steps],
                "observation": str(observations[each.model.id].folder),
            }
            for each in self.derived
        ]
        seen = tuple(observations[each.model.id] for each in self.derived)
        return Addition(settings={"derived": rows}, inputs={"derived": seen})


def _layers(section: Randomisation, original: Model) -> dict[str, str]:
    """Name -> module path, from the output to the input."""
    head = {HEAD: original.head} if original.head else {}
    known = {**head, **dict(reversed(original.layers.items()))}
    for name in section.layers or ():
        if name not in known:
            near = catalog.suggest(name, known)
            raise ConfigurationError(
                f"analyses.randomisation.layers: {original.id} has no layer {name!r}; {near}"
            )
    wanted = known if section.layers is None else section.layers
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
    if "architecture" not in original.artefact.settings:
        raise ConfigurationError(
            f"analyses.randomisation: {original.words} is a program, of which no new weights are "
            "drawn; name a model with an `architecture`"
        )
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
        condition=replace(original.condition, source="randomised"),
        artefact=artefact,
        references=(original.id,),
    )
