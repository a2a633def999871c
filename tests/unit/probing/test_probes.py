"""Made probes: exact areas by counting and by brute force, keyed by dataset index."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from torch import from_numpy, nn

from distilscope import store
from distilscope.analyses.shortcuts.made_probes import PROBES
from distilscope.analyses.shortcuts.probes.make import make
from distilscope.analyses.shortcuts.probes.masked import central_area, cover, shifted
from distilscope.data.probes import read_part
from distilscope.planning.job import Job

SIZE, TOP = 16, 0.2
AREA = 51  # round(0.2 * 16 * 16)


@pytest.fixture
def dataset(tmp_path):
    """Nine images that are not in the order of their indices."""
    generator = np.random.default_rng(2)
    order = generator.permutation(9)
    folder = tmp_path / "data"
    arrays = {
        "test.images": generator.integers(0, 256, (9, 3, SIZE, SIZE), np.uint8),
        "test.labels": np.arange(9)[order] % 3,
        "test.indices": 700 + 5 * order,
    }
    store.write_tensors(folder / "images.safetensors", arrays)
    about = {"classes": ["a", "b", "c"], "mean": [0.1, 0.5, 0.9]}
    store.write_json(folder / "manifest.json", about)
    return folder


@pytest.fixture
def observation(tmp_path):
    """Maps of 4x4 for each prediction; image 710 has one positive cell in a corner, too few."""
    generator = np.random.default_rng(3)
    index = 700 + 5 * np.arange(9)
    maps = generator.random((9, 4, 4)).astype(np.float32)
    maps[2] = -1
    maps[2, 0, 0] = 0.01
    logits = generator.standard_normal((9, 3)).astype(np.float32)
    folder = tmp_path / "seen" / "test"
    table = {"index": index, "label": np.arange(9) % 3, "logits": list(logits)}
    store.write_table(folder / "logits.parquet", pd.DataFrame(table))
    rows = {"index": index, "class": logits.argmax(1).astype(np.int16), "layer": "last"}
    table = pd.DataFrame({**rows, "map": list(maps.reshape(9, -1))})
    store.write_table(folder / "saliency.gradcam.parquet", table, {"grids": {"last": [4, 4]}})
    return tmp_path / "seen", maps


def job(builder, tmp_path, inputs, **settings):
    settings = {"builder": PROBES[builder].builder, **settings}
    inputs = {name: str(folder) for name, folder in inputs.items()}
    return Job("probe", builder, "0" * 12, settings, inputs, tmp_path / builder)


def masked(tmp_path, dataset, observation):
    made = job(
        "masked",
        tmp_path,
        {"dataset": dataset, "observation": observation[0]},
        probe="test",
        layer="last",
        method="gradcam",
        top=TOP,
        seed=1,
    )
    make(made)
    return made.folder


def clean(dataset):
    arrays = store.read_tensors(dataset / "images.safetensors")
    order = np.argsort(arrays["test.indices"])
    return [arrays[f"test.{k}"][order] for k in ("images", "labels", "indices")]


def test_every_builder_makes_the_parts_that_the_catalogue_lists(tmp_path, dataset, observation):
    masked(tmp_path, dataset, observation)
    patch = {"size": 2, "value": [1, 2, 3], "place": [0, 0]}
    make(job("patched", tmp_path, {"dataset": dataset}, patch=patch))
    make(job("plain", tmp_path, {"dataset": dataset}))
    for name, entry in PROBES.items():
        about = store.read_tensors_metadata(tmp_path / name / "images.safetensors")
        assert tuple(about["parts"]) == entry.parts
    with pytest.raises(ValueError, match=r"no part 'worn'.*patch-on, patch-off"):
        read_part(tmp_path / "patched", "worn")


def test_rows_are_in_the_order_of_dataset_indices(tmp_path, dataset):
    patch = {"size": 2, "value": [1, 2, 3], "place": [0, 0]}
    make(job("patched", tmp_path, {"dataset": dataset}, patch=patch))
    images, labels, indices = clean(dataset)
    off, on = (read_part(tmp_path / "patched", f"patch-{s}") for s in ("off", "on"))
    assert np.array_equal(off["images"], images)
    assert np.array_equal(off["indices"], indices) and np.array_equal(off["labels"], labels)
    assert (on["images"][:, :, :2, :2] == np.array([1, 2, 3])[:, None, None]).all()
    assert np.array_equal(on["images"][:, :, 2:], images[:, :, 2:])


def test_all_areas_cover_exactly_as_much_with_the_mean_colour(tmp_path, dataset, observation):
    folder = masked(tmp_path, dataset, observation)
    images, _, _ = clean(dataset)
    colour = np.array([26, 128, 230], np.uint8)[:, None, None]  # round(255 * mean)
    stored = store.read_tensors(folder / "images.safetensors")
    for part in PROBES["masked"].parts:
        covered = (stored[f"{part}.images"] == colour).all(axis=1)
        same = (stored[f"{part}.images"] == images).all(axis=1)
        assert (covered | same).all()
        wanted = np.where(stored[f"{part}.defined"], AREA, 0)
        assert covered.sum(axis=(1, 2)).tolist() == wanted.tolist()
    assert stored["masked-top.defined"].tolist() == [i != 2 for i in range(9)]
    assert stored["masked-centre.defined"].all()


def test_the_top_area_holds_the_largest_pixels_of_torchs_upsampled_map(
    tmp_path, dataset, observation
):
    part = read_part(masked(tmp_path, dataset, observation), "masked-top")
    images, _, _ = clean(dataset)
    up = nn.functional.interpolate(
        from_numpy(observation[1])[:, None].double(), SIZE, mode="bilinear", align_corners=False
    )[:, 0].numpy()
    for row in (0, 1, 3, 8):
        covered = (part["images"][row] != images[row]).any(axis=0)
        assert up[row][covered].min() >= np.sort(up[row].ravel())[-AREA] - 1e-9


def test_the_central_area_is_nearest_to_the_middle_by_brute_force():
    for size in ((7, 7), (6, 9)):
        area = central_area(size, 0.3)
        middle = (size[0] - 1) / 2, (size[1] - 1) / 2
        distance = np.array(
            [
                [np.hypot(y - middle[0], x - middle[1]) for x in range(size[1])]
                for y in range(size[0])
            ]
        )
        assert area.sum() == round(0.3 * size[0] * size[1])
        assert distance[area].max() <= distance[~area].min() + 1e-9


def test_the_random_area_is_the_same_shape_elsewhere_and_its_own_for_each_image():
    area = np.zeros((5, 8, 8), bool)
    area[:, 1:3, 2:5] = True
    moved = shifted(area, np.arange(100, 105), seed=0)
    for own in moved:
        rolls = [np.roll(area[0], (y, x), (0, 1)) for y in range(8) for x in range(8)]
        assert sum(np.array_equal(own, roll) for roll in rolls) == 1
        assert not np.array_equal(own, area[0])
    assert len({own.tobytes() for own in moved}) > 1
    assert np.array_equal(shifted(area[2:3], np.array([102]), 0)[0], moved[2])


def test_a_reference_that_saw_other_images_is_refused(tmp_path, dataset, observation):
    path = observation[0] / "test/logits.parquet"
    store.write_table(path, store.read_table(path).iloc[1:])
    with pytest.raises(ValueError, match="other images"):
        masked(tmp_path, dataset, observation)


def test_covering_leaves_what_is_outside():
    pixels = np.arange(12, dtype=np.uint8).reshape(1, 3, 2, 2)
    area = np.array([[[True, False], [False, False]]])
    covered = cover(pixels, area, np.array([90, 91, 92], np.uint8))
    assert covered[0].tolist() == [[[90, 1], [2, 3]], [[91, 5], [6, 7]], [[92, 9], [10, 11]]]


def test_a_probe_of_some_images_has_as_many_of_each_class_and_the_same_areas(
    tmp_path, dataset, observation
):
    asked = {"probe": "test", "layer": "last", "method": "gradcam", "top": TOP, "seed": 1}
    inputs = {"dataset": dataset, "observation": observation[0]}
    whole, some = (tmp_path / name for name in ("whole", "some"))
    make(job("masked", whole, inputs, **asked))
    make(job("masked", some, inputs, **asked, subset={"images": 6, "seed": 0}))
    for part in PROBES["masked"].parts:
        every, found = (read_part(folder / "masked", part) for folder in (whole, some))
        assert np.bincount(found["labels"]).tolist() == [2, 2, 2]
        assert (np.diff(found["indices"]) > 0).all()
        same = np.isin(every["indices"], found["indices"])
        assert np.array_equal(every["images"][same], found["images"])
