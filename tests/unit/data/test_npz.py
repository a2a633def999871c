import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from distilscope.data import readers
from distilscope.data.prepare import arrange
from distilscope.data.raw import BadData
from distilscope.data.readers import read_npz
from distilscope.store import digest_file

from .data_sources import BUNDLED, made_up, npz_fields, settings


def written(path: Path, without=(), **changes) -> Path:
    fields = {**npz_fields(made_up()), **changes}
    np.savez_compressed(path, **{k: v for k, v in fields.items() if k not in without})
    return path


@pytest.mark.parametrize("shape", [(6, 6), (6, 6, 3)])
def test_arrays_come_back_as_they_were_written(tmp_path, shape):
    raw = made_up(shape=shape)
    np.savez(tmp_path / "own.npz", **npz_fields(raw))
    read = read_npz(tmp_path / "own.npz", 32)
    assert read.classes == ("cat", "dog", "eel")
    assert np.array_equal(read.train.images, raw.train.images)
    assert np.array_equal(read.test.labels, raw.test.labels)
    assert np.array_equal(read.test.indices, 15 + np.arange(9))


def test_indices_of_a_subset_are_kept_and_names_are_optional(tmp_path):
    train, test = np.arange(15) * 3, 1000 + np.arange(9)
    file = written(
        tmp_path / "a.npz", without=["class_names"], train_indices=train, test_indices=test
    )
    read = read_npz(file, 32)
    assert read.classes == ("0", "1", "2")
    assert np.array_equal(read.train.indices, train)
    assert np.array_equal(read.test.indices, test)


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint16", "uint64", ">i4"])
def test_labels_of_any_integer_type_are_positions_of_classes(tmp_path, kind):
    raw = made_up()
    file = written(
        tmp_path / "a.npz",
        without=["class_names"],
        train_labels=raw.train.labels.astype(kind),
        test_labels=raw.test.labels.astype(kind),
        train_indices=np.arange(15, dtype="uint64"),
        test_indices=np.arange(9) + 15,
    )
    read = read_npz(file, 32)
    assert read.classes == ("0", "1", "2")
    assert read.train.labels.tolist() == raw.train.labels.tolist()
    prepared = arrange(read, settings(limit={"train": 4, "test": None}))
    assert np.bincount(prepared.train.labels).tolist() == [4, 4, 4]


def test_a_last_axis_of_one_is_no_axis(tmp_path):
    raw = made_up()
    file = written(
        tmp_path / "keras.npz",
        train_images=raw.train.images[..., None],
        test_images=raw.test.images[..., None],
        train_labels=raw.train.labels[:, None].astype("uint8"),
        test_labels=raw.test.labels[:, None],
    )
    read = read_npz(file, 32)
    assert read.grey
    assert np.array_equal(read.train.images, raw.train.images)
    assert read.test.labels.tolist() == raw.test.labels.tolist()


@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize("named", [False, True])
def test_labels_that_are_text_are_names_of_classes(tmp_path, as_bytes, named):
    words = np.array(["forêt", "désert", "ville"])
    raw = made_up()
    labels = {f"{part}_labels": words[getattr(raw, part).labels] for part in ("train", "test")}
    order = ["ville", "forêt", "désert"] if named else sorted(words)
    fields = {**labels, "class_names": np.array(order)}
    if as_bytes:
        fields = {key: np.char.encode(value, "utf-8") for key, value in fields.items()}
    without = [] if named else ["class_names"]
    read = read_npz(written(tmp_path / "a.npz", without=without, **fields), 32)
    assert list(read.classes) == order
    assert [read.classes[label] for label in read.train.labels] == words[raw.train.labels].tolist()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"test_labels": np.array(["cat"] * 8 + ["cow"])}, "labels of one part are text"),
        (
            {
                "train_labels": np.array(["cat", "dog", "eel"] * 5),
                "test_labels": np.array(["cat"] * 8 + ["cow"]),
            },
            "the label 'cow' is none of class_names",
        ),
        ({"class_names": np.array([b"caf\xe9", b"b", b"c"])}, "a name is not UTF-8"),
        ({"train_labels": np.eye(3, dtype=np.int64)[[0, 1, 2] * 5]}, "expected one number an im"),
        ({"train_labels": np.array(["cat"] * 15, dtype=object)}, "save text with .astype(str)"),
    ],
)
def test_labels_that_can_not_be_meant_are_refused_in_words(tmp_path, changes, sentence):
    with pytest.raises(BadData) as refused:
        read_npz(written(tmp_path / "a.npz", **changes), 32)
    assert sentence in str(refused.value)
    assert "a.npz" in str(refused.value)


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (np.array([0, 1, 2] * 4 + [0, 1, 10**18]), "the largest label is 1000000000000000000"),
        (np.array([0.0, np.nan, 2.0] * 5), "labels are float64, expected integers or text"),
    ],
)
def test_labels_that_number_no_classes_are_refused(tmp_path, labels, sentence):
    file = written(tmp_path / "a.npz", without=["class_names"], train_labels=labels)
    with pytest.raises(BadData, match=sentence):
        read_npz(file, 32)


