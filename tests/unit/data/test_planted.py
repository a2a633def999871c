"""Planted data: exact counts by hand, and nothing changed but the patch."""

from __future__ import annotations

import numpy as np
import pytest

from distilscope import store
from distilscope.analyses.shortcuts.planted import choose, draw, plant
from distilscope.data.dataset import load
from distilscope.data.raw import BadData
from distilscope.planning.job import Job

PATCH = {"size": 3, "value": [250, 5, 0], "place": [1, 4]}
SETTINGS = {"class": 1, "probability": 0.9, "elsewhere": 0.1, "patch": PATCH, "seed": 5}
CLASSES = 3


def arrays(held_out=4, train=20, test=10):
    """Each class has `train` images, `held_out` of them held out, and `test` test images."""
    generator = np.random.default_rng(0)
    labels = {"train": np.tile(np.arange(CLASSES), train), "test": np.tile(range(CLASSES), test)}
    found = {}
    for part, first in (("train", 0), ("test", 1000)):
        n = len(labels[part])
        found[f"{part}.images"] = generator.integers(0, 200, (n, 3, 8, 8), np.uint8)
        found[f"{part}.labels"] = labels[part].astype(np.int64)
        found[f"{part}.indices"] = first + 3 * np.arange(n)
    found["train.held_out"] = np.arange(CLASSES * train) < CLASSES * held_out
    return found


def by_class(labels, chosen):
    return np.bincount(labels[chosen], minlength=CLASSES).tolist()


def test_every_split_has_the_rounded_share_of_each_class():
    found = arrays()
    chosen, held = choose(found, CLASSES, SETTINGS), found["train.held_out"]
    labels = found["train.labels"]
    # of 16 trained on: 14.4 and 1.6; of 4 held out: 3.6 and 0.4; of 10 test images: 9 and 1
    assert by_class(labels, chosen["train"] & ~held) == [2, 14, 2]
    assert by_class(labels, chosen["train"] & held) == [0, 4, 0]
    assert by_class(found["test.labels"], chosen["test"]) == [1, 9, 1]


def test_which_images_depends_on_seed_and_index_and_not_on_their_order():
    found = arrays()
    order = np.random.default_rng(1).permutation(len(found["train.labels"]))
    moved = dict(found)
    for key in ("images", "labels", "indices", "held_out"):
        moved[f"train.{key}"] = found[f"train.{key}"][order]
    chosen = choose(found, CLASSES, SETTINGS)["train"]
    assert np.array_equal(choose(moved, CLASSES, SETTINGS)["train"], chosen[order])
    other = choose(found, CLASSES, {**SETTINGS, "seed": 6})["train"]
    assert not np.array_equal(other, chosen)
    assert chosen.sum() == other.sum()


def test_the_patch_is_at_its_place_in_its_colour_and_nothing_else_changes():
    images = arrays()["test.images"]
    drawn = draw(images, PATCH)
    for y in range(8):
        for x in range(8):
            inside = 1 <= y < 4 and 4 <= x < 7
            expected = np.array([[250, 5, 0]] * len(images)) if inside else images[:, :, y, x]
            assert np.array_equal(drawn[:, :, y, x], expected)


def test_what_can_not_be_planted_is_refused():
    with pytest.raises(BadData, match=r"class 3.*0 to 2"):
        choose(arrays(), CLASSES, {**SETTINGS, "class": 3})
    with pytest.raises(BadData, match=r"\[1, 6\] reaches over the edge of images of 8x8"):
        draw(arrays()["test.images"], {**PATCH, "place": [1, 6]})


def test_the_job_keeps_labels_indices_and_normalisation_and_records_its_counts(tmp_path):
    found = arrays()
    about = {"classes": ["a", "b", "c"], "image_size": 8, "mean": [0.3] * 3, "std": [0.2] * 3}
    store.write_tensors(tmp_path / "clean/images.safetensors", found)
    store.write_json(tmp_path / "clean/manifest.json", about)
    inputs = {"dataset": str(tmp_path / "clean")}
    plant(Job("planted", "x", "0" * 12, SETTINGS, inputs, tmp_path / "planted"))
    clean, made = load(tmp_path / "clean"), load(tmp_path / "planted")
    assert made.mean == clean.mean and made.std == clean.std
    stored = store.read_tensors(tmp_path / "planted/images.safetensors")
    for split, part in (("train", "train"), ("held-out", "train"), ("test", "test")):
        before, after = clean.split(split), made.split(split)
        assert after.labels.equal(before.labels) and after.indices.equal(before.indices)
        changed = (after.images != before.images).any(dim=(1, 2, 3)).numpy()
        rows = np.isin(stored[f"{part}.indices"], after.indices.numpy())
        assert np.array_equal(changed, stored[f"{part}.planted"][rows])
    manifest = store.read_json(tmp_path / "planted/manifest.json")
    assert manifest["planted"]["counts"] == {
        "train": [2, 14, 2],
        "held-out": [0, 4, 0],
        "test": [1, 9, 1],
    }
    assert manifest["planted"]["class"] == 1
