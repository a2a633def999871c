"""What the causal check found, in sentences."""

from __future__ import annotations

from distilscope.analyses.masking.figures import rows_of
from distilscope.reporting.conditions import Estimate, estimate, labels
from distilscope.reporting.formatting import with_interval
from distilscope.reporting.tables import Tables

MAX_NAMED = 6


def answer(tables: Tables) -> list[str]:
    """Who needs the teacher's area more than another, who doesn't, and who can't be told."""
    rows = rows_of(tables, "masking_excess", None)
    found = {c: estimate(c, rows) for c in tables.conditions if c.role != "teacher"}
    found = {c: own for c, own in found.items() if own.defined}
    if not found:
        return []
    needs = [c for c, own in found.items() if own.low > 0]
    others = [c for c in found if c not in needs]
    sentences = []
    if needs:
        sentences.append(
            "Covering what the teacher looks at costs more than covering as much elsewhere: "
            f"{_formatted({c: found[c] for c in needs})}."
        )
    if others:
        who = labels(others[:MAX_NAMED])
        sentences.append(
            f"It does not, or that can't be told: {who}."
            if needs
            else f"That covering what the teacher looks at costs more than covering as much "
            f"elsewhere is shown of no model ({who})."
        )
    return [" ".join(sentences)]


def _formatted(found: dict) -> str:
    own: dict[object, Estimate] = dict(list(found.items())[:MAX_NAMED])
    more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    return "; ".join(f"{c.label} {with_interval(e)}" for c, e in own.items()) + more
