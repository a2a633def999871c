"""The table of every measure of alignment, and recipes over their seeds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distilscope.analyses.alignment.figures import classes
from distilscope.analyses.alignment.sections import every_measure
from distilscope.reporting import appendix

from . import made_models
from .conftest import build

PLACES = [title for title, _, _ in every_measure.PLACES]


@pytest.fixture(scope="module")
def blocks(study):
    return {grid.label: grid for grid in every_measure.context(study.tables())["grids"]}


def line(grid, label):
    (found,) = [row for row in grid.rows if row[0] == label]
    return dict(zip(every_measure.columns(0.2), found[1:], strict=True))


def row(study, measure, **wanted):
    rows = study.tables().measures
    wanted = {"method": "gradcam", "subset": "common", "explained": "reference", **wanted}
    chosen = rows[(rows["measure"] == measure) & rows["class"].isna()]
    for column, value in wanted.items():
        chosen = chosen[chosen[column] == value]
    (value,) = chosen["value"]
    return f"{value:.2f}"


@pytest.mark.parametrize(
    ("title", "layer", "reference_layer", "resolution"),
    [
        (PLACES[0], "block5", "layer4", "input"),
        (PLACES[1], "block5", "layer4", "native"),
        (PLACES[2], "block4", "layer3", "input"),
        (PLACES[3], "block4", "layer3", "native"),
    ],
)
def test_each_block_is_of_its_layer_and_resolution(
    study, blocks, title, layer, reference_layer, resolution
):
    place = {"layer": layer, "reference_layer": reference_layer, "resolution": resolution}
    model = "medium-kd-T4-a0.9-s1"
    found = line(blocks[title], "medium T=4")
    assert found["rho"] == row(study, "rho", model=model, **place)
    null = line(blocks[title], "medium T=4: another image of the class")
    assert null["rho"] == row(study, "null_rho", model=model, **place)
    assert null["cosine"] == "–"
    place = {"layer": reference_layer, "resolution": resolution, "model": "teacher-s1"}
    edges = line(blocks[title], "The edges of the image")
    assert edges["rho"] == row(study, "edges_rho", **place)


def test_rows_are_models_with_their_nulls_then_maps_that_no_model_made(blocks):
    labels = [row[0] for row in blocks[PLACES[0]].rows]
    assert labels[:3] == [
        "Twin",
        "Twin: another image of the class",
        "Twin: an image of another class",
    ]
    assert labels[-2:] == ["A centred Gaussian", "The edges of the image"]
    assert "Teacher" not in labels


def test_a_place_at_which_nothing_was_compared_has_no_block(study):
    tables = study.tables()
    kept = tables.measures[tables.measures["resolution"] != "native"]
    found = every_measure.context(replace(tables, measures=kept))["grids"]
    assert [grid.label for grid in found] == [PLACES[0], PLACES[2]]


def test_conditions_over_seeds_have_the_labels_of_the_figures(tmp_path, study):
    assert appendix.over_seeds(study.tables()).rows == []
    several = build(tmp_path, models=made_models.default_models(seeds=3)).tables()
    rows = appendix.over_seeds(several).rows
    assert {row[0] for row in rows} == {
        condition.label for condition in several.of_role("student", "control")
    }
    assert {row[1] for row in rows} == {"teacher-s1"}


def test_another_share_of_the_headline_set_has_its_columns_and_its_bars(study):
    tables = study.tables()
    settings = {**tables.settings, "analyses": {**tables.settings["analyses"]}}
    settings["analyses"]["alignment"] = {"method": "gradcam", "top": 0.25}
    named = tables.measures["measure"].replace({"iou20": "iou25"})
    other = replace(tables, settings=settings, measures=tables.measures.assign(measure=named))
    grid = every_measure.context(other)["grids"][0]
    assert grid.columns[4:10] == (
        *("IoU 10 %", "IoU 20 %", "IoU 25 %", "IoU 30 %", "IoU 50 %"),
        "Mass lift 25 %",
    )
    usual = {row[0]: row for row in every_measure.context(tables)["grids"][0].rows}
    for row in grid.rows:
        assert (row[5], row[6]) == ("–", usual[row[0]][5])
    _, numbers = classes.fig_per_class(other)
    assert set(numbers["measure"]) == {"image_specific_rho", "rho", "iou25"}
