import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from distilscope import catalog, store
from distilscope.reporting import figures, style
from distilscope.reporting.figures.words import WORDS, sentence

from . import made_tables
from .conftest import build, given

CAPTIONS = Path(__file__).parents[3] / "workflow" / "report"


def numbers(study, name):
    return pd.read_csv(study.figures / f"{name}.csv")


def measured(study, **wanted):
    """Values of measures.parquet by plain filtering; None asks for a null."""
    rows = store.read_table(study.folder / "tables" / "measures.parquet")
    for column, value in wanted.items():
        rows = rows[rows[column].isna() if value is None else rows[column] == value]
    return rows


def test_every_figure_is_written_in_three_forms_with_digests(study):
    for name in catalog.FIGURES:
        for kind in ("svg", "png", "csv"):
            store.verify(study.figures / f"{name}.{kind}")
    assert set(store.read_json(study.figures / "run.json")["facts"]["figures"]) == set(
        catalog.FIGURES
    )


@pytest.mark.parametrize("measure", ["accuracy", "ece"])
def test_bars_hold_the_tables_values_and_intervals(study, measure):
    drawn = numbers(study, "accuracy-calibration")
    drawn = drawn[drawn["measure"] == measure]
    table = measured(study, measure=measure, subset="all")
    assert sorted(drawn["value"]) == pytest.approx(sorted(table["value"]))
    assert sorted(drawn["low"]) == pytest.approx(sorted(table["low"]))
    assert sorted(drawn["high"]) == pytest.approx(sorted(table["high"]))


def test_reliability_bins_are_the_tables(study):
    drawn = numbers(study, "reliability")
    table = store.read_table(study.folder / "tables" / "reliability.parquet")
    both = drawn.merge(table, on=["model", "bin"], suffixes=("", "_table"))
    assert len(both) == len(table) == len(drawn)
    for column in ("n", "accuracy", "confidence"):
        np.testing.assert_allclose(both[column], both[f"{column}_table"])


@pytest.mark.parametrize("measure", ["image_specific_rho", "rho", "null_rho"])
def test_consistency_holds_the_tables_value_for_a_student(study, measure):
    drawn = numbers(study, "consistency")
    value = drawn[(drawn["measure"] == measure) & (drawn["model"] == "small T=4")]["value"].item()
    table = measured(
        study,
        measure=measure,
        model="small-kd-T4-a0.9-s1",
        subset="common",
        layer="block4",
        resolution="input",
        **{"class": None},
    )
    assert value == pytest.approx(table["value"].item())


def test_consistency_holds_what_maps_that_no_model_made_score(study):
    drawn = numbers(study, "consistency").set_index(["model", "measure"])["value"]
    assert drawn["Teacher", "gaussian_rho"] == pytest.approx(0.51)
    assert drawn["Teacher", "edges_image_specific_rho"] == pytest.approx(0.04)
    assert drawn["small T=4", "null_other_rho"] == pytest.approx(0.1 + 0.4 * 0.73)
    text = (study.figures / "consistency.svg").read_text()
    assert "a centred Gaussian" in text and "the edges of the image" in text


def test_without_trivial_maps_the_legend_names_none(study):
    tables = study.tables()
    rows = tables.measures
    rows = rows[~rows["measure"].str.startswith(("gaussian", "edges"))]
    figure, _ = figures.draw("consistency", replace(tables, measures=rows))
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["measured, with its interval", "its null", "the teacher's twin"]


def test_compression_and_temperature_hold_students_and_reference_lines(study):
    compression = numbers(study, "compression")
    rho = compression[compression["measure"] == "image_specific_rho"]
    assert set(rho["role"]) == {"student", "control", "twin", "floor"}
    temperature = numbers(study, "temperature")
    swept = temperature[(temperature["measure"] == "ece") & (temperature["role"] == "student")]
    assert swept["T"].tolist() == [2.0, 4.0, 8.0]
    quality = [made.quality for made in study.builder.models if made.id.startswith("medium-kd")]
    assert swept["value"].tolist() == pytest.approx([0.09 - 0.06 * q for q in quality])


