"""What a way of compressing declares of itself: read while the plan is made, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """Something that was done to a finished model, and how strongly.

    Attributes:
        name: key of a configuration, and field of a condition.
        symbol: how names of models spell it, such as `prune` in `prune0.3`; "" where the value
            alone does.
        words: how labels spell it: a format of the value.
        choices: value -> what it is; empty where it is a number.
        low, high: the open range of a number.
        times: what a number is multiplied by before it is spelled in words.
    """

    name: str
    symbol: str
    words: str
    choices: Mapping[str, str] | None = None
    low: float = 0.0
    high: float = 1.0
    times: float = 1.0

    def check(self, value: Any) -> str | None:
        """What is wrong with the value, or None."""
        if self.choices:
            known = ", ".join(self.choices)
            return None if value in self.choices else f"{value!r} is none of {known}"
        number = not isinstance(value, bool) and isinstance(value, int | float)
        if number and self.low < value < self.high:
            return None
        return f"{value!r} is no number between {self.low:g} and {self.high:g}, both excluded"

    def key(self, value: Any) -> str:
        """How names of models spell a value."""
        return value if self.choices else f"{self.symbol}{value:.12g}"

    def said(self, value: Any) -> str:
        """How labels spell a value."""
        return self.words.format(value if self.choices else self.times * value)


@dataclass(frozen=True)
class Compression(Setting):
    """A way of compressing a model that needs no training.

    Attributes:
        module: dotted path of the code: `compress(model, value, images) -> (nn.Module, Facts)`,
            and `restore(model, value, path) -> nn.Module`, which makes of a freshly built network
            what `save(model, path)` wrote. `images` are held-out ones for what is `calibrated`,
            else a black one.
        rising: whether a larger number compresses more.
        calibrated: choices for which ranges of activations are taken from held-out images.
        rounds: whether more than weights is rounded, so that the head's closed form isn't exact.
        maps: what maps are of, where the model itself has no gradient; "" where it has.
    """

    module: str = ""
    rising: bool = True
    calibrated: tuple[str, ...] = ()
    rounds: bool = False
    maps: str = ""

    def severity(self, value: Any) -> float:
        """Larger where more is taken away; choices are in the order of the declaration."""
        if self.choices:
            return float(list(self.choices).index(value))
        return value if self.rising else -value
