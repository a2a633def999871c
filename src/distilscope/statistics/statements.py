"""The forms of statements: from the values of a study to the contrasts that a claim rests on.

A form is a function in `CONTRASTS`: it takes the statement's parameters and the study's values,
and returns the contrasts that must all hold, positive meaning `higher`. A term that the study
does not have is a `NotTested` with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from distilscope.configuration import claims
from distilscope.statistics.contrasts import LEAST_POINTS, Contrast, Correlation
from distilscope.statistics.values import NotTested, Values, Where
from distilscope.words import count

LEAST_MATCHED = 4  # seeds, of which a regression leaves two degrees of freedom
LEAST_RANGE = 0.05  # a smaller (twin - chance) makes a ratio mostly noise


def paired_difference(statement: claims.PairedDifference, values: Values) -> list[Contrast]:
    """first - second by seed."""
    return [_difference(statement, values, statement.first, statement.second)]


def matched_difference(statement: claims.MatchedDifference, values: Values) -> list[Contrast]:
    """first - second by seed, at equal values of the covariate.

    Within each student the differences of the measure are regressed on those of the covariate,
    with one slope for all students; what is left at a difference of 0 is the effect. A seed's
    value is its pseudo-value (the jackknife over seeds), so that the slope's own error counts.
    """
    arms = statement.first, statement.second
    students = values.students(statement.students, arms)
    seeds = values.seeds(students, arms)
    outcome, covariate = (
        _differences(statement, values, students, seeds, term)
        for term in (statement, statement.covariate)
    )
    kept = ~np.isnan(outcome + covariate).any(axis=1)
    outcome, covariate = outcome[kept], covariate[kept]
    if len(outcome) < LEAST_MATCHED:
        raise NotTested(
            f"{count(len(outcome), 'seed')}: a regression over seeds needs {LEAST_MATCHED}"
        )
    if np.allclose(covariate, covariate.mean(axis=0)):
        raise NotTested(f"the differences of {statement.covariate.measure} do not vary over seeds")
    whole = _at_equal(outcome, covariate)
    rest = [
        _at_equal(np.delete(outcome, i, axis=0), np.delete(covariate, i, axis=0))
        for i in range(len(outcome))
    ]
    found = len(outcome) * whole - (len(outcome) - 1) * np.array(rest)
    teachers = [values.teacher(students, arms[0], seed) for seed in np.array(seeds)[kept]]
    label = f"{arms[0].words} − {arms[1].words} at equal {statement.covariate.measure}"
    return [_contrast(label, list(found), teachers)]


def _differences(
    statement: claims.MatchedDifference,
    values: Values,
    students: list[str],
    seeds: list[int],
    term: claims.Term,
) -> np.ndarray:
    """(seeds, students) first - second of a term."""
    where = (term.measure, term.subset, None)
    values.require(where)
    first, second = (
        np.array(
            [[values.of_seed([name], arm, seed, where) for name in students] for seed in seeds]
        )
        for arm in (statement.first, statement.second)
    )
    return first - second


def _at_equal(outcome: np.ndarray, covariate: np.ndarray) -> float:
    """Mean of (seeds, students) outcomes where the covariate is 0; slope pooled over students."""
    left, right = outcome - outcome.mean(axis=0), covariate - covariate.mean(axis=0)
    spread = float(np.sum(right**2))
    slope = float(np.sum(left * right)) / spread if spread > 0 else 0.0
    return float(outcome.mean() - slope * covariate.mean())


def best_of(statement: claims.BestOf, values: Values) -> list[Contrast]:
    """best - other by seed, a contrast for each other."""
    values.students(statement.students, [statement.best, *statement.others])
    return [_difference(statement, values, statement.best, arm) for arm in statement.others]


def _difference(statement: Any, values: Values, first: claims.Arm, second: claims.Arm) -> Contrast:
    where = (statement.measure, statement.subset, None)
    students = values.students(statement.students, [first, second])
    values.require(where)
    seeds = values.seeds(students, [first, second])
    found = [
        values.of_seed(students, first, seed, where) - values.of_seed(students, second, seed, where)
        for seed in seeds
    ]
    label = f"{first.words} − {second.words}"
    return _contrast(label, found, [values.teacher(students, first, seed) for seed in seeds])


def against_twin(statement: claims.AgainstTwin, values: Values) -> list[Contrast]:
    """The students' values set against those of the twins."""
    where = (statement.measure, statement.subset, None)
    found, teachers = _by_seed(statement, values, where)
    return [_contrast(f"{statement.arm.words} − twin", found, teachers, values.of_twins(where))]


