"""The table of every measure of alignment, and recipes over their seeds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distilscope.analyses.alignment.sections import every_measure
from distilscope.reporting import appendix

from . import made_tables
from .conftest import build

PLACES = [title for title, _, _ in every_measure.PLACES]


@pytest.fixture(scope="module")
def blocks(study):
    return {block.title: block for block in every_measure.blocks(study.tables())}


def line(block, label):
    (found,) = [line for line in block.lines if line.label == label]
    return dict(zip(every_measure.COLUMNS, found.numbers, strict=True))


def row(study, measure, **wanted):
    rows = study.tables().measures
    wanted = {"method": "gradcam", "subset": "common", "explained": "reference", **wanted}
    chosen = rows[(rows["measure"] == measure) & rows["class"].isna()]
    for column, value in wanted.items():
        chosen = chosen[chosen[column] == value]
    (value,) = chosen["value"]
    return value


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
    assert found["rho"].value == row(study, "rho", model=model, **place)
    null = line(blocks[title], "medium T=4: another image of the class")
    assert null["rho"].value == row(study, "null_rho", model=model, **place)
    assert not null["cosine"].defined
    place = {"layer": reference_layer, "resolution": resolution, "model": "teacher-s1"}
    edges = line(blocks[title], "The edges of the image")
    assert edges["rho"].value == row(study, "edges_rho", **place)


def test_rows_are_models_with_their_nulls_then_maps_that_no_model_made(blocks):
    labels = [line.label for line in blocks[PLACES[0]].lines]
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
    found = every_measure.blocks(replace(tables, measures=kept))
    assert [block.title for block in found] == [PLACES[0], PLACES[2]]


def test_conditions_over_seeds_have_the_labels_of_the_figures(tmp_path, study):
    assert appendix.over_seeds(study.tables()).rows == []
    several = build(tmp_path, models=made_tables.default_models(seeds=3)).tables()
    rows = appendix.over_seeds(several).rows
    assert {row[0] for row in rows} == {
        condition.label for condition in several.of_role("student", "control")
    }
    assert {row[1] for row in rows} == {"teacher-s1"}