def test_class_numbers_are_by_name_and_undefined_ones_stay_with_their_reason(study):
    drawn = numbers(study, "class-model")
    assert set(drawn["class_name"]) == set(made_tables.CLASSES)
    gone = drawn[(drawn["role"] == "floor") & (drawn["class"] == 3)]
    assert gone["value"].isna().all()
    assert set(gone["reason"]) == {"no map with a positive cell"}


def test_per_class_bars_are_of_the_main_student_its_control_and_the_twin(study):
    drawn = numbers(study, "per-class")
    assert set(drawn["model"]) == {"medium T=4", "medium, labels only", "Twin"}
    assert set(drawn["measure"]) == {"image_specific_rho", "rho", "iou20"}


def test_cka_holds_every_layer_pair_of_the_table(study):
    drawn = numbers(study, "cka")
    table = measured(study, measure="cka_debiased", resolution=None)
    key = ["model", "layer", "reference_layer"]
    both = drawn.merge(table, on=key, suffixes=("", "_table"))
    assert len(both) == len(table) == len(drawn)
    np.testing.assert_allclose(both["value"], both["value_table"])
    np.testing.assert_allclose(drawn["mutual_knn"], drawn["value"] / 3)
    np.testing.assert_allclose(drawn["cka_debiased_flatten"], drawn["value"] / 2)


def test_layers_stand_in_the_order_of_the_network_not_of_their_names(study):
    """CKA is measured layer by layer, from the input to the output."""
    tables = study.tables()
    named = {"block1": "stem", "block2": "mid", "block3": "late"}
    measures = tables.measures.assign(layer=tables.measures["layer"].replace(named))
    figure, _ = figures.draw("cka", replace(tables, measures=measures))
    (axes,) = [a for a in figure.axes if a.get_title("left") == "tiny, labels only"]
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert shown == ["stem", "mid", "late"]


def test_the_sanity_figure_holds_every_row_of_its_table(study):
    drawn = numbers(study, "sanity")
    table = store.read_table(study.folder / "tables" / "sanity.parquet")
    key = ["mode", "depth", "method", "layer", "measure"]
    both = drawn.merge(table, on=key, suffixes=("", "_table"))
    assert len(both) == len(table) == len(drawn) == 24
    np.testing.assert_allclose(both["value"], both["value_table"])


def test_a_study_without_randomised_weights_says_so(study):
    tables = study.tables(sanity=study.tables().sanity[:0])
    assert "no weights were randomised" in figures.draw("sanity", tables)[1]["why_empty"].item()


def test_divergent_are_the_twelve_lowest_by_the_primary_measure_that_both_get_right(study):
    drawn = numbers(study, "divergent")
    table = store.read_table(study.folder / "tables" / "divergent.parquet")
    own = table[table["model"] == "medium-kd-T4-a0.9-s1"]
    right = own[(own["prediction"] == own["label"]) & (own["reference_prediction"] == own["label"])]
    lowest = sorted(right["image_specific_rho_unit"].dropna())[:12]
    assert drawn["image_specific_rho_unit"].tolist() == pytest.approx(lowest)


def test_training_curves_hold_every_epoch(study):
    drawn = numbers(study, "training")
    table = store.read_table(study.folder / "tables" / "histories.parquet")
    assert len(drawn) == len(table)
    assert sorted(drawn["held_out_accuracy"]) == pytest.approx(sorted(table["held_out_accuracy"]))


def test_the_same_tables_give_the_same_bytes(study):
    for name in ("compression", "divergent"):
        with style.applied():
            figure, _ = figures.load(name)(study.tables())
            for write, kind in ((style.write_png, "png"), (style.write_svg, "svg")):
                buffer = io.BytesIO()
                write(figure, buffer)
                assert buffer.getvalue() == (study.figures / f"{name}.{kind}").read_bytes()


def test_files_carry_no_date_and_png_no_metadata_at_150_dots(study):
    for name in catalog.FIGURES:
        svg = (study.figures / f"{name}.svg").read_text()
        assert "dc:date" not in svg and "Matplotlib v" not in svg
        with Image.open(study.figures / f"{name}.png") as picture:
            assert set(picture.info) <= {"dpi"}
            assert picture.width == 1050