def against_constant(statement: claims.AgainstConstant, values: Values) -> list[Contrast]:
    """The students' values less a constant."""
    found, teachers = _by_seed(statement, values, (statement.measure, statement.subset, None))
    label = f"{statement.arm.words} − {statement.constant:g}"
    return [_contrast(label, [value - statement.constant for value in found], teachers)]


def _by_seed(statement: Any, values: Values, where: Where) -> tuple[list[float], list[str | None]]:
    students = values.students(statement.students, [statement.arm])
    values.require(where)
    seeds = values.seeds(students, [statement.arm])
    return (
        [values.of_seed(students, statement.arm, seed, where) for seed in seeds],
        [values.teacher(students, statement.arm, seed) for seed in seeds],
    )


def relative_cost(statement: claims.RelativeCost, values: Values) -> list[Contrast]:
    """What `first` loses from large to small less what `second` loses, by seed.

    A value is put on the scale (value - chance) / (twin - chance) first.
    """
    both = [statement.large, statement.small]
    values.students(both, [statement.arm])
    seeds = values.seeds(both, [statement.arm])
    found = [
        _cost(statement, statement.first, values, seed)
        - _cost(statement, statement.second, values, seed)
        for seed in seeds
    ]
    teachers = [values.teacher(both, statement.arm, seed) for seed in seeds]
    label = f"cost of {statement.first.measure} − cost of {statement.second.measure}"
    return [_contrast(label, found, teachers)]


def _cost(statement: claims.RelativeCost, scale: claims.Scaled, values: Values, seed: int) -> float:
    where = (scale.measure, scale.subset, None)
    values.require(where)
    twin = float(np.mean(values.of_twins(where)))
    top = twin - _chance_of_twins(scale, values)
    if top < LEAST_RANGE:
        raise NotTested(f"{scale.measure} of the twin is {top:.3f} above chance: too little")
    large, small = (
        (value - chance) / top
        for value, chance in (
            (
                values.of_seed([student], statement.arm, seed, where),
                _chance(scale, values, student, statement.arm, seed),
            )
            for student in (statement.large, statement.small)
        )
    )
    return large - small


def _chance(
    scale: claims.Scaled, values: Values, student: str, arm: claims.Arm, seed: int
) -> float:
    if scale.chance == claims.CLASSES:
        return 1.0 / values.classes
    if isinstance(scale.chance, str):
        return values.of_seed([student], arm, seed, (scale.chance, scale.subset, None))
    return scale.chance


def _chance_of_twins(scale: claims.Scaled, values: Values) -> float:
    if scale.chance == claims.CLASSES:
        return 1.0 / values.classes
    if isinstance(scale.chance, str):
        return float(np.mean(values.of_twins((scale.chance, scale.subset, None))))
    return scale.chance


def class_correlation(statement: claims.ClassCorrelation, values: Values) -> list[Contrast]:
    """Spearman's rho over the classes in which both terms are defined."""
    students = values.students(statement.students, [statement.arm])
    seeds = values.seeds(students, [statement.arm])
    first, second = (
        np.array([_profile(term, statement, values, students, seed) for seed in seeds])
        for term in (statement.first, statement.second)
    )
    defined = ~np.isnan(first + second).any(axis=0)
    if not defined.any():
        raise NotTested("no class has both terms in every seed")
    first, second = first[:, defined], second[:, defined]
    teachers = [values.teacher(students, statement.arm, seed) for seed in seeds]
    return [_correlation("classes", first, second, teachers)]


