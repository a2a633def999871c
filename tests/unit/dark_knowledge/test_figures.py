"""The figures and the section of dark knowledge, drawn from the numbers of a made-up ladder."""

import itertools

import numpy as np
import pandas as pd
import pytest

from distilscope.analyses import dark_knowledge
from distilscope.analyses.dark_knowledge import section, student_rows, teacher_rows
from distilscope.analyses.dark_knowledge.figures import (
    agreement,
    asymmetric,
    capacity,
    largest,
    temperature,
)
from distilscope.reporting import style
from distilscope.reporting.figures import NothingToDraw
from distilscope.reporting.tables import Tables

from .made_ladder import RUNGS, MadeLadder

FIGURES = (
    temperature.fig_temperature,
    asymmetric.fig_asymmetric,
    capacity.fig_accuracy,
    capacity.fig_distinctness,
    agreement.fig_relations,
    largest.fig_largest,
)


def tables_of(made) -> Tables:
    ladder = made.ladder()
    own = {
        "distinctness": teacher_rows.add_distinctness(ladder),
        "relations": teacher_rows.relations_table(ladder),
    }
    own["arms"] = student_rows.arms_table(ladder)
    own["rungs"] = student_rows.rungs_table(ladder, own["arms"])
    ladder.study.rows.analysis = "outputs"
    for entry in ladder.study.entries:
        ladder.study.rows.add(entry, "accuracy", ladder.accuracy(entry), subset="all")
    models = pd.DataFrame(
        [
            {
                **{k: getattr(e, k) for k in ("id", "condition", "role", "network", "source")},
                "seed": e.seed,
                "reference": e.reference,
                "parameters": ladder.size(e),
            }
            for e in ladder.study.entries
        ]
    )
    described = pd.DataFrame(
        [
            {"condition": name, "label": name, **condition.record()}
            for name, condition in ladder.study.conditions.items()
        ]
    )
    nothing = pd.DataFrame()
    settings = {
        "scale": "laptop",
        "analyses": {"dark_knowledge": {"shared": 4.0, "tuning": made.settings["tuning"]}},
    }
    return Tables(
        ladder.study.rows.frame(), models, described, nothing, nothing, nothing, own,
        settings=settings,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    made = MadeLadder(tmp_path_factory.mktemp("ladder"), permutations=20)
    made.teachers()
    for rung, seed, tau in itertools.product(RUNGS, (1, 2, 3), (1.0, 2.0)):
        share = 0.5 + 0.0625 * seed
        made.student(rung, "ts", seed, share, tau_teacher=2 * tau)
        made.student(rung, "ats", seed, share + (tau == 2.0) / 8, tau_true=4.0, tau_rest=tau)
    return tables_of(made)


@pytest.mark.parametrize("draw", FIGURES)
def test_each_figure_is_drawn_with_its_numbers(tables, draw, tmp_path):
    with style.applied():
        figure, numbers = draw(tables)
        style.write_png(figure, tmp_path / "drawn.png")
    assert len(numbers)
    assert (tmp_path / "drawn.png").stat().st_size > 5000


def test_lines_of_accuracy_are_the_arms_at_each_teacher(tables):
    with style.applied():
        figure, _ = capacity.fig_accuracy(tables)
    axes = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == list(RUNGS)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["teacher", "shared τ", "best τ", "ats"]
    drawn = {c.get_label(): c.lines[0].get_ydata() for c in axes.containers}
    arms = tables["arms"]
    for arm in ("shared τ", "ats"):
        expected = arms[arms["arm"] == arm].set_index("teacher")["accuracy"].loc[list(RUNGS)]
        np.testing.assert_allclose(np.asarray(drawn[arm], float), 100 * expected.to_numpy())


def test_the_heatmap_has_a_field_for_each_pair_of_temperatures(tables):
    with style.applied():
        figure, numbers = asymmetric.fig_asymmetric(tables)
    assert set(numbers["teacher"]) == {"r1", "r5"}
    texts = {text.get_text() for text in figure.axes[0].texts}
    expected = numbers[numbers["teacher"] == "r1"]["accuracy"]
    assert len(expected) == 2
    assert texts == {f"{100 * value:.2f}" for value in expected}


def test_the_diagonal_of_relations_is_the_seeds_of_one_teacher(tables):
    rows = tables["relations"]
    with style.applied():
        figure, _ = agreement.fig_relations(tables)
    own = rows[(rows["kind"] == "seeds") & (rows["measure"] == "wrong_kendall")]
    values = figure.axes[0].collections[0].get_array().reshape(5, 5)
    expected = own.set_index("network")["value"].loc[list(RUNGS)]
    np.testing.assert_allclose(np.diag(values), np.clip(expected, 0, 1))


def test_the_largest_teacher_has_a_cell_for_each_arm(tables):
    with style.applied():
        figure, numbers = largest.fig_largest(tables)
    assert set(numbers["teacher"]) == {"r5"}
    assert figure.get_suptitle() == "r5"


def test_the_section_says_the_budget_and_what_the_rungs_could_give_at_best(tables):
    found = section.context(tables)
    assert any("2 settings to choose from" in sentence for sentence in found["sentences"])
    assert any("seed 1, which is not among" in sentence for sentence in found["sentences"])
    assert {row[6] for row in found["rungs"].rows} <= {"0.02", "–"}
    assert section.answer(tables)[0].startswith("Over 5 teachers the spread of wrong classes")


def test_a_ladder_without_numbers_draws_nothing_and_says_why(tables):
    empty = {name: table.head(0) for name, table in tables.own.items()}
    nothing = Tables(
        tables.measures.head(0), tables.models.head(0), tables.condition_rows.head(0),
        tables.seeds, tables.claims, tables.published, empty, settings=tables.settings,
    )  # fmt: skip
    for draw in FIGURES:
        with pytest.raises(NothingToDraw):
            draw(nothing)
    assert section.answer(nothing) == []


def test_what_is_declared_is_there():
    declared = dark_knowledge.ANALYSIS
    paths = {figure.draw.rpartition(":")[2] for figure in declared.figures.values()}
    assert paths == {draw.__name__ for draw in FIGURES}
    assert set(student_rows.ARMS) >= set(declared.tables["arms"].columns)
    assert set(student_rows.RUNGS) >= set(declared.tables["rungs"].columns)
    assert set(teacher_rows.RELATIONS) >= set(declared.tables["relations"].columns)
    assert set(teacher_rows.DISTINCTNESS) >= set(declared.tables["distinctness"].columns)
