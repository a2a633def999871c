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
    of_teachers, axes = figure.axes[:2]
    for each in (of_teachers, axes):
        assert [tick.get_text() for tick in each.get_xticklabels()] == list(RUNGS)
    (line,) = of_teachers.lines
    own = tables["arms"].groupby("teacher")["teacher_accuracy"].first().loc[list(RUNGS)]
    np.testing.assert_allclose(line.get_ydata(), 100 * own)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["shared τ", "best τ", "ats"]
    drawn = {c.get_label(): c.lines[0].get_ydata() for c in axes.containers}
    arms = tables["arms"]
    for arm in ("shared τ", "ats"):
        expected = arms[arms["arm"] == arm].set_index("teacher")["accuracy"].loc[list(RUNGS)]
        np.testing.assert_allclose(np.asarray(drawn[arm], float), 100 * expected.to_numpy())


def accuracy_at(tau_rest):
    """In per cent, what the students by `ats` of `tables` were made to be right about."""
    shares = [round((0.5 + 0.0625 * seed + (tau_rest == 2.0) / 8) * 96) / 96 for seed in (1, 2, 3)]
    return 100 * sum(shares) / 3


def test_a_field_of_the_heatmap_is_the_accuracy_at_its_two_temperatures(tables):
    with style.applied():
        figure, _ = asymmetric.fig_asymmetric(tables)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["tiny from r1, %", "tiny from r5, %"]
    for axes in figure.axes:
        assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "2"]  # τ of the rest
        assert [text.get_text() for text in axes.get_yticklabels()] == ["4"]
        shown = {tuple(map(round, text.get_position())): text.get_text() for text in axes.texts}
        assert shown == {
            (column, 0): f"{accuracy_at(tau):.2f}" for column, tau in enumerate((1.0, 2.0))
        }


def mean_of(tables, **wanted):
    """Of the rows of `distinctness` with these values, the mean for each network."""
    rows = tables["distinctness"]
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    return rows.groupby("network")["value"].mean()


def test_lines_over_the_temperature_are_means_of_the_smallest_and_the_largest_teacher(tables):
    with style.applied():
        figure, _ = temperature.fig_temperature(tables)
    panels = np.array(figure.axes).reshape(2, 3)
    columns = (("r1", "scalar"), ("r5", "scalar"), ("r5", "asymmetric"))
    for row, measure in zip(panels, ("wrong_mean", "wrong_sd"), strict=True):
        for axes, (network, scaling) in zip(row, columns, strict=True):
            (line,) = axes.lines
            assert line.get_xdata().tolist() == [1.0, 4.0]
            own = {"measure": measure, "scaling": scaling, "probe": "train", "role": "teacher"}
            wanted = [mean_of(tables, tau=tau, **own)[network] for tau in (1.0, 4.0)]
            assert line.get_ydata() == pytest.approx(wanted)


def test_lines_over_the_capacity_are_means_of_each_set_of_images(tables):
    with style.applied():
        figure, _ = capacity.fig_distinctness(tables)
    for axes, measure in zip(figure.axes, ("p_true", "wrong_sd", "inherent_sd"), strict=True):
        lines = {line.get_label(): line for line in axes.lines if len(line.get_xdata()) == 5}
        assert list(lines) == ["train", "held-out", "test"]
        for probe, line in lines.items():
            own = mean_of(tables, measure=measure, scaling="scalar", tau=4.0, probe=probe)
            assert line.get_ydata() == pytest.approx(own.loc[list(RUNGS)].to_numpy())
        marks = [line for line in axes.lines if len(line.get_xdata()) == 1]
        assert len(marks) == 3 * 10  # a teacher and a twin a rung, on each set


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
        figure, _ = largest.fig_largest(tables)
    assert figure.get_suptitle() == "r5"
    (table,) = figure.axes[0].tables
    shown = {place: cell.get_text().get_text() for place, cell in table.get_celld().items()}
    arms = tables["arms"].set_index(["teacher", "arm"])
    names = ["shared τ", "best τ", "ats"]
    assert [shown[0, column] for column in range(3)] == names
    assert shown[1, -1] == "tiny"
    for column, arm in enumerate(names):
        row = arms.loc["r5", arm]
        half = 100 * (row["high"] - row["low"]) / 2
        assert shown[1, column] == f"{100 * row['accuracy']:.1f} ± {half:.1f}"


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