def _correlation(
    unit: str, first: np.ndarray, second: np.ndarray, teachers: list[str | None]
) -> Correlation:
    """Spearman's rho of (seeds, points) values: by seed, and of the means over seeds."""
    by_seed = [spearman(a, b) for a, b in zip(first, second, strict=True)]
    kept = _contrast(f"rho over {unit}", by_seed, teachers)
    return Correlation(
        kept.label,
        kept.values,
        kept.against,
        kept.teachers,
        pooled=spearman(first.mean(axis=0), second.mean(axis=0)),
        points=first.shape[1],
        unit=unit,
    )


def cell_correlation(statement: claims.CellCorrelation, values: Values) -> list[Contrast]:
    """Spearman's rho over the cells in which both terms are defined."""
    cells = [
        (student, arm)
        for arm in statement.arms
        for student in values.trained_under(statement.students, arm)
    ]
    if len(cells) < LEAST_POINTS:
        raise NotTested(
            f"{count(len(cells), 'cell')}: a correlation over cells needs {LEAST_POINTS}"
        )
    seeds = sorted(set.intersection(*(values.seeds_of(*cell) for cell in cells)))
    if not seeds:
        raise NotTested("the cells of the statement have no seed in common")
    terms = []
    for term in (statement.first, statement.second):
        where = (term.measure, term.subset, None)
        values.require(where)
        terms.append(
            np.array(
                [[values.of_seed([s], arm, seed, where) for s, arm in cells] for seed in seeds]
            )
        )
    defined = ~np.isnan(terms[0] + terms[1]).any(axis=0)
    if not defined.any():
        raise NotTested("no cell has both terms in every seed")
    student, arm = cells[0]
    teachers = [values.teacher([student], arm, seed) for seed in seeds]
    return [_correlation("cells", *(term[:, defined] for term in terms), teachers)]


def _profile(
    term: claims.Related,
    statement: claims.ClassCorrelation,
    values: Values,
    students: list[str],
    seed: int,
) -> list[float]:
    """The term's value for each class."""
    found = []
    for number in range(values.classes):
        where = (term.measure, term.subset, number)
        value = values.of_seed(students, statement.arm, seed, where)
        if term.relative_to == "twin":
            value -= _twin_or_nan(values, where)
        found.append(value)
    return found


def _twin_or_nan(values: Values, where: Where) -> float:
    """The twins' mean; NaN where they have no value for that class. No twin is `NotTested`."""
    if where in values.twins:
        defined = [value for value in values.twins[where].values() if value == value]
        return float(np.mean(defined)) if defined else math.nan
    return float(np.mean(values.of_twins(where)))


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rho; NaN where one side does not vary."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(stats.spearmanr(first, second).statistic)


def _contrast(
    label: str,
    found: list[float],
    teachers: list[str | None],
    against: np.ndarray | None = None,
) -> Contrast:
    """Seeds without a value are left out."""
    values = np.array(found, dtype=np.float64)
    kept = ~np.isnan(values)
    return Contrast(
        label,
        values[kept],
        np.empty(0) if against is None else against,
        tuple(name for name, keep in zip(teachers, kept, strict=True) if keep),
    )


CONTRASTS: dict[str, Callable[[Any, Values], list[Contrast]]] = {
    "paired-difference": paired_difference,
    "matched-difference": matched_difference,
    "against-twin": against_twin,
    "against-constant": against_constant,
    "relative-cost": relative_cost,
    "class-correlation": class_correlation,
    "cell-correlation": cell_correlation,
    "best-of": best_of,
}
