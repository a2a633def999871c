import re

import numpy as np
import pytest

from distilscope import store
from distilscope.reporting import figures, style

from .conftest import build
from .made_parts import METHODS, VARIANTS, build_parted, ladder_models, regions

TINY = ("tiny-kd-T4-a0.9-s1", "tiny-kd-T4-a0.9-s2")
CONTROLS = ("tiny-ce-s1", "tiny-ce-s2")
TITLES = ["Saliency", "GradCAM"]  # the headline's method first


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return build_parted(tmp_path_factory.mktemp("parted"))


@pytest.fixture(scope="module")
def drawings(study):
    tables = study.tables()
    names = ("part-alignment", "part-focus", "logit-table", "covariation", "faithfulness", "parts")
    return {name: figures.draw(name, tables) for name in names}


def rows_of(study, **wanted):
    """Rows of measures.parquet over all classes, on the common images, by plain filtering."""
    rows = store.read_table(study.folder / "tables" / "measures.parquet")
    rows = rows[rows["class"].isna()]
    for column, value in ({"subset": "common"} | wanted).items():
        rows = rows[rows[column].isin(value if isinstance(value, tuple) else (value,))]
    return rows


def trained_ids(study):
    models = study.builder.models
    return tuple(made.id for made in models if made.role in ("student", "control"))


def mean(study, **wanted):
    return float(rows_of(study, **wanted)["value"].mean())


def of_maps(study, measure, models, method="saliency", variant="mass_absolute"):
    return mean(study, measure=measure, model=models, method=method, variant=variant)


def by_condition(study, **wanted):
    """The mean over its seeds of each student and control, by the condition's name."""
    return rows_of(study, model=trained_ids(study), **wanted).groupby("condition")["value"].mean()


def single(axes, marker):
    """Heights of the single marks of a panel."""
    lines = [line for line in axes.lines if len(line.get_xdata()) == 1]
    return [float(line.get_ydata()[0]) for line in lines if line.get_marker() == marker]


def levels(axes, color):
    """Heights of the lines across a panel in a colour."""
    lines = [line for line in axes.lines if line.get_color() == color]
    lines = [line for line in lines if list(line.get_xdata()) == [0, 1]]
    return [float(line.get_ydata()[0]) for line in lines]


def texts(axes):
    return [text.get_text() for text in axes.texts]


# ------------------------------------------------------------------------ alignment and focus


@pytest.mark.parametrize(
    ("name", "measure"),
    [("part-alignment", "part_rho"), ("part-alignment", "null_part_rho"), ("part-focus", "focus")],
)
@pytest.mark.parametrize("method", METHODS)
def test_numbers_are_means_over_seeds_of_the_headline_importance(
    study, drawings, name, measure, method
):
    numbers = drawings[name][1]
    own = numbers[(numbers["measure"] == measure) & (numbers["method"] == method)]
    values = own.set_index("model")["value"]
    for label, models in {"tiny T=4 α=0.9": TINY, "tiny, labels only": CONTROLS}.items():
        assert values[label] == pytest.approx(of_maps(study, measure, models, method))
    assert values["Twin"] == pytest.approx(of_maps(study, measure, ("twin-s2",), method))


def test_a_panel_a_method_shows_every_cell_beside_its_null(study, drawings):
    figure, _ = drawings["part-alignment"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == TITLES
    for axes, method in zip(figure.axes, ("saliency", "gradcam"), strict=True):
        for marker, measure in (("o", "part_rho"), ("D", "null_part_rho")):
            place = {"measure": measure, "method": method, "variant": "mass_absolute"}
            twin = mean(study, model="twin-s2", **place)  # in the place of the teacher's network
            wanted = [*by_condition(study, **place), twin]
            assert sorted(single(axes, marker)) == pytest.approx(sorted(wanted))
            assert len(wanted) == 10


def test_a_null_stands_to_the_right_of_its_own_mark_before_the_next(drawings):
    axes = drawings["part-alignment"][0].axes[0]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 1]
    marks = sorted(float(line.get_xdata()[0]) for line in lines if line.get_marker() == "o")
    nulls = sorted(float(line.get_xdata()[0]) for line in lines if line.get_marker() == "D")
    gaps = np.array(nulls) - np.array(marks)
    assert (gaps > 0.02).all() and gaps.max() < np.diff(marks).min() / 2


