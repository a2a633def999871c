"""The parts of a data set as a job makes them: maps, findings, and pictures without each part."""

import json

import numpy as np
import pytest

from distilscope import catalog, store
from distilscope.analyses.parts.sources import PART_SOURCES
from distilscope.data import composed, regions
from distilscope.data.composed_objects import NAMES
from distilscope.data.composed_reader import Recipe
from distilscope.data.dataset import load, stratified_subset
from distilscope.data.part_maps import FINDINGS_FILE, MAPS_FILE, REMOVED_FILE, PartMaps
from distilscope.data.parts import make
from distilscope.data.prepare import prepare
from distilscope.data.raw import BadData
from distilscope.data.removal import Removed
from distilscope.planning.job import Job

from .test_annotated_parts import folder as annotated_folder
from .test_annotated_parts import points, write

SIZE, SUBSET = 32, 20
DRAWN, FILLED = "distilscope.data.removal:draw_without", "distilscope.data.removal:filled"


def dataset_of(tmp_path, name, source):
    reader = catalog.DATASETS[name].reader
    settings = {
        "name": name,
        "reader": reader,
        "image_size": SIZE,
        "fit": "resize",
        "held_out": {"fraction": 0.3, "seed": 0},
        "limit": {"train": None, "test": None},
    }
    folder = tmp_path / "dataset"
    prepare(Job("dataset", name, "0" * 12, settings, {}, folder, {"source": str(source)}))
    return {key: settings[key] for key in ("reader", "image_size", "fit")}


def parts_of(tmp_path, data, source, of, without=None, **settings):
    entry = PART_SOURCES[of]
    settings_of_job = {
        "builder": entry.builder,
        "settings": {**entry.settings, **settings},
        "data": data,
        "removal": {"without": without, "images": SUBSET, "seed": 0} if without else None,
    }
    folder = tmp_path / f"parts-{of}"
    inputs = {"dataset": str(tmp_path / "dataset")}
    make(Job("parts", of, "1" * 12, settings_of_job, inputs, folder, {"source": str(source)}))
    return folder


@pytest.fixture
def drawn(tmp_path):
    """A recipe of composed objects, and its settings as a data set."""
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({"train": 60, "test": 40, "seed": 3}))
    return recipe, dataset_of(tmp_path, "composed-parts", recipe)


def test_the_maps_of_drawn_objects_are_those_that_they_were_drawn_with(tmp_path, drawn):
    recipe, data = drawn
    found = PartMaps.load(parts_of(tmp_path, data, recipe, "annotated") / MAPS_FILE)
    _, maps = composed.render(Recipe.read(recipe).scenes("test"), SIZE)
    assert found.index.tolist() == list(range(60, 100))
    assert np.array_equal(found.maps, maps)
    assert found.names == NAMES and found.kind == "parts"
    assert found.deciding.sum(axis=1).tolist() == [2] * 10


def test_every_visible_part_of_the_subset_is_drawn_away_once(tmp_path, drawn):
    recipe, data = drawn
    folder = parts_of(tmp_path, data, recipe, "annotated", DRAWN)
    removed, maps = Removed.load(folder / REMOVED_FILE), PartMaps.load(folder / MAPS_FILE)
    test = load(tmp_path / "dataset").split("test")
    chosen = stratified_subset(test.labels, test.indices, SUBSET, 0).numpy()
    seen = [(i, p) for i in test.indices[chosen].tolist() for p in range(1, len(NAMES) + 1)
            if (maps.at(np.array([i])) == p).any()]  # fmt: skip
    assert list(zip(removed.indices.tolist(), removed.parts.tolist(), strict=True)) == seen
    scenes = Recipe.read(recipe).scenes("test")
    for picture, index, part in zip(removed.pixels, removed.indices, removed.parts, strict=True):
        own = scenes.take(np.array([index - 60]))
        expected, _ = composed.render(own.without(NAMES[part - 1]), SIZE)
        assert np.array_equal(picture.transpose(1, 2, 0), expected[0])


def test_regions_of_any_data_are_filled(tmp_path, drawn):
    recipe, data = drawn
    folder = parts_of(tmp_path, data, recipe, "grid", FILLED, rows=2, columns=2)
    removed, maps = Removed.load(folder / REMOVED_FILE), PartMaps.load(folder / MAPS_FILE)
    assert maps.kind == "regions" and maps.names == ("r1c1", "r1c2", "r2c1", "r2c2")
    assert len(removed.parts) == SUBSET * 4
    test = load(tmp_path / "dataset").split("test")
    row = int(np.flatnonzero(test.indices.numpy() == removed.indices[5])[0])
    own = test.images[row : row + 1].numpy()
    expected = regions.without(own, maps.at(removed.indices[5:6]), int(removed.parts[5]))
    assert np.array_equal(removed.pixels[5], expected[0])


def test_what_is_wrong_with_annotations_is_counted_and_named(tmp_path):
    source = annotated_folder.__wrapped__(tmp_path)
    hidden = {3: (1, 2, 3), 5: (2, 3)}
    lines = [line for n in range(1, 7) for line in points(n, hidden.get(n, ()))]
    write(source, "parts/part_locs.txt", lines)
    write(source, "image_class_labels.txt", [f"{n} {1 + (n > 3)}" for n in range(1, 7)])
    write(source, "train_test_split.txt", [f"{n} {int(n not in (3, 5))}" for n in range(1, 7)])
    write(source, "classes.txt", ["1 001.Gull", "2 002.Tern"])
    data = dataset_of(tmp_path, "annotated-parts", source)
    folder = parts_of(tmp_path, data, source, "annotated")
    found = store.read_json(folder / FINDINGS_FILE)
    assert found["faults"]["no part is visible"] == ["002.Bird/Bird_3.png"]
    assert found["faults"]["fewer than 3 parts are visible"] == ["002.Bird/Bird_5.png"]
    assert any(s.startswith("no part is visible: 1 (") for s in found["sentences"])
    facts = store.read_json(folder / "run.json")["facts"]
    assert facts["findings"]["no part is visible"] == 1


def test_a_reader_that_knows_no_parts_is_refused(tmp_path, drawn):
    recipe, data = drawn
    other = {**data, "reader": "tests.unit.data.test_parts:read_plain"}
    with pytest.raises(BadData, match="knows no parts"):
        parts_of(tmp_path, other, recipe, "annotated")


def read_plain(path, image_size, fit):
    return object()
