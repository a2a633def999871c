import importlib.util
from pathlib import Path

import numpy as np
import pytest

from distilscope.data import readers
from distilscope.data.raw import BadData
from distilscope.data.readers import read_idx, read_npz

from .data_sources import BUNDLED, idx_bytes, made_up, write_idx

WHOLE_SET = Path("/usr/share/datasets/fashion-mnist")
needs_whole_set = pytest.mark.skipif(
    not WHOLE_SET.is_dir(),
    reason=f"Debian's dataset-fashion-mnist is not installed ({WHOLE_SET} is missing)",
)


@pytest.mark.parametrize("compressed", [True, False])
def test_images_and_labels_come_back_as_they_were_written(tmp_path, compressed):
    raw = made_up(shape=(5, 7))
    write_idx(tmp_path, raw, compressed=compressed)
    read = read_idx(tmp_path, 32)
    assert np.array_equal(read.train.images, raw.train.images)
    assert np.array_equal(read.train.labels, raw.train.labels)
    assert np.array_equal(read.test.images, raw.test.images)
    assert read.test.indices[0] == 15
    assert read.classes == ("0", "1", "2")


def test_header_is_the_published_one():
    # The MNIST page: magic 2051 (2049 for labels), then sizes, big-endian.
    content = idx_bytes(np.zeros((1, 2, 3), np.uint8))
    assert content[:16] == bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3])


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_class_names_may_begin_with_a_byte_order_mark(tmp_path, start):
    write_idx(tmp_path, made_up())
    (tmp_path / "classes.txt").write_text(f"{start}cat\ndog\neel\n", encoding="utf-8")
    assert read_idx(tmp_path, 32).classes == ("cat", "dog", "eel")


def test_class_names_in_another_encoding_are_named(tmp_path):
    write_idx(tmp_path, made_up())
    (tmp_path / "classes.txt").write_text("chât\ndog\neel\n", encoding="latin-1")
    with pytest.raises(BadData, match=r"classes\.txt: it is not UTF-8"):
        read_idx(tmp_path, 32)


def test_class_names_are_read_from_classes_txt(tmp_path):
    write_idx(tmp_path, made_up())
    (tmp_path / "classes.txt").write_text("cat\ndog\neel\n")
    assert read_idx(tmp_path, 32).classes == ("cat", "dog", "eel")


def test_a_missing_file_is_named(tmp_path):
    write_idx(tmp_path, made_up())
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(BadData, match=r"there is no file t10k-labels-idx1-ubyte\.gz"):
        read_idx(tmp_path, 32)


@pytest.mark.parametrize("compressed", [True, False])
def test_every_truncation_is_refused_by_name(tmp_path, compressed):
    write_idx(tmp_path, made_up(), compressed=compressed)
    file = next(tmp_path.glob("train-images*"))
    whole = file.read_bytes()
    for length in [*range(0, len(whole), 41), len(whole) - 1]:
        file.write_bytes(whole[:length])
        with pytest.raises(BadData, match=file.name):
            read_idx(tmp_path, 32)


def test_any_altered_byte_of_the_compressed_pixels_is_refused(tmp_path):
    write_idx(tmp_path, made_up())
    file = tmp_path / "train-images-idx3-ubyte.gz"
    whole = file.read_bytes()
    # Behind the gzip header and the first byte of deflate, which has unused bits.
    for position in range(11, len(whole), 23):
        altered = bytearray(whole)
        altered[position] ^= 0x10
        file.write_bytes(altered)
        with pytest.raises(BadData, match=file.name):
            read_idx(tmp_path, 32)


def test_files_of_another_kind_or_length_are_refused(tmp_path):
    raw = made_up()
    write_idx(tmp_path, raw, compressed=False)
    images, labels = (tmp_path / f"train-{what}-ubyte" for what in ("images-idx3", "labels-idx1"))
    right = images.read_bytes()
    images.write_bytes(labels.read_bytes() + b"        ")
    with pytest.raises(BadData, match="first number is 2049, IDX files of it have 2051"):
        read_idx(tmp_path, 32)
    images.write_bytes(right + b"x")
    with pytest.raises(BadData, match="says 540 bytes and more follow"):
        read_idx(tmp_path, 32)
    images.write_bytes(idx_bytes(raw.train.images[:-1]))
    with pytest.raises(BadData, match="15 labels for 14 images"):
        read_idx(tmp_path, 32)


def test_a_header_that_promises_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "DECODED_LIMIT_BYTES", 500)
    write_idx(tmp_path, made_up())
    with pytest.raises(BadData, match="its header says"):
        read_idx(tmp_path, 32)


@needs_whole_set
def test_all_70000_images_of_the_installed_set_are_read():
    raw = read_idx(WHOLE_SET, 32)
    assert raw.train.images.shape == (60_000, 28, 28)
    assert raw.test.images.shape == (10_000, 28, 28)
    assert np.bincount(raw.train.labels).tolist() == [6000] * 10
    assert np.bincount(raw.test.labels).tolist() == [1000] * 10
    # The mean and standard deviation that are published for the train images.
    assert raw.train.images.mean() / 255 == pytest.approx(0.2860, abs=1e-4)
    assert raw.train.images.std() / 255 == pytest.approx(0.3530, abs=1e-4)


@needs_whole_set
def test_bundled_images_are_those_of_the_installed_set_at_their_indices():
    whole, subset = read_idx(WHOLE_SET, 32), read_npz(BUNDLED, 32)
    images = np.concatenate([whole.train.images, whole.test.images])
    labels = np.concatenate([whole.train.labels, whole.test.labels])
    for part in (subset.train, subset.test):
        assert np.array_equal(part.images, images[part.indices])
        assert np.array_equal(part.labels, labels[part.indices])


@needs_whole_set
def test_the_script_makes_the_bundled_file_again_byte_for_byte(tmp_path):
    script = BUNDLED.parent / "make_subset.py"
    spec = importlib.util.spec_from_file_location("make_subset", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write_npz(tmp_path / "again.npz", module.subset_arrays(WHOLE_SET))
    assert (tmp_path / "again.npz").read_bytes() == BUNDLED.read_bytes()
