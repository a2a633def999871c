"""Forms of statements about reasoning: what each takes. Read without torch or pandas."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from distilscope.configuration.kinds import Strict
from distilscope.configuration.patterns import Pattern
from distilscope.configuration.statements import Students, Term


class PartialCorrelation(Strict):
    """Spearman's rho of `first` and `second` over the conditions of all arms, the ranks of both
    cleared of those of all `given`.

    What rises with size, or falls with a control's score, does so by construction where both are
    made of it: held fixed, that is taken away.
    """

    form: Literal["partial-correlation"]
    students: Students = "all"
    arms: Annotated[list[Pattern], Field(min_length=1)]
    first: Term
    second: Term
    given: Annotated[list[Term], Field(min_length=1)]
