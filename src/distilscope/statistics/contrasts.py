"""A contrast over seeds: its interval, its tests, and how many seeds would decide it.

A contrast has a value for each seed. It may be set against the values of a few twins, which are
models trained once and not paired with seeds: then their spread counts too, for a twin is one
draw of what a retrained teacher would be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy import stats

from distilscope.statistics import paired
from distilscope.words import count

POWER = 0.8
MAXIMUM_SEEDS = 1000
MINIMUM_POINTS = 5
UNITS = {"classes": "class", "conditions": "condition"}
"""What a correlation may be over -> the word for one of them."""


@dataclass(frozen=True, eq=False)
class Contrast:
    """A number for each seed; its mean is the contrast's value.

    Attributes:
        values: (n,) a seed's value, defined.
        twins: (k,) values of the twins that the mean of `values` is set against; empty for paired
            values.
        by_teacher: each teacher that the values rest on -> its part of them, a value a seed;
            empty where the parts can't be told from each other.
        replicate: what there is a value of. whom: for whom it holds, a sentence; empty where
            that is said of the teachers it rests on.
    """

    values: np.ndarray
    twins: np.ndarray = field(default_factory=lambda: np.empty(0))
    by_teacher: Mapping[str, np.ndarray] = field(default_factory=dict)
    replicate: str = "seed"
    whom: str = ""

    @property
    def n(self) -> int:
        """Seeds."""
        return len(self.values)

    @cached_property
    def value(self) -> float:
        """Mean over seeds, less the mean of what it is set against."""
        if not self.n:
            return math.nan
        return float(np.mean(self.values)) - (
            float(np.mean(self.twins)) if len(self.twins) else 0.0
        )

    @property
    def degrees(self) -> int:
        """Of freedom of the spread."""
        return _degrees(self.n, len(self.twins))

    @cached_property
    def spread(self) -> float:
        """Standard deviation of a seed's value, pooled with that of the twins; NaN for one seed.

        With a single twin its spread is taken to be that of the seeds.
        """
        if self.degrees < 1 or self.n < 2:
            return math.nan
        parts = [part for part in (self.values, self.twins) if len(part)]
        squares = sum(float(np.sum((part - part.mean()) ** 2)) for part in parts)
        return math.sqrt(squares / self.degrees)

    @property
    def unavailable(self) -> str | None:
        """Why there is no interval, or None."""
        if self.n == 0:
            return "no seed has all terms"
        if self.n == 1:
            return "one seed: no interval over seeds"
        largest = max(np.abs(self.values).max(), np.abs(self.twins).max(initial=0.0))
        if self.spread <= 1e-12 * largest or self.spread == 0:
            return "the seeds do not vary, so their spread says nothing"
        return None

    def interval(self, error_rate: float) -> tuple[float, float]:
        """The t interval that misses at that rate, half of it on each side."""
        if self.unavailable:
            return math.nan, math.nan
        half = stats.t.isf(error_rate / 2, self.degrees) * self._error(self.n)
        return self.value - half, self.value + half

    def p(self, delta: float) -> float:
        """Two-sided p of the t test that the contrast is delta."""
        if self.unavailable:
            return math.nan
        return float(2 * stats.t.sf(abs(self.value - delta) / self._error(self.n), self.degrees))

    def exact(self, delta: float) -> tuple[float, float]:
        """Two-sided exact p that the contrast is delta, and the smallest that n seeds can give.

        Paired values have their signs flipped; values set against twins have their labels
        permuted, whose smallest p is 2 / binomial(n + k, k).
        """
        if not self.n:
            return math.nan, math.nan
        k = len(self.twins)
        smallest = min(1.0, 2.0 / math.comb(self.n + k, k) if k else 2.0 ** (1 - self.n))
        if self.unavailable:
            return math.nan, smallest
        if not k:
            return paired.sign_flip(self.values - delta), smallest
        return paired.permuted_labels(self.values - delta, self.twins), smallest

    @property
    def effect(self) -> float:
        """The value over the spread: Cohen's d_z for paired values, d with a pooled spread else."""
        return math.nan if self.unavailable else self.value / self.spread

    def power(self, seeds: int, delta: float, error_rate: float) -> float:
        """Probability that so many seeds decide against delta, were value and spread the truth."""
        return power(self.value - delta, self.spread, seeds, error_rate, len(self.twins))

    def over_teachers(self, error_rate: float) -> tuple[float, float] | None:
        """The interval with the teacher as the unit; None for one teacher, or where a teacher's
        part is not known.

        Seeds of one teacher share it, so that a sentence about teachers in general rests on the
        means by teacher. Against twins these are set as the seeds are: each teacher and each twin
        is one draw.
        """
        parts = list(self.by_teacher.values())
        if len(parts) < 2 or not all(map(len, parts)):
            return None
        return Contrast(np.array([part.mean() for part in parts]), self.twins).interval(error_rate)

    @property
    def negated(self) -> Contrast:
        """The contrast the other way round."""
        parts = {teacher: -part for teacher, part in self.by_teacher.items()}
        return replace(self, values=-self.values, twins=-self.twins, by_teacher=parts)

    def _error(self, seeds: int) -> float:
        return self.spread * math.sqrt(_scale(seeds, len(self.twins)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Correlation(Contrast):
    """A correlation over points, a value for each seed, whose interval covers both units.

    Points are classes, or conditions of the study. Seeds share them: however many seeds there are,
    ten classes are ten points. The interval is the envelope of the t interval over seeds and of the
    one over points, for the correlation of the values averaged over seeds (Fisher's z with the
    variance of Bonett and Wright 2000, (1 + r²/2) / (points - 3)).

    Attributes:
        pooled: Spearman's rho over the points of the values averaged over seeds.
        points: how many. unit: what they are, a key of `UNITS`.
    """

    pooled: float
    points: int
    unit: str = "classes"

    @property
    def value(self) -> float:
        """The correlation of the values averaged over seeds."""
        return self.pooled

    @property
    def unavailable(self) -> str | None:
        """As of seeds; and few points have no interval over points."""
        if self.points < MINIMUM_POINTS:
            found = count(self.points, UNITS[self.unit], self.unit)
            return f"{found}: a correlation over {self.unit} needs {MINIMUM_POINTS}"
        if math.isnan(self.pooled):
            return f"a term does not vary over the {self.unit}"
        return super().unavailable

    def interval(self, error_rate: float) -> tuple[float, float]:
        """The envelope of both intervals."""
        if self.unavailable:
            return math.nan, math.nan
        half = stats.t.isf(error_rate / 2, self.degrees) * self._error(self.n)
        mean = float(np.mean(self.values))
        low, high = self._over_points(error_rate)
        return max(-1.0, min(low, mean - half)), min(1.0, max(high, mean + half))

    def p(self, delta: float) -> float:
        """Both units have to speak against delta, and on the same side of it: the larger p of each
        side, and twice the smaller side.
        """
        if self.unavailable:
            return math.nan
        over_points = (self._z(self.pooled) - self._z(delta)) / self._error_of_z
        over_seeds = (float(np.mean(self.values)) - delta) / self._error(self.n)
        sides = [
            max(stats.norm.sf(side * over_points), stats.t.sf(side * over_seeds, self.degrees))
            for side in (1, -1)
        ]
        return float(min(1.0, 2 * min(sides)))

    def power(self, seeds: int, delta: float, error_rate: float) -> float:
        """As over seeds; 0 where the points alone leave delta undecided."""
        low, high = self._over_points(error_rate)
        return 0.0 if low <= delta <= high else super().power(seeds, delta, error_rate)

    def over_teachers(self, error_rate: float) -> None:
        """Not given: points are the scarcer unit."""
        return None

    @property
    def negated(self) -> Correlation:
        """The correlation with one side the other way round."""
        return replace(super().negated, pooled=-self.pooled)

    def _over_points(self, error_rate: float) -> tuple[float, float]:
        half = stats.norm.isf(error_rate / 2) * self._error_of_z
        z = self._z(self.pooled)
        return math.tanh(z - half), math.tanh(z + half)

    @property
    def _error_of_z(self) -> float:
        return math.sqrt((1 + self.pooled**2 / 2) / (self.points - 3))

    @staticmethod
    def _z(r: float) -> float:
        return math.atanh(min(max(r, -0.999999), 0.999999))


# ----------------------------------------------------------------------------------- planning


def power(effect: float, spread: float, seeds: int, error_rate: float, twins: int = 0) -> float:
    """Probability that the t interval of so many seeds excludes 0 on the side of the effect.

    From the noncentral t distribution; `effect` and `spread` are taken for the truth.
    """
    degrees = _degrees(seeds, twins)
    if degrees < 1 or seeds < 2 or not (math.isfinite(effect) and spread > 0):
        return 0.0
    shift = abs(effect) / (spread * math.sqrt(_scale(seeds, twins)))
    found = float(stats.nct.sf(stats.t.isf(error_rate / 2, degrees), degrees, shift))
    # scipy has no value far out, where the interval can't but exclude 0
    return found if math.isfinite(found) else float(shift > 30)


def sample_size(decides: Callable[[int], float]) -> int | None:
    """The smallest number of seeds, 2 or more, that decide in 80 % of studies: `POWER`.

    None above `MAXIMUM_SEEDS`. `decides` is the share for a number of seeds, and grows with it.
    """
    if decides(MAXIMUM_SEEDS) < POWER:
        return None
    low, high = 1, MAXIMUM_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) >= POWER else (middle, high)
    return high


def _degrees(seeds: int, twins: int) -> int:
    return seeds - 1 + max(twins - 1, 0)


def _scale(seeds: int, twins: int) -> float:
    """Variance of the contrast in units of a seed's variance."""
    return 1 / seeds + (1 / twins if twins else 0.0)
