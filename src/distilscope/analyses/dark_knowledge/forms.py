"""Forms of statements about a ladder of teachers: what each takes. Read without torch or pandas."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from distilscope.configuration.kinds import Number, Strict
from distilscope.configuration.patterns import Pattern
from distilscope.configuration.statements import MeasureName


class RungTerm(Strict):
    """A number for each rung: of its teachers, or of the students that they teach."""

    of: Literal["teacher", "student"]
    measure: MeasureName


class RungCorrelation(Strict):
    """Spearman's rho of `first` and `second` over the teachers of the ladder.

    With `given` the ranks of both are cleared of those of a third number first (partial rho).
    `arm` are the students, of which each teacher has some.
    """

    form: Literal["rung-correlation"]
    arm: Pattern | None = None
    first: RungTerm
    second: RungTerm
    given: RungTerm | None = None

    @model_validator(mode="after")
    def _students_named(self) -> RungCorrelation:
        terms = [self.first, self.second, *([self.given] if self.given else [])]
        if self.arm is None and any(term.of == "student" for term in terms):
            raise ValueError("`arm` says which students are meant: give it")
        return self


class OverRungs(Strict):
    """A teacher's number less `factor` times another one, less a constant; a rung is the unit."""

    form: Literal["over-rungs"]
    measure: MeasureName
    relative_to: MeasureName | None = None
    factor: Annotated[Number, Field(gt=0)] = 1.0
    constant: Number = 0.0
