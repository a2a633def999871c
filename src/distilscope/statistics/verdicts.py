"""The verdict on every claim of a file, from the values of a study.

A claim is `supported` where its interval lies above delta, `contradicted` where it lies below,
`undetermined` else, and `not tested` where the study lacks a term of it. Numbers are in the
claim's direction: positive is as claimed. The interval has the level 1 - error rate / m, with m
the claims of its family in the file (Bonferroni), so that a family's chance of a false `supported`
is at most half the error rate however many claims it has.
"""

from __future__ import annotations

import math
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from distilscope.configuration import claims, statements
from distilscope.statistics import paired
from distilscope.statistics.contrasts import POWER, Contrast, sample_size
from distilscope.statistics.over_images import OverImages
from distilscope.statistics.values import NotTested, Values
from distilscope.words import count

SUPPORTED, CONTRADICTED = "supported", "contradicted"
UNDETERMINED, NOT_TESTED = "undetermined", "not tested"


@dataclass(frozen=True)
class Judgement:
    """A claim's numbers in its own direction, and the verdict.

    Attributes:
        ours, low, high: the contrast and its interval; of several contrasts the smallest.
        seeds: with all terms.
        p: two-sided t test that the contrast is delta, at most 1 - level exactly where the
            verdict is decided. p_exact, p_smallest: of the exact test.
        effect: standardised. seeds_to_decide: of an undetermined claim, None where seeds won't.
        why: the verdict's reason, a sentence or two.
    """

    claim: claims.Claim
    verdict: str
    why: str
    ours: float = math.nan
    low: float = math.nan
    high: float = math.nan
    seeds: int = 0
    p: float = math.nan
    p_exact: float = math.nan
    p_smallest: float = math.nan
    q: float = math.nan
    effect: float = math.nan
    seeds_to_decide: int | None = None


def judge(file: claims.Claims, values: Values, *, published_data: bool) -> list[Judgement]:
    """A judgement for each claim, with q: Benjamini and Hochberg over the tested of its family.

    `published_data` says whether the study is on the data that the claims were published on; what
    another study finds holds there only, and its reasons say so.
    """
    sizes = file.family_sizes
    found = [
        judge_claim(claim, values, sizes[claim.family], published_data=published_data)
        for claim in file.claims
    ]
    families = np.array([judgement.claim.family for judgement in found])
    q = np.full(len(found), np.nan)
    for family in sizes:
        own = families == family
        q[own] = paired.benjamini_hochberg(np.array([j.p for j in found])[own])
    return [replace(judgement, q=float(value)) for judgement, value in zip(found, q, strict=True)]


def judge_claim(
    claim: claims.Claim, values: Values, family: int, *, published_data: bool
) -> Judgement:
    """The judgement of one claim out of a family of so many; its q is NaN."""
    try:
        contrasts = contrasts_of(claim, values)
    except NotTested as missing:
        return Judgement(claim, NOT_TESTED, f"{str(missing)[:1].upper()}{str(missing)[1:]}.")
    error_rate = claim.error_rate / family
    ours, low, high = joint_interval(contrasts, error_rate)
    verdict = decide(low, high, claim.delta)
    weakest = min(contrasts, key=lambda contrast: _last_if_nan(contrast.value))
    exact = [contrast.exact(claim.delta) for contrast in contrasts]
    needed = None
    if verdict == UNDETERMINED and not math.isnan(low):
        needed = seeds_to_decide(contrasts, claim.delta, error_rate)
    judgement = Judgement(
        claim,
        verdict,
        why="",
        ours=ours,
        low=low,
        high=high,
        seeds=min(contrast.n for contrast in contrasts),
        p=joint_p([contrast.p(claim.delta) for contrast in contrasts], contrasts, claim.delta),
        p_exact=joint_p([p for p, _ in exact], contrasts, claim.delta),
        p_smallest=joint_p([smallest for _, smallest in exact], contrasts, claim.delta),
        effect=weakest.effect,
        seeds_to_decide=needed,
    )
    return replace(judgement, why=_why(judgement, contrasts, error_rate, published_data))


def contrasts_of(claim: claims.Claim, values: Values) -> list[Contrast]:
    """What the claim rests on, turned into its direction.

    Raises:
        NotTested: the study lacks a term.
    """
    contrasts = pkgutil.resolve_name(statements.forms()[claim.statement.form].contrasts)
    found = contrasts(claim.statement, values)
    return found if claim.direction == "higher" else [contrast.negated for contrast in found]


def joint_interval(contrasts: Sequence[Contrast], error_rate: float) -> tuple[float, float, float]:
    """The smallest contrast with its interval; NaN bounds where one contrast has none.

    That all contrasts exceed delta needs each low at the error rate (intersection-union). That one
    of them falls short needs the highs at the error rate / their number.
    """
    lows = [contrast.interval(error_rate)[0] for contrast in contrasts]
    highs = [contrast.interval(error_rate / len(contrasts))[1] for contrast in contrasts]
    return tuple(float(np.min(part)) for part in ([c.value for c in contrasts], lows, highs))


