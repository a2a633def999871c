from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from distilscope import registry, store
from distilscope.analyses.alignment.sections import pictures
from distilscope.reporting import figures, style

from . import artists, made_models, made_tables

MEDIUM, TINY = "medium-kd-T4-a0.9-s1", "tiny-kd-T4-a0.9-s1"


@pytest.fixture(scope="module")
def drawn(study):
    """Every figure of the study, in memory."""
    tables = study.tables()
    return {name: figures.draw(name, tables)[0] for name in study.settings["figures"]}


def measured(study, **wanted):
    """Rows of measures.parquet by plain filtering; None asks for a null."""
    rows = store.read_table(study.folder / "tables" / "measures.parquet")
    for column, value in wanted.items():
        rows = rows[rows[column].isna() if value is None else rows[column] == value]
    return rows


def last_block(study, measure, model):
    """The one row of a model at its last block."""
    (made,) = [made for made in study.builder.models if made.id == model]
    place = {"layer": made.layers[-1], "resolution": "input", "subset": "common", "class": None}
    (row,) = measured(study, measure=measure, model=model, **place).to_dict("records")
    return row


def labelled(study):
    """Label -> the model of the study, which has one seed."""
    return {condition.label: condition.models[0] for condition in study.tables().conditions}


def test_every_figure_is_written_in_three_forms_with_digests(study):
    names = study.settings["figures"]
    assert len(names) == 11 + 1
    for name in names:
        for kind in ("svg", "png", "csv"):
            store.verify(study.figures / f"{name}.{kind}")
    assert store.read_json(study.figures / "run.json")["facts"]["figures"] == names


def test_figures_come_in_the_order_of_the_registry_then_of_the_analysis(study):
    declared = [name for a in registry.analyses().values() for name in a.figures]
    assert list(figures.shown(study.tables())) == [
        name for name in declared if name in study.settings["figures"]
    ]


def test_a_study_has_the_figures_of_its_analyses_and_no_others(study, tmp_path):
    tables = study.tables({"analyses": {"outputs": {}}, "figures": None})
    assert set(figures.shown(tables)) == {
        *("accuracy-calibration", "reliability", "logit-table", "training")
    }


def test_pairs_of_teachers_have_no_bar_and_a_long_name_stands_whole(study):
    tables = study.tables()
    of_teacher = tables.models[tables.models["role"] == "teacher"].assign(id="t2", seed=2)
    models = pd.concat([tables.models[tables.models["role"] != "twin"], of_teacher])
    labels = [
        f"{label} from strong-a + strong-b by mean logits"
        for label in tables.condition_rows["label"]
    ]
    described = tables.condition_rows.assign(label=labels)
    changed = replace(tables, models=models, condition_rows=described)
    assert "Other teachers" in [condition.label for condition in changed.conditions]
    figure, table = figures.draw("accuracy-calibration", changed)
    names = [text.get_text().replace("\n", " ") for text in figure.axes[0].get_yticklabels()]
    assert names == table["model"].drop_duplicates().tolist()
    assert set(names) < set(labels) and max(map(len, names)) > 55


@pytest.mark.parametrize(("place", "measure"), [(0, "accuracy"), (1, "ece")])
def test_a_bar_is_as_long_as_the_number_and_its_line_as_the_interval(study, drawn, place, measure):
    axes = drawn["accuracy-calibration"].axes[place]
    table = measured(study, measure=measure, subset="all").set_index("model")
    at = artists.rows(drawn["accuracy-calibration"].axes[0])
    ends = {height: (low, high) for height, low, high in artists.intervals(axes)}
    lengths = {round(y + height / 2): width for _, y, width, height in artists.bars(axes)}
    for label, model in labelled(study).items():
        row = table.loc[model]
        assert lengths[at[label]] == pytest.approx(row["value"])
        assert ends[at[label]] == pytest.approx((row["low"], row["high"]))
    written = [text.get_text() for text in axes.texts]
    assert written[: len(table)] == [
        f"{table.at[m, 'value']:.3f}" for m in labelled(study).values()
    ]


