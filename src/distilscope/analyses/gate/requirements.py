"""What is required of models: `image_specific_rho >= 0.4`, `ece of small <= 0.05`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

SHAPE = re.compile(
    r"\s*(?P<measure>[A-Za-z][\w.]*)"
    r"(?:\s+of\s+(?P<of>[A-Za-z0-9][\w.-]*))?"
    r"\s*(?P<sign>>=|<=|≥|≤)\s*(?P<bound>\S+)\s*"
)
EXPECTED = "expected `measure >= number` or `measure of model <= number`, such as `ece <= 0.05`"


@dataclass(frozen=True)
class Requirement:
    """A bound on a measure.

    Attributes:
        measure: name of a measure. sign: `>=` or `<=`. bound: the number itself is accepted.
        of: a model, a condition or a network; None is every student, and without students every
            compressed model.
    """

    measure: str
    sign: Literal[">=", "<="]
    bound: float
    of: str | None = None

    def __str__(self) -> str:
        whose = f" of {self.of}" if self.of else ""
        return f"{self.measure}{whose} {self.sign} {self.bound:g}"

    @property
    def end(self) -> str:
        """The end of an interval by which it is judged: all of the interval has to comply."""
        return "low" if self.sign == ">=" else "high"

    def holds(self, value: float) -> bool:
        """Whether a number complies."""
        return value >= self.bound if self.sign == ">=" else value <= self.bound


def parse(text: str) -> Requirement:
    """The requirement in a text.

    Raises:
        ValueError: it has another form, or its bound is not a finite number.
    """
    found = SHAPE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"the requirement {text!r} can't be read: {EXPECTED}")
    try:
        bound = float(found["bound"])
    except ValueError:
        bound = math.nan
    if not math.isfinite(bound):
        raise ValueError(
            f"the requirement {text!r} has the bound {found['bound']!r}, which is not a finite "
            f"number: {EXPECTED}"
        )
    sign = ">=" if found["sign"] in (">=", "≥") else "<="
    return Requirement(found["measure"], sign, bound, found["of"])
