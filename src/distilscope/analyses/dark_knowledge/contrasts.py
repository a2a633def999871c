"""The contrasts of the forms of `forms`: a rung of the ladder is a point, or the unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distilscope.analyses.dark_knowledge import rungs
from distilscope.analyses.dark_knowledge.forms import OverRungs, RungCorrelation, RungTerm
from distilscope.analyses.dark_knowledge.ladder import PLAIN
from distilscope.configuration import patterns
from distilscope.statistics import ranks
from distilscope.statistics.contrasts import MINIMUM_POINTS, Contrast, Correlation
from distilscope.statistics.values import NotTested, Values

WHOM = "For this ladder of {n} teachers."


@dataclass(frozen=True, eq=False, kw_only=True)
class OverLadder(Correlation):
    """A rank correlation over rungs, whose exact test permutes these.

    Attributes:
        ladder: of the values averaged over seeds, with its permutation p.
    """

    ladder: rungs.Correlation

    @property
    def unavailable(self) -> str | None:
        """As of any; and seeds that agree to the last bit leave the permutation p alone."""
        if self.points >= MINIMUM_POINTS and self.n > 1 and np.ptp(self.values) == 0:
            least = self.ladder.smallest_p
            beside = ", the smallest that they can give" if self.ladder.p <= least else ""
            return (
                f"every seed has this order of the {self.ladder.rungs} teachers; the permutation p "
                f"over them is {self.ladder.p:.2g}{beside}"
            )
        return super().unavailable

    def exact(self, delta: float) -> tuple[float, float]:
        """The permutation p that the rungs are unrelated, and the smallest that they can give."""
        return (self.ladder.p if delta == 0 else np.nan), self.ladder.smallest_p


def _rho(first: np.ndarray, second: np.ndarray, *given: np.ndarray) -> float:
    return ranks.spearman(first, second, given)


def rung_correlation(statement: RungCorrelation, values: Values) -> list[Contrast]:
    """Spearman's rho over rungs, perhaps partial: by seed, and of the means over seeds.

    Seeds are those that the students of all rungs have; where only teachers are spoken of, the
    first, second ... model of each entry, twins last.
    """
    names = ["first", "second", *(["given"] if statement.given else [])]
    terms = [getattr(statement, name) for name in names]
    ladder = _ladder(values)
    found = [_numbers(term, statement, values, ladder) for term in terms]
    width = max(len(number) for number in found)  # a term of teachers beside students has one
    rhos = [_rho(*(number[min(i, len(number) - 1)] for number in found)) for i in range(width)]
    defined = [rho for rho in rhos if rho == rho]
    over = rungs.correlation(*(number.mean(axis=0) for number in found))
    if not defined or over.reason:
        raise NotTested(f"over {len(ladder)} teachers: {over.reason or 'no seed has a value'}")
    held = int(statement.given is not None)
    return [
        OverLadder(
            np.array(defined),
            whom=WHOM.format(n=over.rungs),
            pooled=over.rho,
            points=over.rungs - held,
            unit="conditions",
            ladder=over,
        )
    ]


def over_rungs(statement: OverRungs, values: Values) -> list[Contrast]:
    """A number for each rung, less what it is relative to."""
    ladder = _ladder(values)
    own = _of_teachers(statement.measure, values, ladder).mean(axis=0)
    if statement.relative_to is not None:
        own = own - statement.factor * _of_teachers(statement.relative_to, values, ladder).mean(
            axis=0
        )
    kept = own[~np.isnan(own)] - statement.constant
    if not len(kept):
        raise NotTested(f"{statement.measure} is undefined on every rung")
    return [Contrast(kept, replicate="teacher", whom=WHOM.format(n=len(kept)))]


def _ladder(values: Values) -> dict[str, list[str]]:
    """Entry of teachers -> its models: teachers, then twins.

    Raises:
        NotTested: there is one entry, so that nothing is a ladder.
    """
    found: dict[str, list[str]] = {}
    for role in ("teacher", "twin"):
        for name in (n for n, own in values.conditions.items() if own.role == role):
            models = values.by_seed.get(name, {})
            if values.conditions[name].objective not in PLAIN:
                continue  # a teacher with an objective of its own is no rung
            network = values.conditions[name].network
            found.setdefault(network, []).extend(models[seed] for seed in sorted(models))
    if len(found) < 2:
        raise NotTested(f"a ladder of {len(found)} teacher: there is nothing to set it against")
    return found


def _numbers(
    term: RungTerm, statement: RungCorrelation, values: Values, ladder: dict[str, list[str]]
) -> np.ndarray:
    if term.of == "teacher":
        found = _of_teachers(term.measure, values, ladder)
        several = statement.arm is None
        return found if several else found.mean(axis=0, keepdims=True)
    return _of_students(term.measure, statement.arm, values, ladder)


def _of_teachers(measure: str, values: Values, ladder: dict[str, list[str]]) -> np.ndarray:
    """(k, rungs): the k-th model of each entry."""
    known = _known(measure, values)
    k = min(len(models) for models in ladder.values())
    return np.array([[known.get(own[i], np.nan) for own in ladder.values()] for i in range(k)])


def _of_students(
    measure: str, arm: dict, values: Values, ladder: dict[str, list[str]]
) -> np.ndarray:
    """(seeds, rungs): the mean over a rung's students of the arm, by seed."""
    known, by_rung = _known(measure, values), {}
    for rung in ladder:
        names = values.matching({**arm, "teacher": rung})
        by_rung[rung] = [values.by_seed[name] for name in names]
    seeds = set.intersection(*(set(own) for each in by_rung.values() for own in each))
    if not seeds:
        raise NotTested(f"the rungs have no seed in common of {patterns.words(arm)}")
    return np.array(
        [
            [np.mean([known.get(own[s], np.nan) for own in each]) for each in by_rung.values()]
            for s in sorted(seeds)
        ]
    )


def _known(measure: str, values: Values) -> dict[str, float]:
    """Model -> its number, alone or against its own teacher.

    Raises:
        NotTested: no model has that measure.
    """
    numbers = next(
        (
            values.numbers[w]
            for w in ((measure, "all", None), (measure, None, None))
            if w in values.numbers
        ),
        None,
    )
    if numbers is None:
        raise NotTested(f"the study has no {measure}")
    found: dict[str, float] = {}
    for (model, reference), value in numbers.items():
        if reference is None or reference in values.own_references(model):
            found.setdefault(model, value)
    return found
