"""The gate: what is required is judged by the end of the interval that decides."""

import math

import pytest

from distilscope.analyses.gate import findings, judging, section
from distilscope.analyses.gate.requirements import parse
from distilscope.reporting.conditions import Condition, Estimate

from . import made_tables
from .conftest import given


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A given student: its accuracy has the half width 0.012, its ECE 0.006."""
    return given(tmp_path_factory.mktemp("gate"))


def judged(study, *required):
    asked = [{"text": text, "conditions": ["small"]} for text in required]
    analyses = {**made_tables.USUAL, "gate": {"required": asked}}
    return judging.verdicts(study.tables(settings={"analyses": analyses}))


ACCURACY = 0.10 + 0.83 * 0.6**0.4  # as `made_tables` has it
ECE = 0.09 - 0.06 * 0.6


@pytest.mark.parametrize(
    ("required", "verdict"),
    [
        (f"accuracy >= {ACCURACY - 0.0121}", "met"),
        (f"accuracy >= {ACCURACY - 0.0119}", "fell short"),  # the value itself complies
        (f"accuracy <= {ACCURACY + 0.0121}", "met"),
        (f"accuracy <= {ACCURACY + 0.0119}", "fell short"),
        (f"ece <= {ECE + 0.0061}", "met"),
        (f"ece <= {ECE + 0.0059}", "fell short"),
        ("kappa >= 0.5", "could not be judged"),  # not measured in the made-up study
    ],
)
def test_the_whole_interval_has_to_comply(shipped, required, verdict):
    (found,) = judged(shipped, required)
    assert found.verdict == verdict
    assert bool(found.why) == (verdict != "met")


def test_a_value_that_complies_without_its_interval_is_told_apart(shipped):
    near, far = judged(shipped, f"accuracy >= {ACCURACY - 0.001}", "accuracy >= 0.999")
    assert near.why.startswith("the value complies, but the lower end of its interval is ")
    assert far.why.startswith("the lower end of its interval is ")


def test_a_measure_by_layer_stands_for_no_model(shipped):
    (found,) = judged(shipped, "cka_debiased >= 0.5")
    assert found.verdict == "could not be judged" and "several values" in found.why


def test_falling_short_goes_before_what_could_not_be_judged(shipped):
    met, short, lost = "accuracy >= 0.1", "accuracy >= 0.999", "kappa >= 0.1"
    assert judging.overall(judged(shipped, met)) == "met"
    assert judging.overall(judged(shipped, met, lost)) == "could not be judged"
    assert judging.overall(judged(shipped, met, lost, short)) == "fell short"


def test_the_answer_counts_and_names_what_falls_short(shipped):
    text = findings.sentence(judged(shipped, "accuracy >= 0.1", "accuracy >= 0.999"))
    assert text.startswith("Of 2 requirements, 1 is met; fell short (accuracy >= 0.999 of ")
    assert findings.sentence(judged(shipped, "accuracy >= 0.1", "ece <= 1")) == (
        "All 2 requirements are met, each with the whole interval."
    )


def test_the_section_has_a_row_a_verdict_and_is_left_out_where_nothing_is_required(shipped):
    required = [{"text": "ece <= 1", "conditions": ["small"]}]
    analyses = {**made_tables.USUAL, "gate": {"required": required}}
    grid = section.context(shipped.tables(settings={"analyses": analyses}))["grid"]
    assert [row[3] for row in grid.rows] == ["met"]
    assert section.context(shipped.tables()) is None


def test_undefined_numbers_are_null_in_the_record(shipped):
    required = [{"text": "kappa >= 0.1", "conditions": ["small"]}]
    analyses = {**made_tables.USUAL, "gate": {"required": required}}
    (record,) = judging.records(shipped.tables(settings={"analyses": analyses}))
    assert (record["value"], record["low"], record["high"]) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("ece <= 0.05", ("ece", "<=", 0.05, None)),
        (" accuracy>=5e-1 ", ("accuracy", ">=", 0.5, None)),
        ("accuracy of tiny-kd-T4-a0.9 ≥ 1", ("accuracy", ">=", 1.0, "tiny-kd-T4-a0.9")),
    ],
)
def test_a_requirement_is_a_measure_a_sign_and_a_number(text, read):
    found = parse(text)
    assert (found.measure, found.sign, found.bound, found.of) == read


@pytest.mark.parametrize(
    "text", ["ece", "ece < 0.05", "ece <= nan", "ece <= many", "0.05 >= ece", "ece == 0.1", ""]
)
def test_what_is_no_requirement_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"such as `ece <= 0\.05`"):
        parse(text)


def test_a_count_of_the_model_itself_needs_no_interval(shipped):
    tables = shipped.tables()
    row = tables.measures[tables.measures["measure"] == "accuracy"].iloc[[1]]
    exact = row.assign(measure="parameters", probe=None, value=242_474.0, low=None, high=None)
    required = [
        {"text": text, "conditions": ["small"]}
        for text in ("parameters <= 250000", "parameters <= 242473")
    ]
    analyses = {**made_tables.USUAL, "gate": {"required": required}}
    found = shipped.tables(settings={"analyses": analyses}, measures=exact.astype(row.dtypes))
    assert [v.verdict for v in judging.verdicts(found)] == ["met", "fell short"]


def test_a_number_without_an_interval_cannot_be_judged():
    alone = Estimate(0.9, math.nan, math.nan, "", (0.9,))
    condition = Condition("small", "small", "student", "small", "given", ("shipped",))
    verdict = judging.by_end(parse("accuracy >= 0.1"), condition, alone, alone.low)
    assert (verdict.verdict, verdict.why) == ("could not be judged", "it has no interval")
