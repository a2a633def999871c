import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision.transforms import functional

from distilscope import store
from distilscope.data.dataset import load
from distilscope.data.fit import pad, resize
from distilscope.data.prepare import arrange, channel_statistics, hold_out, prepare
from distilscope.data.raw import BadData, RawPart

from .data_sources import BUNDLED, job, made_up, npz_fields, settings


def reordered(part: RawPart, order) -> RawPart:
    return RawPart(part.images[order], part.labels[order], part.indices[order])


# ---------------------------------------------------------------------------------------- fit


def test_padding_is_centred_and_black_with_the_odd_pixel_right_and_below():
    image = np.array([[[1, 2], [3, 4]]], np.uint8)
    expected = [[0, 0, 0, 0, 0], [0, 1, 2, 0, 0], [0, 3, 4, 0, 0], [0] * 5, [0] * 5]
    assert pad(image, 5, "x")[0].tolist() == expected


def test_padding_an_image_that_is_larger_is_refused():
    with pytest.raises(BadData, match="6x9 pixels don't fit into image_size 8"):
        pad(np.zeros((1, 6, 9, 3), np.uint8), 8, "x")


def test_resizing_averages_as_torchvision_does():
    images = np.random.default_rng(0).integers(0, 256, (3, 20, 28, 3), dtype=np.uint8)
    ours = resize(images, 8, "x")
    floats = torch.from_numpy(images).permute(0, 3, 1, 2).double()
    oracle = functional.resize(floats, [8, 8], antialias=True).permute(0, 2, 3, 1).numpy()
    assert np.abs(ours - oracle).max() <= 1.01  # rounded after each of two passes


# ------------------------------------------------------------------------- held-out, limit, ...


def test_held_out_takes_the_rounded_fraction_of_each_class():
    raw = made_up((10, 26, 3), (1, 1, 1))
    chosen = hold_out(raw.train, 0.1, 0, raw)
    assert np.bincount(raw.train.labels[chosen]).tolist() == [1, 3, 1]


def test_held_out_leaves_one_of_each_class():
    raw = made_up((2, 3), (1, 1))
    chosen = hold_out(raw.train, 0.99, 0, raw)
    assert np.bincount(raw.train.labels[~chosen]).tolist() == [1, 1]


def test_held_out_images_depend_on_seed_and_not_on_the_order_of_images():
    raw = made_up((40, 40), (1, 1))
    order = np.random.default_rng(1).permutation(80)
    chosen = hold_out(raw.train, 0.25, 7, raw)
    shuffled = hold_out(reordered(raw.train, order), 0.25, 7, raw)
    assert np.array_equal(chosen[order], shuffled)
    assert not np.array_equal(chosen, hold_out(raw.train, 0.25, 8, raw))


@pytest.mark.parametrize("fraction", [0, 1, -0.1, float("nan")])
def test_a_fraction_outside_0_and_1_is_refused(fraction):
    raw = made_up()
    with pytest.raises(ValueError, match="held_out: fraction"):
        hold_out(raw.train, fraction, 0, raw)


def test_a_class_with_one_image_is_named():
    with pytest.raises(BadData, match=r"class 'dog' has 1 image\(s\) in train, 2 are needed"):
        arrange(made_up((4, 1, 4), (1, 1, 1)), settings())


def test_limit_keeps_the_first_of_each_class_by_index():
    raw = made_up((6, 6), (4, 4))
    order = np.random.default_rng(3).permutation(12)
    raw = replace(raw, train=reordered(raw.train, order))
    prepared = arrange(raw, settings(limit={"train": 3, "test": 2}))
    for part, source, n in ((prepared.train, raw.train, 3), (prepared.test, raw.test, 2)):
        firsts = [sorted(source.indices[source.labels == label])[:n] for label in (0, 1)]
        assert part.indices.tolist() == sorted(firsts[0] + firsts[1])
        for position, index in enumerate(part.indices):
            at = int(np.flatnonzero(source.indices == index)[0])
            assert part.labels[position] == source.labels[at]
            assert np.array_equal(part.images[position, 0, 1:7, 1:7], source.images[at])


def test_a_class_smaller_than_the_limit_is_taken_as_it_is_and_told(tmp_path):
    raw = made_up((5, 3, 2), (4, 4, 2))
    np.savez(tmp_path / "own.npz", **npz_fields(raw))
    prepare(job(tmp_path / "out", tmp_path / "own.npz", limit={"train": 3, "test": 3}))
    manifest = store.read_json(tmp_path / "out" / "manifest.json")
    counts = manifest["class_counts"]
    assert np.add(counts["train"], counts["held-out"]).tolist() == [3, 3, 2]
    assert counts["test"] == [3, 3, 2]
    assert [note.split(" have")[0] for note in manifest["notes"]] == [
        "limit.train is 3 and 1 class(es)",
        "limit.test is 3 and 1 class(es)",
    ]
    assert "'eel' has the fewest, 2" in manifest["notes"][0]
    assert store.read_json(tmp_path / "out" / "run.json")["facts"]["notes"] == manifest["notes"]


def test_the_order_of_classes_that_is_given_is_that_of_the_data_set(tmp_path):
    raw = made_up()
    np.savez(tmp_path / "own.npz", **npz_fields(raw))
    prepare(job(tmp_path / "out", tmp_path / "own.npz", classes=["eel", "dog", "cat"]))
    data = load(tmp_path / "out")
    assert list(data.classes) == ["eel", "dog", "cat"]
    assert data.split("test").labels.tolist() == (2 - raw.test.labels).tolist()