def test_reliability_bars_are_the_bins_and_their_gap_reaches_the_confidence(study, drawn):
    table = store.read_table(study.folder / "tables" / "reliability.parquet")
    ece = measured(study, measure="ece", model=TINY)["value"].item()
    axes = artists.panel(drawn["reliability"], f"tiny T=4\nECE {ece:.3f}")
    own = table[(table["model"] == TINY) & (table["n"] > 0)]
    accuracy, gap = axes.containers
    assert [bar.get_x() for bar in accuracy] == pytest.approx(list(own["low"]))
    assert [bar.get_height() for bar in accuracy] == pytest.approx(list(own["accuracy"]))
    ends = [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in gap]
    both = own[["accuracy", "confidence"]].to_numpy()
    assert np.array(ends) == pytest.approx(np.sort(both, axis=1))


@pytest.mark.parametrize(
    ("title", "measure"), [("Image-specific ρ", "image_specific_rho"), ("Raw ρ", "rho")]
)
def test_a_mark_of_consistency_is_the_number_and_the_hollow_one_its_null(
    study, drawn, title, measure
):
    axes = artists.panel(drawn["consistency"], title)
    at = artists.rows(drawn["consistency"].axes[0])
    values, nulls = artists.marks(axes, "o"), artists.marks(axes, "D")
    ends = {height: (low, high) for height, low, high in artists.intervals(axes)}
    assert len(at) == len(values) == len(nulls) == 10
    for label, model in labelled(study).items():
        if label != "Teacher":
            row = last_block(study, measure, model)
            assert values[at[label]] == pytest.approx(row["value"])
            assert ends[at[label]] == pytest.approx((row["low"], row["high"]))
            null = last_block(study, f"null_{measure}", model)["value"]
            assert nulls[at[label]] == pytest.approx(null)
    assert artists.across(axes, "--") == [pytest.approx(values[at["Twin"]])]


def test_lines_are_maps_that_no_model_made(study, drawn):
    figure = drawn["consistency"]
    rho, specific = (artists.panel(figure, title) for title in ("Raw ρ", "Image-specific ρ"))
    assert artists.across(rho, ":") == [pytest.approx(0.51)]
    assert artists.across(rho, "-.") == [pytest.approx(0.33)]
    assert artists.across(specific, ":") == []  # a Gaussian shares nothing of an image
    assert artists.across(specific, "-.") == [pytest.approx(0.04)]
    assert {"a centred Gaussian", "the edges of the image"} <= set(artists.legend(figure))
    table = pd.read_csv(study.figures / "consistency.csv").set_index(["model", "measure"])
    assert table.at[("small T=4", "null_other_rho"), "value"] == pytest.approx(0.1 + 0.4 * 0.73)


def test_without_trivial_maps_the_legend_names_none(study):
    tables = study.tables()
    rows = tables.measures
    rows = rows[~rows["measure"].str.startswith(("gaussian", "edges"))].reset_index(drop=True)
    figure, _ = figures.draw("consistency", replace(tables, measures=rows))
    words = ["measured, with its interval", "its null", "the teacher's twin"]
    assert artists.legend(figure) == words


def test_compression_draws_students_over_their_size_and_the_floor_and_twin_across(study, drawn):
    axes = artists.panel(drawn["compression"], "Image-specific ρ")
    curves = artists.curves(axes)
    sizes, values = curves["distilled, T=4"]
    assert sizes.tolist() == sorted(made_models.SIZES.values())
    ids = [f"{name}-kd-T4-a0.9-s1" for name in ("tiny", "small", "medium")]
    expected = [last_block(study, "image_specific_rho", model)["value"] for model in ids]
    assert values.tolist() == pytest.approx(expected)
    assert curves["distilled, other T"][0].tolist() == [made_models.SIZES["medium"]] * 2
    assert len(curves["labels only"][0]) == 3
    for label, model in (("twin", "twin-s2"), ("untrained", "medium-untrained-s1")):
        level = last_block(study, "image_specific_rho", model)["value"]
        assert curves[label][1] == pytest.approx([level, level])


def test_the_temperature_sweep_is_drawn_at_its_temperatures(study, drawn):
    figure = drawn["temperature"]
    assert figure.get_suptitle() == "What the temperature changes: medium (laptop-scale)"
    temperatures, values = artists.curves(artists.panel(figure, "ECE"))["distilled"]
    assert temperatures.tolist() == [2.0, 4.0, 8.0]
    quality = [made.quality for made in study.builder.models if made.id.startswith("medium-kd")]
    assert values.tolist() == pytest.approx([0.09 - 0.06 * q for q in quality])
    control = measured(study, measure="ece", model="medium-ce-s1")["value"].item()
    curves = artists.curves(artists.panel(figure, "ECE"))
    assert curves["labels only"][1] == pytest.approx([control, control])


