"""`audit.json`: every number of an audit with its interval, and the verdicts, under one schema.

`python -m distilscope.auditing.record` prints the schema, which the workflow keeps in
`workflow/schemas/audit.schema.json`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FORMAT = "distilscope-audit/1"
LARGEST_BYTES = 2**28


class BadRecord(ValueError):
    """A file that is no `audit.json`, or one of another format."""


class Part(BaseModel):
    """A part of the record: keys that are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Images(Part):
    """What the models were measured on: images, or items of tasks (`unit`).

    `identity` is the same for the same ones; `classes` are of items the most choices that one has.
    """

    data: str
    identity: str
    count: int = Field(ge=0)
    classes: int = Field(ge=0)
    unit: str = "images"


class Model(Part):
    """A model of the audit; `identity` is the same for the same weights read in the same way."""

    id: str
    condition: str
    label: str
    role: str
    network: str
    source: str
    architecture: str | None
    reference: str | None
    parameters: int | None
    identity: str


class Number(Part):
    """A number of one model, or of a model beside a reference.

    `where` says where it holds: layer, method, resolution, class and so on. `low` and `high` are
    its interval, null where there is none; `value` is null where it is undefined, with a `reason`.
    `headline` marks the number that stands for its measure.
    """

    model: str
    measure: str
    analysis: str
    reference: str | None = None
    relation: str | None = None
    subset: str | None = None
    where: dict[str, str | int | float] = {}
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    n_undefined: int = 0
    reason: str | None = None
    headline: bool = False


class Required(Part):
    """A requirement of one condition with its verdict; `why` says why it isn't met."""

    requirement: str
    measure: str
    sign: Literal[">=", "<="]
    bound: float
    condition: str
    label: str
    value: float | None
    low: float | None
    high: float | None
    verdict: Literal["met", "fell short", "could not be judged"]
    why: str


class Moved(Part):
    """A headline number beside that of the earlier audit; `low` to `high` is of the difference.

    `change` is `fell` or `rose` (worse or better, by more than the interval), `within` (the
    interval of the difference holds 0), `moved` (a measure of which neither is better), or
    `not comparable`.
    """

    model: str
    measure: str
    before: float | None
    now: float | None
    difference: float | None
    low: float | None
    high: float | None
    change: Literal["fell", "rose", "moved", "within", "not comparable"]


class Earlier(Part):
    """This audit beside an earlier one: the numbers that both have, and what differs besides."""

    study: str
    distilscope: str
    same_images: bool
    notes: list[str]
    numbers: list[Moved]


class Audit(Part):
    """An audit: what was measured of whom, what it says, and what was required."""

    format: Literal["distilscope-audit/1"] = FORMAT
    study: str
    title: str
    distilscope: str
    identity: str = Field(description="of the report: the same for the same audit")
    report: str = Field(description="path of the page, from the working directory")
    level: float = Field(gt=0, lt=1, description="of the intervals")
    images: Images
    models: list[Model]
    answer: list[str]
    caveats: list[str]
    notes: list[str] = Field(
        default=[], description="what jobs found wrong and went on: images left out, say"
    )
    verdict: Literal["met", "fell short", "could not be judged", "nothing required"]
    exit_code: Literal[0, 1, 2]
    requirements: list[Required]
    earlier: Earlier | None
    numbers: list[Number]


def schema() -> dict[str, Any]:
    """The JSON schema of `audit.json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Audit.model_json_schema(mode="serialization"),
    }


def finite(value: Any) -> float | None:
    """A number as JSON has it: null for one that is undefined."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def read(path: Path) -> Audit:
    """An `audit.json`.

    Raises:
        BadRecord: it can't be read, is no JSON, or has another format.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise BadRecord(f"{path} is larger than {LARGEST_BYTES // 2**20} MiB: no audit.json")
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRecord(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"{path} is no JSON: {error}") from None
    kind = raw.get("format") if isinstance(raw, dict) else None
    if kind != FORMAT:
        raise BadRecord(
            f"{path} is no audit.json of this version: its `format` is {kind!r}, expected "
            f"{FORMAT!r}"
        )
    try:
        return Audit.model_validate(raw)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise BadRecord(f"{path} is no whole audit.json: {place}: {fault['msg']}") from None


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))