def test_colour_keeps_its_channels_and_grey_gets_three_equal_ones():
    colour, grey = made_up(shape=(8, 8, 3)), made_up(shape=(8, 8))
    prepared = arrange(colour, settings())
    assert np.array_equal(prepared.train.images[2, 1], colour.train.images[2, :, :, 1])
    prepared = arrange(grey, settings())
    for channel in range(3):
        assert np.array_equal(prepared.test.images[:, channel], grey.test.images)


def test_mean_and_std_are_those_of_the_training_part_alone():
    raw = made_up((20, 20), (2, 2), shape=(8, 8, 3))
    prepared = arrange(raw, settings(held_out={"fraction": 0.5, "seed": 1}))
    pixels = prepared.train.images[~prepared.held_out].astype(np.float64) / 255
    assert prepared.mean == pytest.approx(pixels.mean(axis=(0, 2, 3)), abs=1e-14)
    assert prepared.std == pytest.approx(pixels.std(axis=(0, 2, 3)), abs=1e-14)
    everything = prepared.train.images / 255
    assert prepared.mean != pytest.approx(everything.mean(axis=(0, 2, 3)), abs=1e-6)


def test_statistics_of_two_values_are_those_worked_by_hand():
    images = np.zeros((1, 1, 2, 2), np.uint8)
    images[0, 0, 0] = 255
    assert channel_statistics(images) == ([0.5], [0.5])


def test_images_of_one_colour_are_refused():
    raw = made_up()
    flat = RawPart(np.full_like(raw.train.images, 9), raw.train.labels, raw.train.indices)
    with pytest.raises(BadData, match="all one colour"):
        arrange(replace(raw, train=flat), settings(image_size=6))


# ---------------------------------------------------------------------------------- whole jobs


def test_prepared_folder_holds_arrays_manifest_and_run(tmp_path):
    raw = made_up((10, 10, 10), (3, 3, 3))
    np.savez(tmp_path / "own.npz", **npz_fields(raw))
    prepare(job(tmp_path / "out", tmp_path / "own.npz"))
    arrays = store.read_tensors(tmp_path / "out" / "images.safetensors")
    manifest = store.read_json(tmp_path / "out" / "manifest.json")
    assert {name: (a.dtype.name, a.shape) for name, a in arrays.items()} == {
        "train.images": ("uint8", (30, 3, 8, 8)),
        "train.labels": ("int64", (30,)),
        "train.indices": ("int64", (30,)),
        "train.held_out": ("bool", (30,)),
        "test.images": ("uint8", (9, 3, 8, 8)),
        "test.labels": ("int64", (9,)),
        "test.indices": ("int64", (9,)),
    }
    assert manifest["classes"] == ["cat", "dog", "eel"]
    assert manifest["counts"] == {"train": 24, "held-out": 6, "test": 9}
    assert manifest["class_counts"] == {"train": [8] * 3, "held-out": [2] * 3, "test": [3] * 3}
    assert manifest["grey_rule"] == "the grey value in each of three equal channels"
    assert manifest["source"] == str(tmp_path / "own.npz")
    for name, array in arrays.items():
        assert manifest["digests"][name] == hashlib.sha256(array.tobytes()).hexdigest()
    run = store.read_json(tmp_path / "out" / "run.json")
    assert run["settings"]["held_out"] == {"fraction": 0.2, "seed": 0}


def test_the_same_settings_give_the_same_bytes(tmp_path):
    np.savez(tmp_path / "own.npz", **npz_fields(made_up(shape=(5, 5, 3))))
    for folder in ("a", "b"):
        prepare(job(tmp_path / folder, tmp_path / "own.npz", fit="resize"))
    for file in ("images.safetensors", "manifest.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert store.read_json(tmp_path / "a" / "manifest.json")["grey_rule"] is None


def test_a_refused_source_leaves_no_run(tmp_path):
    np.savez(tmp_path / "own.npz", **npz_fields(made_up(shape=(9, 9))))
    with pytest.raises(BadData, match="don't fit into image_size 8"):
        prepare(job(tmp_path / "out", tmp_path / "own.npz"))
    assert not (tmp_path / "out").exists()


def test_the_bundled_set_is_prepared_whole(tmp_path):
    changes = {"image_size": 32, "held_out": {"fraction": 0.1, "seed": 0}}
    prepare(job(tmp_path, BUNDLED, **changes))
    data = load(tmp_path)
    assert [len(data.split(name)) for name in ("train", "held-out", "test")] == [7200, 800, 2000]
    # Of the whole set 0.2860 is published at 28x28; padding to 32x32 scales it by (28/32)^2.
    assert data.mean[0] == pytest.approx(0.2860 * (28 / 32) ** 2, abs=2e-3)
    assert data.mean[0] == data.mean[2]


def test_test_images_that_are_training_images_too_are_counted(tmp_path, caplog):
    """Two copies, one of them of a held-out image or not, and one that differs in one pixel."""
    raw = made_up()
    raw.test.images[3], raw.test.images[5] = raw.train.images[0], raw.train.images[7]
    raw.test.images[6] = raw.train.images[1]
    raw.test.images[6, 0, 0] ^= 1
    np.savez(tmp_path / "own.npz", **npz_fields(raw))
    prepare(job(tmp_path / "made", tmp_path / "own.npz"))
    (note,) = store.read_json(tmp_path / "made" / "run.json")["facts"]["notes"]
    first = raw.test.indices[3]
    assert note.startswith("2 of 9 test images are among the training images too")
    assert f"the first has index {first})" in note
    assert note in caplog.text
