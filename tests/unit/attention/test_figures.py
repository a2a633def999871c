"""The figures and the section of attention, drawn from the numbers of a made-up study."""

import pkgutil

import numpy as np
import pandas as pd
import pytest

from distilscope.analyses import attention
from distilscope.analyses.attention import section
from distilscope.analyses.attention.figures import cells, matching, pairs, strength, together
from distilscope.analyses.attention.measure import conclude, measure
from distilscope.reporting import style
from distilscope.reporting.figures import NothingToDraw
from distilscope.reporting.tables import Tables

from .made_study import MadeStudy

TAUGHT = {"objective": "kd", "parameters": (("T", 3.0),), "combine": "losses"}
LEVELS = {"weak": "weak", "g4": "graded-0.4", "strong": "strong"}
"""What entries of teachers are called here -> what they learned under."""

HARD = {"objective": "logit-matching", "parameters": (("alpha", 1.0),), "combine": "losses"}


def tables_of(made) -> Tables:
    study = made.sets().study
    own = measure(study, made.settings)
    study.rows.analysis = "outputs"
    for entry in study.entries:
        study.rows.add(entry, "accuracy", study.outputs[entry.id].correct.mean(), subset="all")
    measures = study.rows.frame()
    own |= conclude(study, made.settings, measures)
    models = pd.DataFrame(
        [
            {
                **{k: getattr(e, k) for k in ("id", "condition", "role", "network", "source")},
                "seed": e.seed,
                "reference": e.reference,
                "parameters": 100.0,
            }
            for e in study.entries
        ]
    )
    described = pd.DataFrame(
        [{"condition": n, "label": n, **c.record()} for n, c in study.conditions.items()]
    )
    nothing = pd.DataFrame()
    settings = {"scale": "laptop", "analyses": {"outputs": {}, "attention": made.settings}}
    return Tables(
        measures, models, described, nothing, nothing, nothing, own, settings=settings
    )  # fmt: skip


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Students of two teachers of each of three strengths, and one that matches harder."""
    made = MadeStudy(tmp_path_factory.mktemp("study"))
    for entry, views in LEVELS.items():
        members = [f"{entry}-{letter}-s1" for letter in "ab"]
        for name in members:
            made.add(name, "teacher", views)
        made.add(f"{entry}-both-s0", "committee", None, 0, members, head=False, source="combined")
        references = (
            *((name, "teacher") for name in members),
            (f"{entry}-both-s0", "committee"),
        )
        made.add(f"from-{entry}-s1", "student", "strong", 1, members, references, **TAUGHT)
    made.add("harder-s1", "student", "strong", 1, members, references, **HARD)
    made.add("one-s1", "student", "weak", 1, members[:1], references[:1], objective="kd")
    for letter in "cd":
        made.add(f"alone-{letter}-s1", "control", "weak", 1, (), references[:1], objective="ce")
    for entry in made.entries:
        condition = made.conditions[entry.condition]
        if entry.id == "harder-s1":  # the same network as that which matches by `kd`
            vars(condition)["network"] = "from-strong"
    return tables_of(made)


@pytest.mark.parametrize("name", attention.FIGURES)
def test_each_figure_is_drawn_with_its_numbers(tables, name, tmp_path):
    with style.applied():
        figure, numbers = pkgutil.resolve_name(attention.FIGURES[name].draw)(tables)
        style.write_png(figure, tmp_path / "drawn.png")
    assert len(numbers)
    assert (tmp_path / "drawn.png").stat().st_size > 4000


def test_lines_over_the_strength_are_beside_the_committee(tables):
    _, numbers = strength.fig_strength(tables)
    own = numbers[numbers["measure"] == "fidelity"].set_index("strength")["value"]
    assert sorted(own.index) == [0.0, 0.4, 1.0]
    rows = tables.of("fidelity")
    rows = rows[rows["headline"] & (rows["relation"] == "committee")].set_index("model")["value"]
    for level, views in ((0.0, "weak"), (0.4, "g4"), (1.0, "strong")):
        assert own[level] == rows[f"from-{views}-s1"]


def test_rows_of_overlap_are_one_augmentation_first(tables):
    figure, _ = pairs.fig_overlap(tables)
    words = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert words == ["weak", "graded-0.4", "strong"]
    dots = figure.axes[0].lines[0].get_xdata()
    table = pairs.headline(tables["attention_pairs"])
    own = table[(table["views"] == "weak") & (table["reference_views"] == "weak")]
    np.testing.assert_allclose(dots, own[own["role"] == "teacher"]["overlap_batch"])


def test_teachers_of_two_augmentations_are_shown_where_they_teach_together(tables, monkeypatch):
    cells_table = tables["attention_cells"]
    first = cells_table["teacher_views"].first_valid_index()
    monkeypatch.setitem(cells_table, "teacher_views", cells_table["teacher_views"].copy())
    cells_table.loc[first, "teacher_views"] = "strong + weak"
    figure, numbers = pairs.fig_overlap(tables)
    words = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert words == ["weak", "graded-0.4", "strong", "weak and strong"]
    gradcam = pairs.headline(tables["attention_pairs"], "gradcam").set_index(["model", "reference"])
    for row in numbers.to_dict("records"):
        own = gradcam.loc[(row["model"], row["reference"]), "overlap_specific"]
        np.testing.assert_equal(row["gradcam_specific"], own)


def test_cells_are_by_the_students_augmentation(tables):
    _, numbers = cells.fig_cells(tables)
    assert list(numbers["condition"]) == [
        *("alone-c", "alone-d", "one", "from-weak", "from-g4", "from-strong", "harder"),
    ]


def test_matching_compares_the_same_student_and_teachers(tables):
    _, numbers = matching.fig_matching(tables)
    assert list(dict.fromkeys(numbers["objective"])) == ["kd", "logit-matching"]


def test_a_correlation_is_written_where_four_marks_have_both_numbers(tables):
    figure, _ = together.fig_together(tables)
    titles = [axes.get_title() for axes in figure.axes]
    assert all(title.startswith("strong: ρ = ") and "(4)" in title for title in titles)


def test_the_section_says_what_is_no_mediation_and_has_four_tables(tables):
    found = section.context(tables)
    assert any("no mediation" in sentence for sentence in found["sentences"])
    assert len(found["pairs"].rows) == 6 and len(found["controls"].rows) == 1
    assert len(found["cells"].rows) == 7
    assert {row[0] for row in found["affinity"].rows} >= {"alone-c", "weak-a"}
    for grid in ("pairs", "controls", "cells", "affinity"):
        assert {len(row) for row in found[grid].rows} == {len(found[grid].columns)}
    (said,) = section.answer(tables)
    assert "; strong " in said and " and " not in said and said.count("GradCAM's") == 3


def test_networks_without_maps_leave_nothing_to_draw_of_overlap(tmp_path):
    made = MadeStudy(tmp_path)
    for name in ("one-s1", "other-s1"):
        made.add(name, "teacher", "weak", head=False)
    found = tables_of(made)
    assert set(found["attention_pairs"]["reason"]) == {
        "the network has no linear head behind average pooling over its last block"
    }
    for draw in (pairs.fig_overlap, together.fig_together, strength.fig_strength):
        with pytest.raises(NothingToDraw):
            draw(found)
    assert section.answer(found) == []
