"""The conditions of a statement side by side: what is paired, and over what is averaged.

A stratum has a condition for each arm of the statement, alike in all that the arms leave open, such
as the network and the teacher. Its models are paired by seed. What a statement compares is averaged
over the strata within a seed, so that the seed stays the unit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from distilscope.configuration import patterns
from distilscope.planning.conditions import alike
from distilscope.statistics.over_images import AS_THEY_ARE
from distilscope.statistics.values import NotTested, Pair, Values, Where

Arms = Sequence[Mapping[str, Any]]  # the patterns of a statement


class Stratum(NamedTuple):
    """A condition for each arm.

    Attributes:
        conditions: their names.
        entry: the teacher that they are read against where none has a reference of its own.
    """

    conditions: tuple[str, ...]
    entry: str | None = None


@dataclass(frozen=True)
class Strata:
    """Strata with the seeds that all of them have.

    Attributes:
        each: the strata. seeds: in order.
        pairs: [seed][stratum][arm] -> the model, and the reference that it is read against.
    """

    values: Values
    each: list[Stratum]
    seeds: list[int]
    pairs: list[list[list[Pair]]]

    def numbers(self, arm: int, where: Where) -> np.ndarray:
        """(seeds, strata) values of an arm; NaN where a model has none.

        Raises:
            NotTested: no model of the study has that measure.
        """
        known = self.values.numbers.get(where)
        if known is None:
            raise NotTested(f"the study has no {where[0]} on the subset {where[1]!r}")
        found = [
            [self.values.pair_of(where, own[arm]) for own in of_seed] for of_seed in self.pairs
        ]
        return np.array([[known.get(pair, math.nan) for pair in of_seed] for of_seed in found])

    def as_it_is(self, arm: int, where: Where) -> tuple[float, float] | None:
        """The interval over images of the one model of an arm, where its source is one of
        `AS_THEY_ARE`: there is no other training to ask for. None for any other arm.
        """
        if len(self.each) != 1 or len(self.seeds) != 1:
            return None
        condition = self.values.conditions[self.each[0].conditions[arm]]
        if condition.source not in AS_THEY_ARE:
            return None
        pair = self.values.pair_of(where, self.pairs[0][0][arm])
        return self.values.intervals.get(where, {}).get(pair, (math.nan, math.nan))

    @property
    def teachers(self) -> list[list[frozenset[str]]]:
        """[seed][stratum] -> what its arms are read against."""
        return [
            [frozenset(reference for _, reference in own if reference) for own in of_seed]
            for of_seed in self.pairs
        ]

    @property
    def entries(self) -> list[str | None]:
        """The teacher of the configuration that the first arm of each stratum is read against."""
        return [self.values.entry_of(own[0][1]) for own in self.pairs[0]]


def strata(values: Values, arms: Arms, networks: str | list[str] = "all") -> Strata:
    """The conditions of the arms side by side, with their seeds.

    Raises:
        NotTested: as `side_by_side`; or the conditions have no seed in common.
    """
    found = side_by_side(values, arms, networks)
    return with_seeds(values, [own for names in found for own in _of_teachers(values, names)])


def side_by_side(
    values: Values, arms: Arms, networks: str | list[str] = "all"
) -> list[tuple[str, ...]]:
    """The tuples of conditions, one for each arm, that are alike in what the arms leave open.

    Of all networks, or of those named, in their order.

    Raises:
        NotTested: an arm, or a value that it lists, has no condition; or no conditions are alike.
    """
    each = [arms]
    if networks != "all":
        each = [[{"network": network, **arm} for arm in arms] for network in networks]
    return list(dict.fromkeys(names for own in each for names in _alike(values, own)))


def _alike(values: Values, arms: Arms) -> list[tuple[str, ...]]:
    """The same; a network stands in the arms themselves."""
    known = values.conditions
    found: list[tuple[str, ...]] = [()]
    for arm in arms:
        matched = values.matching(arm)
        found = [
            (*before, name)
            for before in found
            for name in matched
            if all(
                alike(known[b], of, known[name], arm) for b, of in zip(before, arms, strict=False)
            )
        ]
    if not found:
        said = " and ".join(patterns.words(arm) for arm in arms)
        raise NotTested(f"the study has no {said} of one network, teacher and so on, to be paired")
    return found


def one_by_one(values: Values, arms: Arms, networks: str | list[str] = "all") -> Strata:
    """Every condition of any of the arms as a stratum of its own, arm by arm.

    Raises:
        NotTested: an arm has no condition, or a network none under any arm; or the conditions have
            no seed in common.
    """
    found: dict[Stratum, None] = {}
    for arm in arms:
        names = values.matching(arm)
        for network in [None] if networks == "all" else networks:
            own = [n for n in names if network in (None, values.conditions[n].network)]
            found |= dict.fromkeys(s for name in own for s in _of_teachers(values, (name,)))
    present = {values.conditions[own.conditions[0]].network for own in found}
    missing = [] if networks == "all" else [name for name in networks if name not in present]
    if missing:
        raise NotTested(f"the study has no {missing[0]} student under any of the arms")
    return with_seeds(values, list(found))


def with_seeds(values: Values, each: list[Stratum]) -> Strata:
    """The strata with the seeds that all their conditions have.

    Raises:
        NotTested: there is no such seed.
    """
    by_seed = values.by_seed
    seeds = set.intersection(*(set(by_seed[name]) for own in each for name in own.conditions))
    if not seeds:
        raise NotTested("the conditions of the statement have no seed in common")
    pairs = [
        [_pairs(values, own, [by_seed[name][seed] for name in own.conditions]) for own in each]
        for seed in sorted(seeds)
    ]
    return Strata(values, each, sorted(seeds), pairs)


def _of_teachers(values: Values, names: tuple[str, ...]) -> list[Stratum]:
    """The stratum of these conditions.

    Where none of them has a reference of its own: one for each teacher that all are compared with.
    """
    if any(_has_its_own(values, name) for name in names):
        return [Stratum(names)]
    entries = [_entries(values, name) for name in names]
    shared = [entry for entry in entries[0] if all(entry in each for each in entries)]
    return [Stratum(names, entry) for entry in shared] or [Stratum(names)]


def _has_its_own(values: Values, condition: str) -> bool:
    """Whether it learned from one teacher, or from a committee that it is compared with."""
    teachers = values.conditions[condition].teachers
    models = values.by_seed[condition].values()
    return len(teachers) == 1 or (
        len(teachers) > 1
        and any("committee" in values.relations.get(model, {}).values() for model in models)
    )


def _entries(values: Values, condition: str) -> dict[str | None, None]:
    models = values.by_seed[condition].values()
    references = (r for model in models for r in values.own_references(model))
    return dict.fromkeys(values.entry_of(reference) for reference in references)


def _pairs(values: Values, own: Stratum, models: list[str]) -> list[Pair]:
    """Each model with the reference of its own; one that has none with that of the model beside it,
    or with the one of the stratum.
    """
    taught = [
        next(iter(values.own_references(model)), None) if _has_its_own(values, name) else None
        for name, model in zip(own.conditions, models, strict=True)
    ]
    beside = next((reference for reference in taught if reference), None)
    return [
        (model, reference or beside or _of_entry(values, model, own.entry))
        for model, reference in zip(models, taught, strict=True)
    ]


def _of_entry(values: Values, model: str, entry: str | None) -> str | None:
    """The reference of a model that is of that teacher."""
    known = values.own_references(model)
    return next((name for name in known if values.entry_of(name) == entry), None)
