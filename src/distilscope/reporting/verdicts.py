"""The verdicts on the claims of a study, as the page and the terminal show them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from distilscope import words
from distilscope.reporting.conditions import Estimate
from distilscope.reporting.formatting import code_set_off, number, with_interval
from distilscope.reporting.grid import Grid
from distilscope.reporting.names import ascii_only
from distilscope.reporting.tables import Tables, clean

ORDER = ("supported", "contradicted", "undetermined", "not tested")
TRUST_WORDS: Mapping[str, str] = {
    "verified": "read in the study's own code, result files or figures",
    "summary": "stated in a published summary only",
    "inconsistent": "the study's own sources disagree, or its arithmetic does",
}
TESTS: Mapping[str, str] = {
    "seeds": "n_seeds",
    "p of t": "p_t",
    "exact p": "p_sign_flip",
    "smallest exact p": "p_smallest",
    "q of its family": "q",
    "effect size": "effect_size",
    "seeds to decide, about": "seeds_to_decide",
}
VERDICT = Markup('<span class="verdict {}">{}</span>')
TRUST = Markup('{} <span class="trust">({})</span>')
NOTE = Markup('{} <span class="note">Published: {}</span>')
WIDEST = 100


@dataclass(frozen=True)
class Verdict:
    """A claim in the report; numbers are in the claim's direction.

    Attributes:
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


def verdicts(tables: Tables) -> list[Verdict]:
    """A verdict a claim, in the order of the claims file; none where the study has no claims."""
    return [_verdict(row) for row in tables.claims.to_dict("records")]


def _verdict(row: Mapping[str, Any]) -> Verdict:
    value = {
        key: math.nan if pd.isna(row[key]) else float(row[key])
        for key in ("ours", "low", "high", "delta", "published", *TESTS.values())
    }
    text = {
        key: clean(row[key]) if isinstance(row[key], str) else ""
        for key in ("sentence", "source", "scope", "verdict", "trust", "note", "why")
    }
    return Verdict(
        **text,
        ours=Estimate(value["ours"], value["low"], value["high"], "seeds", ()),
        delta=value["delta"],
        published=value["published"],
        tests={name: value[column] for name, column in TESTS.items()},
    )


def section(tables: Tables) -> dict[str, Any] | None:
    """The claims in the page: how many hold, for what, and both tables; None without claims."""
    found = verdicts(tables)
    if not found:
        return None
    return {
        "counted": counted(found),
        "scope": found[0].scope,
        "verdicts": Grid(
            "Claims and verdicts",
            ("Claim", "Verdict", "Ours [interval]", "δ", "Published", "Why"),
            [_cells(claim) for claim in found],
            words=("Verdict", "Why"),
            style="claims",
        ),
        "tests": Grid(
            "Tests of the claims",
            ("Claim", *TESTS, "Source"),
            [(claim.sentence, *_tests(claim), claim.source) for claim in found],
            caption="p values are two-sided, for the contrast being δ. The exact test flips signs "
            "by seed, or permutes labels against twins; so few seeds can't bring it below the "
            "smallest p. q is Benjamini and Hochberg's.",
            words=("Source",),
            style="claims",
        ),
        "trust": "; ".join(f"{mark}: {meaning}" for mark, meaning in TRUST_WORDS.items()),
    }


def _cells(claim: Verdict) -> tuple[str, ...]:
    published, why = number(claim.published, "{:.4f}"), claim.why
    if claim.trust:
        published = TRUST.format(published, claim.trust)
    if claim.note:
        why = NOTE.format(why, code_set_off(claim.note))
    verdict = VERDICT.format(claim.verdict.replace(" ", "-"), claim.verdict)
    return claim.sentence, verdict, with_interval(claim.ours), number(claim.delta), published, why


def _tests(claim: Verdict) -> list[str]:
    return [
        number(value, "{:.0f}" if name.startswith("seeds") else "{:.3f}")
        for name, value in claim.tests.items()
    ]


def printed(tables: Tables) -> Grid:
    """The numbers that the study of the claims file printed."""
    rows = tables.published.to_dict("records")
    return Grid(
        "What the study printed",
        ("Of", "Measure", "Value", "Trust", "Source", "Error"),
        [
            (
                *(row["of"], row["measure"], number(row["value"], "{:g}"), row["trust"]),
                *(row["source"], row["error"]),
            )
            for row in rows
        ],
        caption="Numbers of the published study, of its own networks and data; they aren't on one "
        "scale with those of this page.",
        words=("Measure", "Trust", "Source", "Error"),
        style="claims",
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
        own = "" if math.isnan(claim.ours.value) else f" {with_interval(claim.ours)}."
        said += textwrap.wrap(
            ascii_only(f"{claim.sentence}{own} {claim.why}"),
            width=WIDEST,
            initial_indent=claim.verdict.ljust(wide),
            subsequent_indent=" " * wide,
        )
    return said