def test_laptop_scale_is_in_every_title_and_only_there(study):
    for name in catalog.FIGURES:
        assert "(laptop-scale)" in (study.figures / f"{name}.svg").read_text()
    with style.applied():
        figure, _ = figures.load("compression")(study.tables(scale="paper"))
    assert "laptop" not in figure.get_suptitle()


def test_a_study_can_name_its_own_titles(study):
    figure, _ = figures.draw("training", study.tables(titles={"training": "How it went"}))
    assert figure.get_suptitle() == "How it went (laptop-scale)"


def test_what_cannot_be_drawn_says_why(tmp_path):
    models = [made_tables.Made("teacher-s1", "teacher", "resnet18", None, None, 0.95)]
    tables = build(tmp_path, models=[*models, *made_tables.default_models()[2:3]]).tables()
    alone = replace(tables, models=tables.models[:1])
    expected = {
        "compression": "the study has no student",
        "temperature": "more than one temperature",
        "per-class": "the study has no student",
        "class-model": "consistency was not measured by class",
        "consistency": "no consistency with a teacher",
        "cka": "no similarity of layers",
        "divergent": "the study has no student",
    }
    for name, why in expected.items():
        figure, table = figures.draw(name, alone)
        assert why in table["why_empty"].item()
        written = " ".join(text.get_text() for text in figure.axes[0].texts)
        assert why in re.sub(r"\s+", " ", written)
    assert "more than one temperature" in figures.draw("temperature", tables)[1]["why_empty"].item()


def test_a_study_without_twin_or_classes_or_trained_models_is_drawn(tmp_path):
    made = build(tmp_path, models=made_tables.default_models(twin=False)[:4], by_class=False)
    tables = made.tables()
    bare = replace(
        tables,
        histories=tables.histories[:0],
        reliability=tables.reliability[:0],
        divergent=tables.divergent[:0],
    )
    empty = {name for name in catalog.FIGURES if "why_empty" in figures.draw(name, bare)[1]}
    assert empty == {
        *("reliability", "per-class", "class-model", "divergent", "training"),
        *("regimes", "logit-table", "covariation"),
        *("part-alignment", "part-focus", "faithfulness", "parts"),
    }


def test_nothing_is_clipped_at_the_edge_of_a_picture(study):
    """The labels at the left of `consistency` were, in the PNG: it had the layout of the SVG."""
    for name in catalog.FIGURES:
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
        names = ("consistency", "per-class", "compression", "logit-table")
        return " ".join(figures.words(name, tables).caption for name in names)

    audit, trained = said(given(tmp_path).tables()), said(study.tables())
    for absent in ("twin", "untrained", "labels only", "distilled"):
        assert absent not in audit
        assert absent in trained
    assert "Diamonds are networks whose weights were given." in audit
    assert "Diamonds" not in trained
    assert "[" not in audit + trained


def test_where_nothing_is_defined_there_is_no_empty_figure(study):
    """Maps of a single cell make every number of consistency undefined."""
    tables = study.tables()
    aligned = tables.measures["method"].notna()
    measures = tables.measures.assign(value=tables.measures["value"].where(~aligned))
    gone = replace(tables, measures=measures)
    for name in ("consistency", "per-class", "class-model"):
        assert "why_empty" in figures.draw(name, gone)[1], name
    figure, _ = figures.draw("compression", gone)
    assert [axes.get_title("left") for axes in figure.axes] == ["Accuracy"]


def test_many_classes_and_several_seeds_are_drawn(tmp_path):
    models = [m for m in made_tables.default_models(seeds=3) if m.student in ("resnet18", "tiny")]
    classes = tuple(f"class number {n}" for n in range(24))
    tables = build(tmp_path, models=models, classes=classes, images=120).tables()
    figure, table = figures.draw("per-class", tables)
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


def test_captions_of_the_workflow_report_are_the_librarys():
    assert list(WORDS) == list(catalog.FIGURES)
    for name, entry in WORDS.items():
        text = " ".join((CAPTIONS / f"{name}.rst").read_text().split())
        assert text == f"**{sentence(entry.title)}** {entry.of().caption}"
    for name in ("workflow", "report"):
        assert (CAPTIONS / f"{name}.rst").is_file()