def test_a_field_of_the_heatmap_is_the_number_of_its_class_and_model(study, drawn):
    axes = artists.panel(drawn["class-model"], "Raw ρ")
    written, at = artists.numbers(axes), artists.rows(axes)
    assert artists.columns(drawn["class-model"].axes[1]) == list(made_tables.CLASSES)
    rows = measured(study, measure="rho", resolution="input", subset="common", headline=True)
    rows = rows.dropna(subset=["class"])
    for label, model in labelled(study).items():
        for row in rows[rows["model"] == model].to_dict("records"):
            value = row["value"]
            text = "×" if np.isnan(value) else f"{value:.2f}".replace("-0.00", "0.00")
            assert written[int(row["class"]), round(at[label])] == text.replace("-", "−")
    assert written[3, round(at["medium, untrained"])] == "×"


def test_undefined_class_numbers_stay_with_their_reason(study):
    table = pd.read_csv(study.figures / "class-model.csv")
    assert set(table["class_name"]) == set(made_tables.CLASSES)
    gone = table[(table["role"] == "floor") & (table["class"] == 3)]
    assert gone["value"].isna().all()
    assert set(gone["reason"]) == {"no map with a positive cell"}


def test_per_class_bars_are_of_the_main_student_its_control_and_the_twin(study, drawn):
    figure = drawn["per-class"]
    assert artists.legend(figure) == ["medium T=4", "medium, labels only", "Twin"]
    assert figure.get_suptitle() == "Consistency by class: medium T=4 (laptop-scale)"
    axes = figure.axes[1]
    assert axes.get_ylabel() == "Raw ρ"
    groups = [c for c in axes.containers if hasattr(c, "patches")]
    rows = measured(study, measure="rho", resolution="input", subset="common", headline=True)
    for bars, model in zip(groups, (MEDIUM, "medium-ce-s1", "twin-s2"), strict=True):
        own = rows[(rows["model"] == model) & rows["class"].notna()].sort_values("class")
        assert [bar.get_height() for bar in bars] == pytest.approx(list(own["value"]))
        middles = [bar.get_x() + bar.get_width() / 2 for bar in bars]
        assert [round(place) for place in middles] == list(range(10))


@pytest.fixture
def of_many_classes(study):
    """The tables of a study of 50 classes, of which 40 have no image, as few pictures have."""
    tables = study.tables()
    of_one = tables.measures[tables.measures["class"] == 0]
    kind = tables.measures["class"].dtype
    empty = [
        of_one.assign(**{"class": place, "value": np.nan, "reason": "no image"})
        for place in range(100, 140)
    ]
    measures = pd.concat([tables.measures, *empty], ignore_index=True).astype({"class": kind})
    return replace(tables, measures=measures)


def test_of_many_classes_bars_are_drawn_where_the_student_has_a_number(of_many_classes):
    figure, table = figures.draw("per-class", of_many_classes)
    assert artists.panel(figure, "The 10 of 50 classes in which the student has a number")
    names = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert set(names) == set(made_tables.CLASSES)
    assert table["class"].nunique() == 50, "the numbers have all, with their reasons"


def test_of_many_classes_the_heatmap_has_the_columns_with_a_number(of_many_classes):
    figure, table = figures.draw("class-model", of_many_classes)
    axes = artists.panel(figure, "Raw ρ, in the 10 of 50 classes with a number")
    assert artists.columns(figure.axes[1]) == list(made_tables.CLASSES)
    assert {column for column, _ in artists.numbers(axes)} == set(range(10))
    assert table["class"].nunique() == 50


def test_a_field_of_cka_is_the_pair_of_its_layers(study, drawn):
    axes = artists.panel(drawn["cka"], "tiny T=4")
    assert artists.columns(axes) == ["block1", "block2", "block3"]
    rows = measured(study, measure="cka_debiased", model=TINY, resolution=None)
    written = artists.numbers(axes)
    assert len(written) == len(rows) == 12
    for row in rows.to_dict("records"):
        place = int(row["layer"][-1]) - 1, int(row["reference_layer"][-1]) - 1
        assert written[place] == f"{row['value']:.2f}"


def test_the_numbers_of_cka_hold_the_other_measures_of_the_same_pair(study):
    table = pd.read_csv(study.figures / "cka.csv")
    assert len(table) == len(measured(study, measure="cka_debiased", resolution=None))
    np.testing.assert_allclose(table["mutual_knn"], table["value"] / 3)
    np.testing.assert_allclose(table["cka_debiased_flatten"], table["value"] / 2)


