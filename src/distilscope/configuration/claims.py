"""The claims file: sentences of a paper as testable statements, and the numbers it published.

Everything that decides a verdict stands in the file before the study runs: the contrast, its
direction, the smallest effect worth naming (delta), alpha and the family. A form of statement is
a class in `FORMS` here, which says what it takes, and a function in `inference.statements`,
which says what it computes. Read while the plan is made: neither torch nor pandas is imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from distilscope import catalog, registry
from distilscope.configuration.files import read
from distilscope.configuration.kinds import ConfigurationError, Name, Number, Strict, faults

SUBSETS = ("all", "common", "both-correct", "reference-wrong")
CLASSES = "classes"  # the chance of guessing one of the study's classes

Trust = Literal["verified", "summary", "inconsistent"]


def _measure(value: str) -> str:
    catalog.lookup(registry.measures(), value, "measure")
    return value


def _chance(value: Any) -> Any:
    if isinstance(value, str) and value != CLASSES:
        return _measure(value)
    return value


MeasureName = Annotated[str, AfterValidator(_measure)]
Subset = Literal[SUBSETS]
Students = Literal["all"] | Annotated[list[str], Field(min_length=1)]
Chance = Annotated[float | str, BeforeValidator(_chance)]


class Arm(Strict):
    """A cell of the grid without its student: an objective with all of its parameters.

    `taught_by: twin` are the students that learned from another teacher of the same recipe than
    the one that they are compared with.
    """

    objective: str
    T: Number | None = None
    alpha: Number | None = None
    taught_by: Literal["teacher", "twin"] = "teacher"

    @model_validator(mode="after")
    def _complete(self) -> Arm:
        entry = catalog.lookup(catalog.OBJECTIVES, self.objective, "objective")
        for name, value in (("T", self.T), ("alpha", self.alpha)):
            if name not in entry.parameters and value is not None:
                raise ValueError(f"objective {self.objective!r} takes no `{name}`")
            if name in entry.parameters and value is None:
                raise ValueError(f"objective {self.objective!r} needs `{name}`")
            fault = entry.parameters[name].check(value) if value is not None else None
            if fault:
                raise ValueError(f"{name}: {fault}")
        if self.taught_by == "twin" and not entry.needs_teacher:
            raise ValueError(f"objective {self.objective!r} learns from no teacher or twin")
        return self

    @property
    def words(self) -> str:
        """`kd T=4 alpha=0.9`."""
        named = (("T", self.T), ("alpha", self.alpha))
        said = [self.objective, *(f"{k}={v:g}" for k, v in named if v is not None)]
        return " ".join(said + (["from the twin"] if self.taught_by == "twin" else []))


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
    first: Arm
    second: Arm


class MatchedDifference(PairedDifference):
    """The same at equal values of another measure, on which the differences are regressed."""

    form: Literal["matched-difference"]
    covariate: Term


class AgainstTwin(Term):
    """The student's value less the twins' mean."""

    form: Literal["against-twin"]
    students: Students = "all"
    arm: Arm


class AgainstConstant(Term):
    """The student's value less a constant."""

    form: Literal["against-constant"]
    students: Students = "all"
    arm: Arm
    constant: Number


class RelativeCost(Strict):
    """What going from `large` to `small` costs of `first` less what it costs of `second`."""

    form: Literal["relative-cost"]
    large: str
    small: str
    arm: Arm
    first: Scaled
    second: Scaled


class ClassCorrelation(Strict):
    """Spearman's rho over the classes of `first` and `second`."""

    form: Literal["class-correlation"]
    students: Students = "all"
    arm: Arm
    first: Related
    second: Related


class CellCorrelation(Strict):
    """Spearman's rho of `first` and `second` over the cells: students under each of the arms.

    A student counts under those of the arms that the study trains it under.
    """

    form: Literal["cell-correlation"]
    students: Students = "all"
    arms: Annotated[list[Arm], Field(min_length=1)]
    first: Term
    second: Term


class BestOf(Term):
    """`best` differs in the claim's direction from each of `others`: all contrasts hold."""

    form: Literal["best-of"]
    students: Students = "all"
    best: Arm
    others: Annotated[list[Arm], Field(min_length=1)]

    @model_validator(mode="after")
    def _others_differ(self) -> BestOf:
        if self.best in self.others:
            raise ValueError(f"`others` holds `best` itself ({self.best.words})")
        return self


