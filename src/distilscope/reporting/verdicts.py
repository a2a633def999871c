"""The verdicts on the claims of a study, as the page and the terminal show them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from distilscope import words
from distilscope.reporting.cells import Estimate
from distilscope.reporting.names import ascii_only
from distilscope.reporting.tables import Tables, clean

ORDER = ("supported", "contradicted", "undetermined", "not tested")
TRUST_WORDS: Mapping[str, str] = {
    "verified": "read in the study's own code, result files or figures",
    "summary": "stated in a published summary only",
    "inconsistent": "the study's own sources disagree, or its arithmetic does",
}
WIDEST = 100


@dataclass(frozen=True)
class Verdict:
    """A claim in the report; numbers are in the claim's direction.

    Attributes:
        kind: the verdict as the name of a style, `not-tested` and the like.
        ours: the contrast with its interval over seeds.
        tests: names and values of what stands beside the interval.
    """

    sentence: str
    source: str
    scope: str
    verdict: str
    ours: Estimate
    delta: float
    published: float
    trust: str
    note: str
    why: str
    tests: Mapping[str, float]

    @property
    def kind(self) -> str:
        """For a style."""
        return self.verdict.replace(" ", "-")


TESTS: Mapping[str, str] = {
    "seeds": "n_seeds",
    "p of t": "p_t",
    "exact p": "p_sign_flip",
    "smallest exact p": "p_smallest",
    "q of its family": "q",
    "effect size": "effect_size",
    "seeds to decide, about": "seeds_to_decide",
}


def verdicts(tables: Tables) -> list[Verdict]:
    """A verdict a claim, in the order of the claims file; none where the study has no claims."""
    return [_verdict(row) for row in tables.claims.to_dict("records")]


def _verdict(row: Mapping[str, Any]) -> Verdict:
    number = {
        key: math.nan if pd.isna(row[key]) else float(row[key])
        for key in ("ours", "low", "high", "delta", "published", *TESTS.values())
    }
    text = {
        key: clean(row[key]) if isinstance(row[key], str) else ""
        for key in ("sentence", "source", "scope", "verdict", "trust", "note", "why")
    }
    return Verdict(
        **text,
        ours=Estimate(number["ours"], number["low"], number["high"], "seeds", ()),
        delta=number["delta"],
        published=number["published"],
        tests={name: number[column] for name, column in TESTS.items()},
    )


def counted(found: list[Verdict]) -> str:
    """`Of 8 claims 2 are supported, 1 is contradicted ...`, or nothing without claims."""
    if not found:
        return ""
    counts = {kind: sum(claim.verdict == kind for claim in found) for kind in ORDER}
    parts = [f"{n} {'is' if n == 1 else 'are'} {kind}" for kind, n in counts.items() if n]
    return f"Of {words.count(len(found), 'claim')} {words.listed(parts)}."


def lines(tables: Tables) -> list[str]:
    """The verdicts as plain text of at most 100 columns, in ASCII."""
    found = verdicts(tables)
    if not found:
        return []
    wide = max(len(kind) for kind in ORDER) + 2
    said = [f"Claims, {found[0].scope}, in the claimed direction; intervals are over seeds."]
    for claim in found:
        own = "" if math.isnan(claim.ours.value) else f" {_plain(claim.ours)}."
        text = f"{claim.sentence}{own} {claim.why}"
        said += textwrap.wrap(
            ascii_only(text),
            width=WIDEST,
            initial_indent=claim.verdict.ljust(wide),
            subsequent_indent=" " * wide,
        )
    return said


def _plain(found: Estimate) -> str:
    if math.isnan(found.low):
        return f"{found.value:.3f}"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