def joint_p(ps: Sequence[float], contrasts: Sequence[Contrast], delta: float) -> float:
    """The p value of all contrasts together, from that of each; see `joint_interval`.

    Where all lie above delta, the largest (intersection-union). Else the smallest of those that
    fall short, times the number of contrasts (Bonferroni). NaN where one is NaN.
    """
    if np.isnan(ps).any():
        return math.nan
    short = [p for p, each in zip(ps, contrasts, strict=True) if each.value < delta]
    return min(1.0, len(ps) * min(short)) if short else max(ps)


def decide(low: float, high: float, delta: float) -> str:
    """The verdict of an interval; one that is NaN decides nothing."""
    if low > delta:
        return SUPPORTED
    return CONTRADICTED if high < delta else UNDETERMINED


def seeds_to_decide(contrasts: Sequence[Contrast], delta: float, error_rate: float) -> int | None:
    """Seeds that would decide in 80 % of studies, were what is observed the truth.

    With all contrasts above delta they would all have to be shown so (the chances of failing are
    added up); else one of them would have to be shown to fall short.
    """
    short = [contrast for contrast in contrasts if contrast.value < delta]

    def supports(seeds: int) -> float:
        return 1 - sum(1 - contrast.power(seeds, delta, error_rate) for contrast in contrasts)

    def contradicts(seeds: int) -> float:
        return max(contrast.power(seeds, delta, error_rate / len(contrasts)) for contrast in short)

    return sample_size(contradicts if short else supports)


# -------------------------------------------------------------------------------------- reasons


def _why(
    judgement: Judgement, contrasts: Sequence[Contrast], error_rate: float, published_data: bool
) -> str:
    unavailable = next((c.unavailable for c in contrasts if c.unavailable), None)
    if unavailable:
        return f"{unavailable[:1].upper()}{unavailable[1:]}."
    if any(isinstance(contrast, OverImages) for contrast in contrasts):
        reason = REASONS[judgement.verdict](judgement, published_data, "seed")
        text, _, _ = reason.partition("; more seeds")
        level = f"{100 * (1 - error_rate):.4g} % interval over test images, for this model as it is"
        return f"{text.removesuffix('.')}. {level}."
    replicate = contrasts[0].replicate
    sentences = [
        REASONS[judgement.verdict](judgement, published_data, replicate),
        _level(error_rate, judgement.seeds, replicate),
        _for_whom(contrasts, error_rate),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _supported(judgement: Judgement, published_data: bool, replicate: str) -> str:
    where = "" if published_data else " here"
    return f"Holds{where}: the interval lies above {judgement.claim.delta:g}."


def _contradicted(judgement: Judgement, published_data: bool, replicate: str) -> str:
    delta = judgement.claim.delta
    named = f"the interval lies below {_named(delta)}"
    if published_data:
        return f"Does not hold: {named}."
    return f"Does not hold here: {named}. This says nothing of the published data."


def _undetermined(judgement: Judgement, published_data: bool, replicate: str) -> str:
    held = f"The interval holds {_named(judgement.claim.delta)}"
    if judgement.seeds_to_decide is None:
        return (
            f"{held}; more {replicate}s would not decide, if the observed spread were the true one."
        )
    return (
        f"{held}; about {judgement.seeds_to_decide} {replicate}s would decide in "
        f"{100 * POWER:.0f} % of studies, if the observed contrast and spread were the true values."
    )


def _named(delta: float) -> str:
    return f"{delta:g}, the smallest effect worth naming" if delta else "0"


REASONS = {
    SUPPORTED: _supported,
    CONTRADICTED: _contradicted,
    UNDETERMINED: _undetermined,
}


def _level(error_rate: float, n: int, replicate: str) -> str:
    return f"{100 * (1 - error_rate):.4g} % interval over {count(n, replicate)}."


def _for_whom(contrasts: Sequence[Contrast], error_rate: float) -> str:
    """For which teachers it was found, and what the teacher as the unit would say."""
    weakest = min(contrasts, key=lambda contrast: _last_if_nan(contrast.value))
    if weakest.whom:
        return weakest.whom
    twins, parts = len(weakest.twins), weakest.by_teacher
    if len(parts) < 2:
        beside = f" and {count(twins, 'twin')}" if twins else ""
        return f"For this teacher{beside}."
    text = f"For these {len(parts)} teachers"
    if twins and all(map(len, parts.values())):
        text += f", set against the pairs of {twins} trained alike"
    elif twins:
        text += ", each set against its own twins"
    one_each = len(parts) == weakest.n and all(len(own) == 1 for own in parts.values())
    if one_each and not twins:
        return f"{text}, one a seed: the unit is the teacher."
    low, high = weakest.over_teachers(error_rate) or (math.nan, math.nan)
    if math.isnan(low):
        return f"{text}."
    return f"{text}; with the teacher as the unit the interval is {low:.3f} to {high:.3f}."


def _last_if_nan(value: float) -> float:
    return math.inf if math.isnan(value) else value