def test_layers_stand_in_the_order_of_the_network_not_of_their_names(study):
    """CKA is measured layer by layer, from the input to the output."""
    tables = study.tables()
    named = {"block1": "stem", "block2": "mid", "block3": "late"}
    measures = tables.measures.assign(layer=tables.measures["layer"].replace(named))
    figure, _ = figures.draw("cka", replace(tables, measures=measures))
    axes = artists.panel(figure, "tiny, labels only")
    assert artists.columns(axes) == ["stem", "mid", "late"]


def test_lines_of_randomisation_fall_as_the_table_says(study, drawn):
    axes = artists.panel(drawn["randomisation"], "GradCAM, layer4")
    assert artists.columns(axes) == ["head", "layer4", "layer3"]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 3]
    found = {(artists.colour(line), line.get_linestyle()): line.get_ydata() for line in lines}
    for mode, color in (("cascade", style.BLUE), ("independent", style.ORANGE)):
        for measure, dash, top in (("rho_abs", "-", 0.8), ("rho", "--", 0.7)):
            expected = [top, top / 2, top / 3]
            assert list(found[color, dash]) == pytest.approx(expected), (mode, measure)


def test_divergent_are_the_twelve_lowest_by_the_primary_measure_that_both_get_right(study, drawn):
    table = store.read_table(study.folder / "tables" / "divergent.parquet")
    own = table[table["model"] == MEDIUM]
    right = own[(own["prediction"] == own["label"]) & (own["reference_prediction"] == own["label"])]
    lowest = right.dropna(subset=["image_specific_rho_unit"])
    lowest = lowest.sort_values("image_specific_rho_unit").head(12)
    figure, tables = drawn["divergent"], study.tables()
    words = [text.get_text() for text in figure.texts if "ρ" in text.get_text()]
    assert words == [
        f"{tables.drawn_class(row.label)}, ρ = {row.image_specific_rho_unit:.2f}".replace(
            "= -", "= −"
        )
        for row in lowest.itertuples()
    ]
    tiles = [axes.images[0].get_array() for axes in figure.axes]
    assert len(tiles) == 36
    for place, row in enumerate(lowest.to_dict("records")):
        image = tables.images[row["index"]]
        student = pictures.overlay(image, pictures.shown(row["map"], 4, 4))
        assert (np.asarray(tiles[3 * place]) == image).all()
        assert (np.asarray(tiles[3 * place + 2]) == student).all()


@pytest.mark.parametrize(
    ("title", "column"), [("Training loss", "loss"), ("Held-out accuracy", "held_out_accuracy")]
)
def test_a_training_curve_has_a_point_an_epoch(study, drawn, title, column):
    table = store.read_table(study.folder / "tables" / "histories.parquet")
    curves = artists.curves(artists.panel(drawn["training"], title))
    assert set(curves) == set(labelled(study)) - {"medium, untrained"}
    for label, (epochs, values) in curves.items():
        own = table[table["model"] == labelled(study)[label]].sort_values("epoch")
        assert epochs.tolist() == own["epoch"].tolist()
        assert values.tolist() == pytest.approx(own[column].tolist())


def test_no_legend_leaves_its_figure(drawn):
    outside = {name: artists.legends_outside(figure) for name, figure in drawn.items()}
    assert {name: boxes for name, boxes in outside.items() if boxes} == {}


def test_of_many_conditions_each_curve_has_a_look_of_its_own_and_stands_in_the_legend(study):
    tables = study.tables()
    one = next(own for own in tables.conditions if own.models[0].startswith("tiny"))
    of_one = tables["histories"][tables["histories"]["model"] == one.models[0]]
    names = [f"tiny-{place}" for place in range(23)]
    rows = pd.concat([of_one.assign(model=name) for name in names])
    conditions = [replace(one, label=name, models=(name,)) for name in names]
    many = replace(tables, own={**tables.own, "histories": rows})
    object.__setattr__(many, "conditions", conditions)
    figure, _ = figures.draw("training", many)
    lines = figure.axes[0].lines
    looks = {(line.get_color(), line._unscaled_dash_pattern, line.get_marker()) for line in lines}
    assert len(lines) == len(looks) == 23
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == names
    assert artists.legends_outside(figure) == []