def test_the_twin_and_the_untrained_network_are_lines_across(study, drawings):
    axes = drawings["part-alignment"][0].axes[0]
    assert levels(axes, style.GREY) == pytest.approx([of_maps(study, "part_rho", "twin-s2")])
    floor = of_maps(study, "part_rho", "tiny-untrained-s1")
    assert levels(axes, style.PURPLE) == pytest.approx([floor])


def test_focus_has_the_teachers_own_line_and_that_of_a_level_map(study, drawings):
    for axes, method in zip(drawings["part-focus"][0].axes, ("saliency", "gradcam"), strict=True):
        teacher = of_maps(study, "focus", "teacher-s1", method)
        assert levels(axes, style.BLACK) == pytest.approx([teacher])
        level = of_maps(study, "focus_chance", "teacher-s1", method)
        assert levels(axes, style.ORANGE) == pytest.approx([level])


# ------------------------------------------------------------------------------------- logits


def test_the_heatmap_of_logits_is_regimes_by_students_with_the_twin_in_its_place(study, drawings):
    figure, numbers = drawings["logit-table"]
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["own *", "small", "tiny"]
    rho = {"measure": "logit_rho", "subset": "all"}
    own = {
        (0, 0): mean(study, model="twin-s2", **rho),
        (2, 0): mean(study, model=CONTROLS, **rho),
        (2, 3): mean(study, model=TINY, **rho),
    }
    shown = {tuple(map(round, text.get_position())): text.get_text() for text in axes.texts}
    assert {place: shown[place] for place in own} == {p: f"{v:.2f}" for p, v in own.items()}
    assert shown[0, 1] == "×"  # no such student at T = 1
    ours = numbers[numbers["source"] == "ours"].set_index("model")["value"]
    assert ours["tiny T=4 α=0.9"] == pytest.approx(own[2, 3])


def test_the_published_heatmap_holds_the_cells_and_neither_means_nor_other_measures(drawings):
    figure, numbers = drawings["logit-table"]
    axes = figure.axes[1]
    shown = {tuple(map(round, text.get_position())): text.get_text() for text in axes.texts}
    assert shown == {(0, 0): "0.50", (1, 0): "0.30", (0, 1): "0.88", (1, 1): "×"}
    assert [text.get_text() for text in axes.get_xticklabels()] == ["A", "B"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["labels only", "α=0.9"]
    theirs = numbers[numbers["source"] == "published"]
    assert sorted(theirs["value"]) == [0.3, 0.5, 0.875]


def test_without_published_numbers_there_is_one_heatmap(study):
    tables = study.tables()
    figure, _ = figures.draw("logit-table", study.tables(published=tables.published[:0]))
    assert len(figure.axes) == 1


# -------------------------------------------------------------------------------- covariation


def test_covariation_shows_rho_and_p_over_all_conditions_and_p_within_students(drawings):
    figure, _ = drawings["covariation"]
    panels = [axes for axes in figure.axes if axes.texts]
    found = [(axes.get_title(loc="left"), *axes.texts[0].get_text().split("\n")) for axes in panels]
    assert found == [
        (
            "Image-specific ρ, GradCAM",
            *("ρ = −0.55 over 9 conditions, p = 0.012", "within students: p = 0.041"),
        ),
        (
            "ρ of part importances, Saliency",
            *("ρ = −0.05 over 9 conditions, p < 0.0001", "within students: p = 0.091"),
        ),
        (
            "ρ of part importances, GradCAM",
            *("ρ = −0.25 over 9 conditions, p = 0.042", "within students: p = 0.071"),
        ),
    ]


def test_a_point_is_a_condition_with_its_mean_likeness_of_logits_and_of_maps(study, drawings):
    axes = drawings["covariation"][0].axes[2]
    maps = {"measure": "part_rho", "method": "gradcam", "variant": "mass_absolute"}
    x, y = by_condition(study, measure="logit_rho", subset="all"), by_condition(study, **maps)
    wanted = sorted((x[name], y[name]) for name in x.index)
    assert len(wanted) == 9  # twin and floor are no students
    drawn = sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines)
    assert np.array(drawn) == pytest.approx(np.array(wanted))


