"""Whether models reach what is required of them, by the end of the interval that decides."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from distilscope.analyses.gate import requirements
from distilscope.analyses.gate.requirements import Requirement
from distilscope.reporting.conditions import NOT_MEASURED, Condition, Estimate, estimate
from distilscope.reporting.formatting import number
from distilscope.reporting.tables import Tables

MET, SHORT, UNJUDGED = "met", "fell short", "could not be judged"


@dataclass(frozen=True)
class Verdict:
    """A requirement of one condition, and whether it is met.

    Attributes:
        found: the number with its interval.
        verdict: `met`, `fell short` or `could not be judged`. why: of the latter two, a clause.
    """

    requirement: Requirement
    condition: Condition
    found: Estimate
    verdict: str
    why: str = ""


def verdicts(tables: Tables) -> list[Verdict]:
    """A verdict for each requirement and condition, in the order in which they are required."""
    known = {condition.key: condition for condition in tables.conditions}
    return [
        _verdict(tables, requirements.parse(asked["text"]), known[name])
        for asked in tables.settings_of("gate").get("required", ())
        for name in asked["conditions"]
    ]


def overall(found: Iterable[Verdict]) -> str:
    """`met` where all are, `fell short` where any did, else `could not be judged`."""
    verdicts_found = {each.verdict for each in found}
    return next((each for each in (SHORT, UNJUDGED) if each in verdicts_found), MET)


def records(tables: Tables) -> list[dict[str, Any]]:
    """The verdicts as `audit.json` has them; numbers that are undefined are None."""
    return [
        {
            "requirement": str(each.requirement),
            "measure": each.requirement.measure,
            "sign": each.requirement.sign,
            "bound": each.requirement.bound,
            "condition": each.condition.key,
            "label": each.condition.label,
            **{end: _finite(getattr(each.found, end)) for end in ("value", "low", "high")},
            "verdict": each.verdict,
            "why": each.why,
        }
        for each in verdicts(tables)
    ]


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _verdict(tables: Tables, asked: Requirement, condition: Condition) -> Verdict:
    rows = tables.headline(asked.measure)
    found = estimate(condition, rows)
    if found.reason == NOT_MEASURED:
        found = replace(found, reason=_why_missing(tables, asked.measure, condition))
    exact = rows["probe"].isna().all()  # a count of the model itself, of no images
    return by_end(asked, condition, found, found.value if exact else getattr(found, asked.end))


def _why_missing(tables: Tables, measure: str, condition: Condition) -> str:
    own = tables.of(measure)
    if own["model"].isin(condition.models).any():
        return "it has several values for this model, and none of them stands for it"
    return "it was not measured of this model"


def by_end(asked: Requirement, condition: Condition, found: Estimate, end: float) -> Verdict:
    """The verdict on a number by the end of its interval that decides."""
    if not found.defined:
        return Verdict(asked, condition, found, UNJUDGED, found.reason)
    if not math.isfinite(end):
        return Verdict(asked, condition, found, UNJUDGED, "it has no interval")
    if asked.holds(end):
        return Verdict(asked, condition, found, MET)
    return Verdict(asked, condition, found, SHORT, _shortfall(asked, found, end))


def _shortfall(asked: Requirement, found: Estimate, end: float) -> str:
    """What the decisive end is; and whether more images could tell."""
    if end == found.value:
        return f"it is {number(end)}"
    which = "lower" if asked.end == "low" else "upper"
    text = f"the {which} end of its interval is {number(end)}"
    return f"the value complies, but {text}" if asked.holds(found.value) else text
