"""The general forms of statements: from the values of a study to the contrasts a claim rests on.

A form's function takes the statement's parameters and the study's values, and returns the contrasts
that must all hold, positive meaning `higher`. A term that the study does not have is a `NotTested`
with the reason. Numbers are arrays (seeds, strata); see `statistics.strata`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from distilscope.configuration import statements
from distilscope.statistics.contrasts import MINIMUM_POINTS, Contrast, Correlation
from distilscope.statistics.over_images import OverImages
from distilscope.statistics.strata import Strata, one_by_one, side_by_side, strata
from distilscope.statistics.values import NotTested, Values, Where
from distilscope.words import count

MINIMUM_SEEDS = 4  # of which a regression leaves two degrees of freedom
MINIMUM_RANGE = 0.05  # a smaller (twin - chance) makes a ratio mostly noise


def paired_difference(statement: statements.PairedDifference, values: Values) -> list[Contrast]:
    """first - second by seed."""
    return [_difference(statement, values, statement.first, statement.second)]


def best_of(statement: statements.BestOf, values: Values) -> list[Contrast]:
    """best - other by seed, a contrast for each other."""
    side_by_side(values, [statement.best, *statement.others], statement.students)
    return [_difference(statement, values, statement.best, arm) for arm in statement.others]


def _difference(
    statement: statements.PairedDifference | statements.BestOf,
    values: Values,
    first: Mapping[str, Any],
    second: Mapping[str, Any],
) -> Contrast:
    found = strata(values, [first, second], statement.students)
    own, other = (found.numbers(arm, _where(statement)) for arm in (0, 1))
    return contrast(by_seed(own) - by_seed(other), found, own - other)


def matched_difference(statement: statements.MatchedDifference, values: Values) -> list[Contrast]:
    """first - second by seed, at equal values of the covariate.

    Within each stratum the differences of the measure are regressed on those of the covariate,
    with one slope for all strata; what is left at a difference of 0 is the effect. A seed's value
    is its pseudo-value (the jackknife over seeds), so that the slope's own error counts.
    """
    found = strata(values, [statement.first, statement.second], statement.students)
    outcome, covariate = (
        found.numbers(0, _where(term)) - found.numbers(1, _where(term))
        for term in (statement, statement.covariate)
    )
    kept = ~np.isnan(outcome + covariate).any(axis=1)
    outcome, covariate = outcome[kept], covariate[kept]
    n = len(outcome)
    if n < MINIMUM_SEEDS:
        raise NotTested(f"{count(n, 'seed')}: a regression over seeds needs {MINIMUM_SEEDS}")
    if np.allclose(covariate, covariate.mean(axis=0)):
        raise NotTested(f"the differences of {statement.covariate.measure} do not vary over seeds")
    whole = _at_equal(outcome, covariate)
    rest = [
        _at_equal(np.delete(outcome, i, axis=0), np.delete(covariate, i, axis=0)) for i in range(n)
    ]
    pseudo_values = np.full(len(found.seeds), np.nan)
    pseudo_values[kept] = n * whole - (n - 1) * np.array(rest)
    return [contrast(pseudo_values, found)]


def _at_equal(outcome: np.ndarray, covariate: np.ndarray) -> float:
    """Mean of (seeds, strata) outcomes where the covariate is 0; slope pooled over strata."""
    left, right = outcome - outcome.mean(axis=0), covariate - covariate.mean(axis=0)
    squares = float(np.sum(right**2))
    slope = float(np.sum(left * right)) / squares if squares > 0 else 0.0
    return float(outcome.mean() - slope * covariate.mean())


def against_twin(statement: statements.AgainstTwin, values: Values) -> list[Contrast]:
    """The models' values set against those of the twins of their teacher."""
    found = strata(values, [statement.arm], statement.students)
    own, twins = found.numbers(0, _where(statement)), _of_twins(found, _where(statement))
    parts = own if len(set(found.entries)) == 1 else None  # each has its own teacher's twins
    return [contrast(by_seed(own), found, parts, twins)]


def _of_twins(found: Strata, where: Where) -> np.ndarray:
    """(k,) values of the twins of the strata's teachers.

    Of several teachers the mean over the strata, as the seeds' values are: k is the smallest number
    of twins that a teacher has, and one that has more gives k means of some of them each.
    """
    own = {entry: found.values.of_twins(entry, where) for entry in found.entries}
    if len(own) == 1:
        return own[found.entries[0]]
    k = min(map(len, own.values()))
    groups = {
        entry: [group.mean() for group in np.array_split(twins, k)] for entry, twins in own.items()
    }
    return np.mean([groups[entry] for entry in found.entries], axis=0)


def against_constant(statement: statements.AgainstConstant, values: Values) -> list[Contrast]:
    """The models' values less a constant; of one given or compressed model over test images."""
    found = strata(values, [statement.arm], statement.students)
    own = found.numbers(0, _where(statement)) - statement.constant
    made = contrast(by_seed(own), found, own)
    ends = found.as_it_is(0, _where(statement))
    if ends is None:
        return [made]
    low, high = (end - statement.constant for end in ends)
    parts = {"values": made.values, "by_teacher": made.by_teacher}
    return [OverImages(**parts, low=low, high=high, level=values.level)]


def relative_cost(statement: statements.RelativeCost, values: Values) -> list[Contrast]:
    """What `first` loses from large to small less what `second` loses, by seed.

    A value is put on the scale (value - chance) / (twin - chance) first, by the twins of the
    stratum's teacher.
    """
    arms = [{**statement.arm, "network": name} for name in (statement.large, statement.small)]
    found = strata(values, arms)
    cost = _cost(found, statement.first) - _cost(found, statement.second)
    return [contrast(by_seed(cost), found, cost)]


