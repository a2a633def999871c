"""The gate in a sentence."""

from __future__ import annotations

from distilscope.analyses.gate import judging
from distilscope.analyses.gate.judging import Verdict
from distilscope.reporting.tables import Tables
from distilscope.words import count, listed


def answer(tables: Tables) -> list[str]:
    """Whether what is required is met, and what falls short or could not be judged."""
    found = judging.verdicts(tables)
    return [sentence(found)] if found else []


def sentence(found: list[Verdict]) -> str:
    """The verdicts in a sentence."""
    if judging.overall(found) == judging.MET:
        if len(found) == 1:
            return "What is required is met, with the whole interval."
        return f"All {len(found)} requirements are met, each with the whole interval."
    clauses = [
        f"{verdict} ({'; '.join(_short(each) for each in of)})"
        for verdict in (judging.SHORT, judging.UNJUDGED)
        if (of := [each for each in found if each.verdict == verdict])
    ]
    met = sum(each.verdict == judging.MET for each in found)
    total = count(len(found), "requirement")
    return f"Of {total}, {met} {'is' if met == 1 else 'are'} met; {listed(clauses)}."


def _short(each: Verdict) -> str:
    """`ece <= 0.05 of small: the upper end of its interval is 0.061`."""
    whose = "" if each.requirement.of else f" of {each.condition.label}"
    return f"{each.requirement}{whose}: {each.why}"
