"""The claims file: sentences of a paper as testable statements, and the numbers it published.

Everything that decides a verdict stands in the file before the study runs: the contrast, its
direction, the smallest effect worth naming (delta), the error rate and the family. Read while the
plan is made: neither torch nor pandas is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from distilscope.configuration import renamed
from distilscope.configuration.files import read
from distilscope.configuration.kinds import ConfigurationError, Name, Number, Strict, faults
from distilscope.configuration.patterns import Pattern
from distilscope.configuration.statements import Statement

Trust = Literal["verified", "summary", "inconsistent"]


class Headline(Strict):
    """A number that the study published. `error` says what is known to be wrong with it.

    `condition` is the pattern of the conditions that it was found for, where it was for some.
    """

    id: Name
    measure: str
    of: str
    condition: Pattern | None = None
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
    error_rate: Annotated[Number, Field(gt=0, lt=0.5)] = 0.05
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
    """The typed claims. A key of an earlier release is read, and its new name is printed.

    Raises:
        ConfigurationError: a line for each fault: key, value, what would be accepted.
    """
    raw, said = renamed.present_claims(raw)
    for sentence in said:
        print(f"{where}: {sentence}", file=sys.stderr)
    try:
        return Claims.model_validate(raw)
    except ValidationError as error:
        lines = "\n".join(f"  {fault}" for fault in faults(error))
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
