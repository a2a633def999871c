"""The general forms of statements: what each takes. An analysis may declare more of them.

What a form computes is a function of `statistics.statements`. Read while the plan is made: neither
torch nor pandas is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    SerializeAsAny,
    model_validator,
)

from distilscope import catalog, registry
from distilscope.analyses.declaration import Form
from distilscope.configuration import patterns
from distilscope.configuration.kinds import Number, Strict
from distilscope.configuration.patterns import Pattern

SUBSETS = ("all", "common", "both-correct", "reference-wrong")
CLASSES = "classes"  # the chance of guessing one of the study's classes


def _measure(value: str) -> str:
    registry.require_measure(value)
    return value


def _chance(value: Any) -> Any:
    if isinstance(value, str) and value != CLASSES:
        return _measure(value)
    return value


MeasureName = Annotated[str, AfterValidator(_measure)]
Subset = Literal[SUBSETS]
Students = Literal["all"] | Annotated[list[str], Field(min_length=1)]
Chance = Annotated[float | str, BeforeValidator(_chance)]


class Term(Strict):
    """A measure on a subset of the images."""

    measure: MeasureName
    subset: Subset = "all"


class Scaled(Term):
    """A measure on the scale (value - chance) / (twin - chance).

    `chance` is a number, the name of a measure of the same models, or `classes` for 1 / classes.
    """

    chance: Chance


class Related(Term):
    """A measure by class, as it is or less the twin's value for that class."""

    relative_to: Literal["twin"] | None = None


# --------------------------------------------------------------------------------------- forms


class PairedDifference(Term):
    """first - second, paired by seed, averaged over the students."""

    form: Literal["paired-difference"]
    students: Students = "all"
    first: Pattern
    second: Pattern


class MatchedDifference(PairedDifference):
    """The same at equal values of another measure, on which the differences are regressed."""

    form: Literal["matched-difference"]
    covariate: Term


class AgainstTwin(Term):
    """The student's value less the twins' mean."""

    form: Literal["against-twin"]
    students: Students = "all"
    arm: Pattern


class AgainstConstant(Term):
    """The student's value less a constant."""

    form: Literal["against-constant"]
    students: Students = "all"
    arm: Pattern
    constant: Number


class RelativeCost(Strict):
    """What going from `large` to `small` costs of `first` less what it costs of `second`."""

    form: Literal["relative-cost"]
    large: str
    small: str
    arm: Pattern
    first: Scaled
    second: Scaled


class ClassCorrelation(Strict):
    """Spearman's rho over the classes of `first` and `second`."""

    form: Literal["class-correlation"]
    students: Students = "all"
    arm: Pattern
    first: Related
    second: Related


class ConditionCorrelation(Strict):
    """Spearman's rho of `first` and `second` over the conditions of all arms.

    A student counts under those of the arms that the study trains it under.
    """

    form: Literal["condition-correlation"]
    students: Students = "all"
    arms: Annotated[list[Pattern], Field(min_length=1)]
    first: Term
    second: Term


class BestOf(Term):
    """`best` differs in the claim's direction from each of `others`: all contrasts hold."""

    form: Literal["best-of"]
    students: Students = "all"
    best: Pattern
    others: Annotated[list[Pattern], Field(min_length=1)]

    @model_validator(mode="after")
    def _others_differ(self) -> BestOf:
        if self.best in self.others:
            raise ValueError(f"`others` holds `best` itself: take out {patterns.words(self.best)}")
        return self


_IN = "distilscope.statistics.statements"
GENERAL: dict[str, Form] = {
    "paired-difference": Form(PairedDifference, f"{_IN}:paired_difference"),
    "matched-difference": Form(MatchedDifference, f"{_IN}:matched_difference"),
    "against-twin": Form(AgainstTwin, f"{_IN}:against_twin"),
    "against-constant": Form(AgainstConstant, f"{_IN}:against_constant"),
    "relative-cost": Form(RelativeCost, f"{_IN}:relative_cost"),
    "class-correlation": Form(ClassCorrelation, f"{_IN}:class_correlation"),
    "condition-correlation": Form(ConditionCorrelation, f"{_IN}:condition_correlation"),
    "best-of": Form(BestOf, f"{_IN}:best_of"),
}


def forms() -> dict[str, Form]:
    """All forms by name: the general ones, and those that analyses declare."""
    declared = (analysis.forms for analysis in registry.analyses().values())
    return {**GENERAL, **{name: form for own in declared for name, form in own.items()}}


def _of_form(value: Any) -> Strict:
    """Parse a statement by its form, so that faults are those of that form alone."""
    if isinstance(value, Strict):
        return value
    known = forms()
    if not isinstance(value, Mapping) or "form" not in value:
        raise ValueError("a statement needs `form`: " + ", ".join(known))
    return catalog.lookup(known, value["form"], "form of statement").takes.model_validate(value)


Statement = Annotated[SerializeAsAny[Strict], PlainValidator(_of_form)]
