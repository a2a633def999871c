"""A contrast of one model as it is: its interval is over test images, and another training is no
part of the question.

A model that was given, or that was compressed, has no seeds that could be added. What is asked of
it is about this very model, and other images are what could turn out otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scipy import stats

from distilscope.statistics.contrasts import Contrast

AS_THEY_ARE = ("given", "compressed", "perturbed")
"""Sources of models that are asked about as they are, where there is one of them."""


@dataclass(frozen=True, eq=False, kw_only=True)
class OverImages(Contrast):
    """A value with its percentile interval over images.

    Other error rates than the interval's own are reached by the normal distribution, on each side
    by its own half: percentiles of a bootstrap for a family of twenty would need ever more draws.

    Attributes:
        low, high: the interval at `level`.
    """

    low: float
    high: float
    level: float

    @property
    def unavailable(self) -> str | None:
        """Why there is no interval, or None."""
        if not self.n:
            return "the model has no value"
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return "the measure has no interval over images"
        return None

    def interval(self, error_rate: float) -> tuple[float, float]:
        """The interval that misses at that rate, half of it on each side."""
        if self.unavailable:
            return math.nan, math.nan
        ratio = stats.norm.isf(error_rate / 2) / self._own
        return (
            self.value - ratio * (self.value - self.low),
            self.value + ratio * (self.high - self.value),
        )

    def p(self, delta: float) -> float:
        """Two-sided p of the normal test that the value is delta, by the half that points there."""
        if self.unavailable:
            return math.nan
        half = self.value - self.low if delta < self.value else self.high - self.value
        if half <= 0:
            return float(self.value == delta)
        return float(2 * stats.norm.sf(self._own * abs(self.value - delta) / half))

    def exact(self, delta: float) -> tuple[float, float]:
        """None: there are no seeds to permute."""
        return math.nan, math.nan

    @property
    def effect(self) -> float:
        """None: there is no spread over seeds."""
        return math.nan

    def power(self, seeds: int, delta: float, error_rate: float) -> float:
        """0: no seed can be added."""
        return 0.0

    @property
    def negated(self) -> OverImages:
        """The value with its interval the other way round."""
        return replace(super().negated, low=-self.high, high=-self.low)

    @property
    def _own(self) -> float:
        """How many standard errors the interval's half is."""
        return float(stats.norm.isf((1 - self.level) / 2))
