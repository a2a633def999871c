"""The contrasts of the forms of `forms`."""

from __future__ import annotations

import numpy as np

from distilscope.analyses.reasoning.forms import PartialCorrelation
from distilscope.configuration.statements import Term
from distilscope.statistics import ranks
from distilscope.statistics.contrasts import MINIMUM_POINTS, Contrast, Correlation
from distilscope.statistics.statements import contrast
from distilscope.statistics.strata import one_by_one
from distilscope.statistics.values import NotTested, Values, Where
from distilscope.words import count


def partial_correlation(statement: PartialCorrelation, values: Values) -> list[Contrast]:
    """Partial rho over the conditions in which all terms are defined: by seed, and of the means.

    Each number held fixed takes a condition from the points, as it takes a degree of freedom.

    Raises:
        NotTested: too few conditions are left, or a term leaves nothing over.
    """
    found = one_by_one(values, statement.arms, statement.students)
    terms = (statement.first, statement.second, *statement.given)
    numbers = np.array([found.numbers(0, _where(each, values)) for each in terms])
    kept = numbers[:, :, ~np.isnan(numbers).any(axis=(0, 1))]
    points = kept.shape[2] - len(statement.given)
    if points < MINIMUM_POINTS:
        raise NotTested(
            f"{count(kept.shape[2], 'condition')} with all terms: a correlation with "
            f"{count(len(statement.given), 'number')} held fixed needs "
            f"{MINIMUM_POINTS + len(statement.given)}"
        )
    pooled = ranks.spearman(*_sides(kept.mean(axis=1)))
    if np.isnan(pooled):
        raise NotTested("nothing of a term is left once the others are held fixed")
    by_seed = np.array([ranks.spearman(*_sides(kept[:, seed])) for seed in range(kept.shape[1])])
    own = contrast(by_seed, found)
    return [
        Correlation(
            own.values,
            by_teacher=own.by_teacher,
            pooled=pooled,
            points=points,
            unit="conditions",
        )
    ]


def _where(term: Term, values: Values) -> Where:
    """Where a term's numbers stand; those of no images, such as `parameters`, have no subset."""
    asked, alone = (term.measure, term.subset, None), (term.measure, None, None)
    return alone if asked not in values.numbers and alone in values.numbers else asked


def _sides(terms: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    return terms[0], terms[1], list(terms[2:])
