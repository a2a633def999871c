"""Claims of reasoning: a gain that comes of a low score on labels only is not one of small size."""

import numpy as np
import pytest

from distilscope.analyses.reasoning.contrasts import partial_correlation
from distilscope.configuration.statements import forms
from distilscope.statistics.statements import condition_correlation
from distilscope.statistics.values import NotTested

from ..statistics.made_values import claim_of, rows_of, values_of, verdict_of

KD = {"objective": "kd", "T": 1, "alpha": 1.0}
PLAIN = {
    "form": "condition-correlation",
    "arms": [KD],
    "first": {"measure": "improvement"},
    "second": {"measure": "reference_accuracy"},
}
HELD = {**PLAIN, "form": "partial-correlation", "given": [{"measure": "control_accuracy"}]}


def study(networks, own=0.0, seeds=4):
    """Values of students of several sizes, whose gain falls with their control's score, and rises
    with a teacher's score of its own by so much; that score follows the control's.
    """
    random = np.random.default_rng(2)
    rows = []
    for i, control in enumerate(np.linspace(0.2, 0.8, networks)):
        other = control + random.normal(0, 0.1)
        gain = 0.5 * (1 - control) + random.normal(0, 0.02) + own * other
        for measure, value in (
            ("improvement", gain),
            ("control_accuracy", control),
            ("reference_accuracy", other),
        ):
            by_seed = value + random.normal(0, 0.02, seeds)
            rows.append(rows_of(KD, by_seed, measure=measure, student=f"n{i}"))
    return values_of(*rows)


def statement(fields):
    return forms()[fields["form"]].takes.model_validate(fields)


def test_what_follows_from_the_score_before_is_gone_once_that_is_held_fixed():
    values = study(16)
    [plain] = condition_correlation(statement(PLAIN), values)
    [held] = partial_correlation(statement(HELD), values)
    assert plain.value < -0.8 and plain.interval(0.05)[1] < 0
    low, high = held.interval(0.05)
    assert low < 0 < high
    assert held.points == 15  # a number held fixed takes a point


def test_an_effect_of_its_own_is_still_there():
    [held] = partial_correlation(statement(HELD), study(16, own=1.0))
    assert held.value > 0.8 and held.interval(0.05)[0] > 0


def test_a_claim_of_that_form_is_judged():
    found = verdict_of(claim_of(HELD), study(16, own=1.0))
    assert found.verdict == "supported"


def test_too_few_conditions_decide_nothing():
    with pytest.raises(NotTested, match="held fixed needs 6"):
        partial_correlation(statement(HELD), study(5))


def test_a_measure_that_the_study_lacks_is_not_tested():
    lacking = {**HELD, "given": [{"measure": "choice_improvement"}]}
    with pytest.raises(NotTested, match="choice_improvement"):
        partial_correlation(statement(lacking), study(8))


def test_numbers_of_no_items_are_found_though_they_have_no_subset():
    values = study(16)
    where = ("reference_accuracy", "all", None)
    values.numbers["parameters", None, None] = values.numbers.pop(where)
    by_size = {**HELD, "second": {"measure": "parameters"}}
    [found] = partial_correlation(statement(by_size), values)
    assert found.points == 15