def test_the_words_of_a_panel_stand_above_its_points(study):
    tables = study.tables()
    tested = tables["covariation"]
    parts = tested[tested["explanations"] == "part_rho"]
    figure, _ = figures.draw("covariation", study.tables(own={**tables.own, "covariation": parts}))
    figure.draw_without_rendering()
    panels = [axes for axes in figure.axes if axes.texts]
    assert len(panels) == 2
    for axes in panels:
        top = axes.transData.transform((0, axes.dataLim.y1))[1]
        assert axes.texts[0].get_window_extent().y0 > top + axes.lines[0].get_markersize()


def test_only_label_only_points_are_hollow(study, drawings):
    axes = drawings["covariation"][0].axes[1]
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    controls = by_condition(study, measure="logit_rho", subset="all").filter(regex="-ce$")
    assert sorted(line.get_xdata()[0] for line in hollow) == pytest.approx(sorted(controls))
    assert len(hollow) == 2 and len(axes.lines) == 9


# ------------------------------------------------------------------------------- faithfulness


@pytest.mark.parametrize("measure", ["faithfulness", "deciding_recall", "null_faithfulness"])
def test_spreads_are_least_mean_and_greatest_of_the_models_of_a_group(study, drawings, measure):
    numbers = drawings["faithfulness"][1]
    for method in METHODS:
        for variant in VARIANTS:
            place = {"measure": measure, "method": method, "variant": variant}
            trained = rows_of(study, model=trained_ids(study), **place)["value"]
            own = numbers[(numbers[list(place)] == list(place.values())).all(axis=1)]
            row = own[own["of"] == "trained students"].iloc[0]
            wanted = [trained.min(), sum(trained) / len(trained), trained.max(), 17]
            assert row[["least", "value", "most", "models"]].tolist() == pytest.approx(wanted)
            teacher = own[own["of"] == "the teacher"].iloc[0]
            assert teacher["value"] == pytest.approx(mean(study, model="teacher-s1", **place))


@pytest.mark.parametrize(("panel", "measure"), [(0, "faithfulness"), (1, "deciding_recall")])
def test_a_line_goes_from_the_least_to_the_greatest_trained_model(study, drawings, panel, measure):
    axes = drawings["faithfulness"][0].axes[panel]
    drawn = [
        (line.get_ydata()[0], *line.get_xdata())
        for line in axes.lines
        if line.get_color() == style.BLUE and len(line.get_xdata()) == 2
    ]
    places = [(method, variant) for method in ("saliency", "gradcam") for variant in VARIANTS]
    wanted = []
    for height, (method, variant) in enumerate(places):
        own = {"measure": measure, "method": method, "variant": variant}
        values = rows_of(study, model=trained_ids(study), **own)["value"]
        wanted.append((height, values.min(), values.max()))
    assert np.array(drawn) == pytest.approx(np.array(wanted))


def test_a_method_and_importance_is_a_line_with_what_needs_no_map_across(study, drawings):
    figure, _ = drawings["faithfulness"]
    first, second = figure.axes
    assert [text.get_text() for text in first.get_yticklabels()] == [
        *("Saliency, density of |map|", "Saliency, mass of |map|"),
        *("GradCAM, density of |map|", "GradCAM, mass of |map|"),
    ]
    students = {"model": trained_ids(study), "method": "saliency", "variant": VARIANTS[0]}
    for axes, measure in ((first, "faithfulness_areas"), (second, "removal_recall")):
        (line,) = [line for line in axes.lines if line.get_linestyle() == "--"]
        assert line.get_xdata()[0] == pytest.approx(mean(study, measure=measure, **students))
    marks = [line for line in first.lines if line.get_marker() == "s"]
    wanted = [
        mean(study, measure="faithfulness", model="teacher-s1", method=method, variant=variant)
        for method in ("saliency", "gradcam")
        for variant in VARIANTS
    ]
    assert [line.get_xdata()[0] for line in marks] == pytest.approx(wanted)
    assert [line.get_ydata()[0] for line in marks] == [0, 1, 2, 3]