def _cost(found: Strata, term: statements.Scaled) -> np.ndarray:
    """(seeds, strata) scaled values of the first arm less those of the second."""
    numbers = [found.numbers(arm, _where(term)) for arm in (0, 1)]
    ranges = {}
    for entry in dict.fromkeys(found.entries):
        twin = float(np.mean(found.values.of_twins(entry, _where(term))))
        ranges[entry] = twin - _chance_of_twins(term, found.values, entry)
        if ranges[entry] < MINIMUM_RANGE:
            raise NotTested(
                f"{term.measure} of the twin is {ranges[entry]:.3f} above chance, and "
                f"{MINIMUM_RANGE:g} is needed"
            )
    by = np.array([ranges[entry] for entry in found.entries])
    large, small = ((own - _chance(term, found, arm)) / by for arm, own in enumerate(numbers))
    return large - small


def _chance(term: statements.Scaled, found: Strata, arm: int) -> np.ndarray | float:
    if term.chance == statements.CLASSES:
        return 1.0 / found.values.classes
    if isinstance(term.chance, str):
        return found.numbers(arm, (term.chance, term.subset, None))
    return term.chance


def _chance_of_twins(term: statements.Scaled, values: Values, entry: str | None) -> float:
    if term.chance == statements.CLASSES:
        return 1.0 / values.classes
    if isinstance(term.chance, str):
        return float(np.mean(values.of_twins(entry, (term.chance, term.subset, None))))
    return term.chance


def class_correlation(statement: statements.ClassCorrelation, values: Values) -> list[Contrast]:
    """Spearman's rho over the classes in which both terms are defined."""
    found = strata(values, [statement.arm], statement.students)
    first, second = (
        np.array([_of_class(term, found, number) for number in range(values.classes)]).T
        for term in (statement.first, statement.second)
    )
    return [_correlation("classes", "class", first, second, found)]


def _of_class(term: statements.Related, found: Strata, number: int) -> np.ndarray:
    """(seeds,) the term's value for a class."""
    where = (term.measure, term.subset, number)
    if where not in found.values.numbers:
        return np.full(len(found.seeds), np.nan)
    own = by_seed(found.numbers(0, where))
    if term.relative_to is None:
        return own
    twins = {entry: _mean_of_twins(found.values, entry, where) for entry in found.entries}
    return own - float(np.mean([twins[entry] for entry in found.entries]))


def _mean_of_twins(values: Values, entry: str | None, where: Where) -> float:
    """NaN where they have no value for that class. No twin is `NotTested`."""
    found = values.twins(entry, where)
    if not found:
        return float(np.mean(values.of_twins(entry, where)))
    defined = [value for value in found.values() if value == value]
    return float(np.mean(defined)) if defined else math.nan


def condition_correlation(
    statement: statements.ConditionCorrelation, values: Values
) -> list[Contrast]:
    """Spearman's rho over the conditions in which both terms are defined."""
    found = one_by_one(values, statement.arms, statement.students)
    if len(found.each) < MINIMUM_POINTS:
        points = count(len(found.each), "condition")
        raise NotTested(f"{points}: a correlation over conditions needs {MINIMUM_POINTS}")
    first, second = (found.numbers(0, _where(term)) for term in (statement.first, statement.second))
    return [_correlation("conditions", "condition", first, second, found)]


def _correlation(
    unit: str, one: str, first: np.ndarray, second: np.ndarray, found: Strata
) -> Correlation:
    """Spearman's rho of (seeds, points) values: by seed, and of the means over seeds."""
    defined = ~np.isnan(first + second).any(axis=0)
    if not defined.any():
        raise NotTested(f"no {one} has both terms in every seed")
    first, second = first[:, defined], second[:, defined]
    rho = np.array([spearman(a, b) for a, b in zip(first, second, strict=True)])
    own = contrast(rho, found)
    return Correlation(
        own.values,
        by_teacher=own.by_teacher,
        pooled=spearman(first.mean(axis=0), second.mean(axis=0)),
        points=first.shape[1],
        unit=unit,
    )


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rho; NaN where one side does not vary."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(stats.spearmanr(first, second).statistic)


def by_seed(numbers: np.ndarray) -> np.ndarray:
    """(seeds,) means over the strata; NaN where a stratum has no value."""
    return np.array([float(np.mean(of_seed)) for of_seed in numbers])


def _where(term: statements.Term) -> Where:
    return term.measure, term.subset, None


def contrast(
    found: np.ndarray,
    of: Strata,
    parts: np.ndarray | None = None,
    twins: Sequence[float] | np.ndarray = (),
) -> Contrast:
    """Of the seeds that have a value.

    Args:
        found: (seeds,) values; NaN where a seed has none.
        parts: (seeds, strata) whose means `found` are; None where a value has no parts.
    """
    kept, teachers = np.flatnonzero(~np.isnan(found)), of.teachers
    by_teacher: dict[str, list[float]] = {}
    apart = True
    for seed in kept:
        one_each = all(len(names) == 1 for names in teachers[seed])
        apart &= one_each and (parts is not None or len(set(teachers[seed])) == 1)
        for name in sorted(frozenset().union(*teachers[seed])):
            own = [name in names for names in teachers[seed]]
            part = found[seed] if parts is None else parts[seed][own].mean()
            by_teacher.setdefault(name, []).append(float(part))
    return Contrast(
        found[kept],
        np.asarray(twins, dtype=np.float64),
        {name: np.array(part if apart else []) for name, part in by_teacher.items()},
    )
