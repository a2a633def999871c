"""How figures are written, titled and planned, and what hostile or many names do to them."""

import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from distilscope import registry
from distilscope.reporting import figures, style

from . import made_models, made_tables
from .conftest import build, given


def test_the_same_tables_give_the_same_bytes(study):
    for name in ("compression", "divergent"):
        with style.applied():
            figure, _ = figures.shown(study.tables())[name].draw(study.tables())
            for write, kind in ((style.write_png, "png"), (style.write_svg, "svg")):
                buffer = io.BytesIO()
                write(figure, buffer)
                assert buffer.getvalue() == (study.figures / f"{name}.{kind}").read_bytes()


def test_files_carry_no_date_and_png_no_metadata_at_150_dots(study):
    for name in study.settings["figures"]:
        svg = (study.figures / f"{name}.svg").read_text()
        assert "dc:date" not in svg and "Matplotlib v" not in svg
        with Image.open(study.figures / f"{name}.png") as picture:
            assert set(picture.info) <= {"dpi"}
            assert picture.width == 1050


def test_laptop_scale_is_in_every_title_and_only_there(study):
    for name in study.settings["figures"]:
        assert "(laptop-scale)" in (study.figures / f"{name}.svg").read_text()
    figure, _ = figures.draw("compression", study.tables({"scale": "paper"}))
    assert "laptop" not in figure.get_suptitle()


def test_a_study_can_name_its_own_titles(study):
    figure, _ = figures.draw("training", study.tables({"titles": {"training": "How it went"}}))
    assert figure.get_suptitle() == "How it went (laptop-scale)"


ALONE = [made_models.Made("teacher-s1", "teacher", "resnet18", None, None, 0.95)]
NEEDS_A_STUDENT = {"per-class", "divergent", "compression"}
NEEDS_SEVERAL = {"temperature", "covariation", "regimes", "logit-table"}


@pytest.mark.parametrize(
    ("models", "left_out"),
    [
        (ALONE, {*NEEDS_A_STUDENT, *NEEDS_SEVERAL, "consistency", "class-model", "cka"}),
        (made_models.default_models()[:3], NEEDS_SEVERAL),
        (made_models.default_models(), {"regimes", "logit-table"}),
    ],
)
def test_a_figure_is_planned_only_where_the_conditions_give_it_something(models, left_out):
    known = registry.analyses()
    conditions = [made.as_condition for made in models]
    every = {name for analysis in made_tables.USUAL for name in known[analysis].figures}
    wanted = {n for analysis in made_tables.USUAL for n in known[analysis].figures_of(conditions)}
    assert every - wanted == left_out


def test_an_audit_of_given_models_plans_no_training_curve(tmp_path):
    assert "training" not in given(tmp_path).settings["figures"]


def test_an_untrained_network_alone_has_no_training_curve():
    models = [replace(ALONE[0], kind="given"), made_models.default_models()[-1]]
    wanted = registry.analyses()["outputs"].figures_of([made.as_condition for made in models])
    assert "training" not in wanted


def test_nothing_is_clipped_at_the_edge_of_a_picture(study):
    """The labels at the left of `consistency` were, in the PNG: it had the layout of the SVG."""
    for name in study.settings["figures"]:
        with Image.open(study.figures / f"{name}.png") as picture:
            pixels = np.asarray(picture.convert("L"))
        for edge in (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]):
            assert (edge == 255).all(), name


def test_given_students_are_drawn_as_given_and_not_as_distilled(tmp_path):
    figure, table = figures.draw("compression", given(tmp_path).tables())
    (legend,) = figure.legends
    words = {text.get_text() for text in legend.get_texts()}
    assert "given" in words
    assert not any("distilled" in word for word in words)
    assert table.loc[table["model"] == "small", "value"].notna().all()


def test_captions_speak_of_the_models_that_there_are(tmp_path, study):
    def said(tables):
        shown = figures.shown(tables)
        names = ("consistency", "per-class", "compression")
        return " ".join(shown[name].declared.caption for name in names)

    audit, trained = said(given(tmp_path).tables()), said(study.tables())
    for absent in ("twin", "untrained", "labels only", "distilled"):
        assert absent not in audit
        assert absent in trained
    assert "Diamonds are networks whose weights were given." in audit
    assert "Diamonds" not in trained
    assert "[" not in audit + trained


def test_where_nothing_is_defined_a_figure_says_so(study):
    """Maps of a single cell make every number of consistency undefined."""
    tables = study.tables()
    aligned = tables.measures["method"].notna()
    measures = tables.measures.assign(value=tables.measures["value"].where(~aligned))
    gone = replace(tables, measures=measures)
    for name in ("consistency", "per-class", "class-model"):
        figure, table = figures.draw(name, gone)
        why = table["why_empty"].item()
        assert "is defined" in why
        assert why in " ".join(text.get_text() for text in figure.texts)
    figure, _ = figures.draw("compression", gone)
    assert [axes.get_title("left") for axes in figure.axes] == ["Accuracy"]


def test_accuracy_is_not_drawn_of_images_without_labels(study):
    tables = study.tables()
    bare = tables.measures["measure"].isin(["accuracy", "ece"])
    measures = tables.measures.assign(value=tables.measures["value"].where(~bare))
    figure, table = figures.draw("accuracy-calibration", replace(tables, measures=measures))
    assert "need labels" in table["why_empty"].item() and not figure.axes


def test_titles_of_panels_side_by_side_do_not_meet(study):
    tables = study.tables()
    rows = tables.condition_rows
    longer = rows.assign(label=[f"{label}, 50 % pruned"[:24] for label in rows["label"]])
    figure, _ = figures.draw("cka", replace(tables, condition_rows=longer))
    figure.draw_without_rendering()
    boxes = [
        title.get_window_extent()
        for axes in figure.axes
        for title in (axes.title, axes._left_title)
        if title.get_text()
    ]
    assert len(boxes) > 4
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_many_classes_and_several_seeds_are_drawn(tmp_path):
    models = [m for m in made_models.default_models(seeds=3) if m.student in ("resnet18", "tiny")]
    classes = tuple(f"class number {n}" for n in range(24))
    tables = build(tmp_path, models=models, classes=classes, images=120).tables()
    figure, table = figures.draw("per-class", tables)
    assert figure.axes[0].get_title("left").startswith("The 20 of 24 classes")
    assert len(figure.axes[-1].get_xticklabels()) == 20
    assert table["class"].nunique() == 24
    assert table.loc[table["role"] == "student", "models"].unique().tolist() == [3]
    figures.draw("class-model", tables)
    _, bars = figures.draw("accuracy-calibration", tables)
    assert bars.set_index("model").loc["tiny T=4", "interval"].tolist() == ["seeds", "seeds"]


def test_hostile_names_are_drawn_as_text_and_unprintable_ones_by_number(hostile):
    svg = (hostile.figures / "class-model.svg").read_text()
    assert "<b>" not in svg and "<script>" not in svg
    assert "class 3 " in svg
    assert "鞋" not in svg
    assert "$" in svg