# -------------------------------------------------------------------------------------- parts


def test_the_heatmap_of_parts_has_the_pixels_the_teacher_and_every_cell(study, drawings):
    figure, numbers = drawings["parts"]
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["wheel", "roof", "sail"]
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels[:3] == ["Share of the pixels", "Teacher", "Twin"]
    assert len(labels) == len(set(labels)) == 2 + 11
    shown = {tuple(map(round, text.get_position())): text.get_text() for text in axes.texts}
    table = store.read_table(study.folder / "tables" / "parts.parquet")
    table = table[(table["method"] == "saliency") & (table["variant"] == "mass_absolute")]
    for column, part in enumerate(("wheel", "roof", "sail")):
        own = table[table["part"] == part]
        tiny = own[own["model"].isin(TINY)]["importance"].mean()
        assert shown[column, 0] == f"{0.04 * (column + 1):.2f}"
        assert shown[column, 1] == f"{own['reference_importance'].iloc[0]:.2f}"
        assert shown[column, labels.index("tiny T=4 α=0.9")] == f"{tiny:.2f}"
    assert len(numbers) == len(table)


# ---------------------------------------------------------------------- words, nothing to draw


def test_regions_are_called_regions_and_annotated_parts_parts(study):
    tables = regions(study)
    for found, word, other in ((tables, "region", "part"), (study.tables(), "part", "region")):
        figure, _ = figures.draw("part-focus", found)
        words = [axes.get_ylabel() for axes in figure.axes]
        words += [text.get_text() for text in figure.legends[0].get_texts()]
        shown = figures.shown(found)
        words += [shown[name].declared.caption for name in ("part-focus", "parts")]
        assert word in " ".join(words)
        assert not re.search(rf"\b{other}s?\b", " ".join(words))
    shown = figures.shown(tables)
    assert shown["part-focus"].declared.title.endswith("the teacher's top regions?")
    assert "held-out part" in shown["training"].declared.caption


def test_what_a_study_without_parts_or_weights_lacks_is_not_drawn(tmp_path, study):
    plain = build(tmp_path, by_class=False, images=40, explored=6)
    lacks = {
        *("regimes", "part-alignment", "part-focus", "logit-table", "faithfulness", "parts"),
    }
    assert lacks.isdisjoint(figures.shown(plain.tables()))
    assert lacks <= set(figures.shown(study.tables()))


def test_where_likenesses_of_two_students_are_missing_covariation_says_so(study):
    rows = study.tables().measures
    rows = rows[rows["measure"] != "logit_rho"].reset_index(drop=True)
    why = figures.draw("covariation", study.tables(measures=rows))[1]["why_empty"].item()
    assert why == "fewer than two students have both likenesses to a teacher"


def test_where_no_part_was_removed_faithfulness_says_so(study):
    rows = study.tables().measures
    removed = ("faithfulness", "deciding_recall")
    rows = rows[~rows["measure"].isin(removed)].reset_index(drop=True)
    why = figures.draw("faithfulness", study.tables(measures=rows))[1]["why_empty"].item()
    assert why == "no model was shown images without their parts"


def test_where_nothing_decides_there_is_no_second_panel(study):
    tables = study.tables()
    rows = tables.measures[tables.measures["measure"] != "deciding_recall"].reset_index(drop=True)
    figure, numbers = figures.draw("faithfulness", study.tables(measures=rows))
    assert len(figure.axes) == 1
    assert set(numbers["measure"]) == {"faithfulness", "null_faithfulness", "faithfulness_areas"}


def test_made_models_differ_in_quality():
    """Else a mean over the wrong seeds could pass."""
    qualities = [made.quality for made in ladder_models()]
    assert len(set(qualities)) == len(qualities)