def test_missing_file_and_missing_array_are_named(tmp_path):
    with pytest.raises(BadData, match=r"none\.npz: there is no such file"):
        read_npz(tmp_path / "none.npz", 32)
    with pytest.raises(BadData, match=r"a\.npz: it has no array 'test_labels'"):
        read_npz(written(tmp_path / "a.npz", without=["test_labels"]), 32)
    with pytest.raises(BadData, match="give both or none"):
        read_npz(written(tmp_path / "b.npz", train_indices=np.arange(15)), 32)


def test_pickled_objects_are_refused(tmp_path):
    file = written(tmp_path / "a.npz", class_names=np.array(["cat", "dog", "eel"], dtype=object))
    with pytest.raises(BadData, match=r"'class_names' can't be read.*allow_pickle"):
        read_npz(file, 32)


def test_names_that_are_not_text_are_refused(tmp_path):
    file = written(tmp_path / "a.npz", class_names=np.arange(3))
    with pytest.raises(BadData, match="expected one text a class"):
        read_npz(file, 32)


def test_every_truncation_is_refused_by_name(tmp_path):
    whole = written(tmp_path / "whole.npz").read_bytes()
    file = tmp_path / "cut.npz"
    for length in range(0, len(whole), 97):
        file.write_bytes(whole[:length])
        with pytest.raises(BadData, match=r"cut\.npz"):
            read_npz(file, 32)


def test_an_altered_pixel_is_refused(tmp_path):
    file = tmp_path / "altered.npz"
    np.savez(file, **npz_fields(made_up()))
    content = bytearray(file.read_bytes())
    pixels = made_up().test.images.tobytes()
    content[content.find(pixels) + 5] ^= 1
    file.write_bytes(content)
    with pytest.raises(BadData, match=r"altered\.npz: array 'test_images'"):
        read_npz(file, 32)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "DECODED_LIMIT_BYTES", 1_000_000)
    file = written(tmp_path / "bomb.npz", train_images=np.zeros((15, 600, 600), np.uint8))
    assert file.stat().st_size < 100_000
    with pytest.raises(BadData, match=r"bomb\.npz: its arrays take .* are accepted"):
        read_npz(file, 32)


def test_an_array_header_that_promises_more_than_there_is_is_refused(tmp_path):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999999, 28, 28), }\n"
    lie = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    file = written(tmp_path / "lie.npz", without=["train_images"])
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("train_images.npy", lie)
    with pytest.raises(BadData, match=r"lie\.npz: array 'train_images'"):
        read_npz(file, 32)


def test_bytes_behind_an_array_are_refused(tmp_path):
    content = io.BytesIO()
    np.lib.format.write_array(content, made_up().train.images)
    file = written(tmp_path / "longer.npz", without=["train_images"])
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("train_images.npy", content.getvalue() + b"x")
    with pytest.raises(BadData, match=r"'train_images' can't be read \(bytes follow its data\)"):
        read_npz(file, 32)


def test_bundled_set_is_the_documented_file_balanced_and_without_overlap():
    readme = (BUNDLED.parent / "README.md").read_text()
    assert digest_file(BUNDLED) in readme
    assert BUNDLED.stat().st_size < 8_000_000
    raw = read_npz(BUNDLED, 32)
    assert raw.train.images.shape == (8000, 28, 28)
    assert np.bincount(raw.train.labels).tolist() == [800] * 10
    assert np.bincount(raw.test.labels).tolist() == [200] * 10
    assert raw.classes[0] == "T-shirt/top" and raw.classes[9] == "Ankle boot"
    assert raw.train.indices.max() < 60_000 <= raw.test.indices.min()
    train, test = ({i.tobytes() for i in part.images} for part in (raw.train, raw.test))
    assert len(train) == 8000 and not train & test