FORMS: dict[str, type[Strict]] = {
    "paired-difference": PairedDifference,
    "matched-difference": MatchedDifference,
    "against-twin": AgainstTwin,
    "against-constant": AgainstConstant,
    "relative-cost": RelativeCost,
    "class-correlation": ClassCorrelation,
    "cell-correlation": CellCorrelation,
    "best-of": BestOf,
}


def _tagged(value: Any) -> Any:
    """Parse a statement by its form, so that a fault is told for that form alone."""
    if isinstance(value, tuple(FORMS.values())):
        return value
    if not isinstance(value, Mapping) or "form" not in value:
        raise ValueError("a statement needs `form`: " + ", ".join(FORMS))
    catalog.lookup(FORMS, value["form"], "form of statement")
    return value


Statement = Annotated[
    # A union of as many types as there are at run time can't be written with `|`.
    Annotated[Union[tuple(FORMS.values())], Field(discriminator="form")],  # noqa: UP007
    BeforeValidator(_tagged),
]


# ---------------------------------------------------------------------------------- the file


class Headline(Strict):
    """A number that the study published. `error` says what is known to be wrong with it.

    `student`, `T` and `alpha` (of the soft term) place it in a table of the grid, where it has one.
    """

    id: Name
    measure: str
    of: str
    student: str | None = None
    T: Number | None = None
    alpha: Number | None = None
    value: Number
    trust: Trust
    source: str
    error: str | None = None


class Claim(Strict):
    """A sentence and how it is tested.

    `direction` says which sign of the contrast the sentence claims; all numbers of the verdict are
    given in that direction, so that positive is as claimed. `published` is the same contrast from
    the published numbers, where they hold it, and `note` how it was made or what is wrong with it.
    """

    id: Name
    sentence: str
    source: str
    family: Name
    statement: Statement
    direction: Literal["higher", "lower"]
    delta: Annotated[Number, Field(ge=0)]
    alpha: Annotated[Number, Field(gt=0, lt=0.5)] = 0.05
    published: Number | None = None
    trust: Trust | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _marked(self) -> Claim:
        if self.published is not None and self.trust is None:
            raise ValueError(f"claim {self.id!r}: `published` needs a mark in `trust`")
        return self


class Claims(Strict):
    """A claims file."""

    study: str
    source: str
    dataset: str
    headlines: list[Headline] = Field(default=[])
    claims: Annotated[list[Claim], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> Claims:
        for key in ("headlines", "claims"):
            ids = [item.id for item in getattr(self, key)]
            twice = [name for name in ids if ids.count(name) > 1]
            if twice:
                raise ValueError(f"`{key}` holds the id {twice[0]!r} twice")
        return self

    @property
    def family_sizes(self) -> dict[str, int]:
        """How many claims of the file each family has, whether or not a study tests them."""
        families = [claim.family for claim in self.claims]
        return {name: families.count(name) for name in families}


def parse(raw: Any, where: str = "the claims") -> Claims:
    """The typed claims.

    Raises:
        ConfigurationError: a line for each fault: key, value, what would be accepted.
    """
    try:
        return Claims.model_validate(raw)
    except ValidationError as error:
        tags = {*FORMS, *catalog.OBJECTIVES}
        lines = "\n".join(f"  {fault}" for fault in faults(error, tags))
        raise ConfigurationError(f"{where} can't be used:\n{lines}") from None


def load(given: str, folders: Iterable[Path]) -> Claims:
    """The claims file `given`, looked for in the folders in turn.

    Raises:
        ConfigurationError: there is none, it can't be read as YAML, or a key of it is wrong.
    """
    candidates = [folder / given for folder in folders]
    path = next((place for place in candidates if place.is_file()), None)
    if path is None:
        places = " or ".join(dict.fromkeys(map(str, candidates)))  # one, where it is absolute
        raise ConfigurationError(f"claims: there is no file at {places}")
    try:
        raw = read(path)
    except ConfigurationError as error:
        raise ConfigurationError(f"claims: {error}") from None
    return parse(raw, f"claims: {path}")
