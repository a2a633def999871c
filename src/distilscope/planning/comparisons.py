"""Which models are compared, and what a reference is to a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from distilscope.configuration.study import Relation
from distilscope.planning.model import FAMILY, Model

OF_CHANGED = ("original", "stand-in")
"""Relations of models that are made of others: asked for where such models are."""


@dataclass(frozen=True)
class Comparison:
    """A model beside a reference.

    Attributes:
        relation: `teacher`: it stands for the model's own teacher. `committee`: the model learned
            from it together with others. `twin`: both are of one teacher entry. `other-teacher`:
            a teacher that the model did not learn from. `peer`: trained alike with another seed,
            or a teacher beside a teacher of another entry. `original`: the model that it was
            compressed from. `stand-in`: the teacher, that it is under perturbed inputs.
    """

    model: Model
    reference: Model
    relation: str


def comparisons(models: Sequence[Model], asked: Sequence[Relation]) -> tuple[Comparison, ...]:
    """The comparisons of a study; of each model those with its own teachers come first."""
    by_id = {model.id: model for model in models}
    found: dict[tuple[str, str], Comparison] = {}
    for relation, pairs in (
        ("teacher", _with_own(models, by_id, committee=False)),
        ("committee", _with_own(models, by_id, committee=True)),
        ("twin", _twins(models)),
        ("other-teacher", _with_others(models)),
        ("peer", _peers(models)),
        ("original", _with_originals(models, by_id, "compressed")),
        ("stand-in", _with_originals(models, by_id, "stand-in")),
    ):
        if relation in asked or relation in OF_CHANGED:
            for model, reference in pairs:
                found.setdefault((model.id, reference.id), Comparison(model, reference, relation))
    order = {model.id: place for place, model in enumerate(models)}
    return tuple(sorted(found.values(), key=lambda each: order[each.model.id]))


def _with_own(
    models: Sequence[Model], by_id: dict[str, Model], *, committee: bool
) -> Iterator[tuple[Model, Model]]:
    for model in models:
        if model.role not in FAMILY:
            for name in model.references:
                if name != model.original and (by_id[name].role == "committee") == committee:
                    yield model, by_id[name]


def _with_originals(
    models: Sequence[Model], by_id: dict[str, Model], role: str
) -> Iterator[tuple[Model, Model]]:
    for model in models:
        if model.role == role:
            yield model, by_id[model.original]


def _twins(models: Sequence[Model]) -> Iterator[tuple[Model, Model]]:
    """Every member of a family with each teacher that models are compared with, and the first.

    A pair stands here in both orders where both serve as references.
    """
    asked = {name for m in models if m.role not in FAMILY for name in m.references}
    for family in families(models).values():
        for other in family:
            if other is family[0] or other.id in asked:
                yield from ((member, other) for member in family if member is not other)


def families(models: Sequence[Model]) -> dict[str, list[Model]]:
    """The teachers and twins of each teacher entry, by its name."""
    found: dict[str, list[Model]] = {}
    for model in models:
        if model.role in FAMILY:
            found.setdefault(model.network, []).append(model)
    return found


def _with_others(models: Sequence[Model]) -> Iterator[tuple[Model, Model]]:
    teachers = [model for model in models if model.role == "teacher"]
    for model in models:
        if model.role not in (*FAMILY, "committee"):
            yield from ((model, other) for other in teachers if other.id not in model.references)


def _peers(models: Sequence[Model]) -> Iterator[tuple[Model, Model]]:
    """Later models beside earlier ones: of one condition, or teachers of different entries."""
    for place, model in enumerate(models):
        for other in models[:place]:
            alike = model.condition == other.condition and model.role not in (*FAMILY, "committee")
            rungs = model.role == other.role == "teacher" and model.network != other.network
            if alike or rungs:
                yield model, other
