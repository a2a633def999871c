"""Files appear whole, carry their digest, and a damaged one is named with its cure."""

from __future__ import annotations

import csv
import os
import subprocess

import numpy as np
import pandas as pd
import pytest

from distilscope import store
from distilscope.planning import record


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "results" / "store" / "models" / "tiny.0123456789ab"


def written(folder):
    """One file of each kind."""
    store.write_json(folder / "run.json", {"identity": "0123456789ab"})
    store.write_table(folder / "t.parquet", pd.DataFrame({"x": [1, 2]}), {"m": 1})
    store.write_tensors(folder / "w.safetensors", {"w": np.arange(6.0).reshape(2, 3)}, {"m": 2})
    store.write_array(folder / "a.npy", np.arange(4, dtype=np.int16))
    return {
        "run.json": store.read_json,
        "t.parquet": store.read_table,
        "w.safetensors": store.read_tensors,
        "a.npy": store.open_array,
    }


def test_what_was_written_is_read(folder):
    readers = written(folder)
    assert readers["run.json"](folder / "run.json") == {"identity": "0123456789ab"}
    assert readers["t.parquet"](folder / "t.parquet")["x"].tolist() == [1, 2]
    np.testing.assert_array_equal(
        readers["w.safetensors"](folder / "w.safetensors")["w"], [[0, 1, 2], [3, 4, 5]]
    )
    assert readers["a.npy"](folder / "a.npy").tolist() == [0, 1, 2, 3]
    assert store.read_table_metadata(folder / "t.parquet") == {"m": 1}
    assert store.read_tensors_metadata(folder / "w.safetensors") == {"m": 2}


@pytest.mark.parametrize("block_rows", [1, 3, 7, 100])
def test_rows_are_read_block_by_block_as_if_at_once(folder, monkeypatch, block_rows):
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (7, 2, 3), dtype=np.uint8)
    store.write_tensors(folder / "w.safetensors", {"images": images})
    monkeypatch.setattr("distilscope.store.reading.BLOCK_BYTES", block_rows * images[0].nbytes)
    masks = [np.array([1, 0, 0, 1, 0, 1, 1], bool), np.zeros(7, bool), np.ones(7, bool)]
    found = store.read_rows(folder / "w.safetensors", [("images", mask) for mask in masks])
    for rows, mask in zip(found, masks, strict=True):
        assert rows.dtype == np.uint8
        np.testing.assert_array_equal(rows, images[mask])


def test_rows_of_an_array_of_another_length_are_not_read(folder):
    written(folder)
    for rows in (1, 3):
        with pytest.raises(store.DamagedFile, match=f"w has 2 rows, expected {rows}"):
            store.read_rows(folder / "w.safetensors", [("w", np.ones(rows, bool))])


def test_the_same_content_gives_the_same_bytes(tmp_path):
    written(tmp_path / "one")
    written(tmp_path / "two")
    files = list((tmp_path / "one").iterdir())
    assert len(files) > 4
    for path in files:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_sha256sum_checks_the_digests(folder):
    written(folder)
    for path in folder.glob("*.sha256"):
        subprocess.run(["sha256sum", "--check", "--quiet", path.name], cwd=folder, check=True)
    assert len(list(folder.glob("*.sha256"))) == 4


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone", "no digest", "other file"])
@pytest.mark.parametrize("name", ["run.json", "t.parquet", "w.safetensors", "a.npy"])
def test_damage_is_named_with_the_command_that_rebuilds(folder, name, damage):
    reader = written(folder)[name]
    path = folder / name
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(content[:-1])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "gone":
        path.unlink()
    elif damage == "no digest":
        path.with_name(name + ".sha256").unlink()
    else:
        path.write_bytes(b"another file's bytes")
    with pytest.raises(store.DamagedFile) as fault:
        reader(path)
    assert name in str(fault.value)
    assert f"rm -r '{folder}'" in str(fault.value)


def test_a_failed_write_leaves_the_earlier_file_and_no_rest(tmp_path):
    path = tmp_path / "a.json"
    store.write_json(path, 1)

    def interrupted_write():
        with store.atomic(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted_write()
    assert store.read_json(path) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "a.json.sha256"]


def test_canonical_json_is_one_text_for_one_value():
    assert store.canonical_json({"b": 4.0, "a": [0.1]}) == '{"a":[0.1],"b":4}'
    assert store.canonical_json({"a": [1e-1], "b": 4}) == '{"a":[0.1],"b":4}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.canonical_json({"a": float("nan")})


@pytest.mark.parametrize("umask", [0o002, 0o027, 0o077])
def test_files_have_the_rights_that_the_umask_leaves(folder, umask):
    before = os.umask(umask)
    try:
        written(folder)
    finally:
        os.umask(before)
    rights = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert len(rights) == 8
    assert set(rights.values()) == {0o666 & ~umask}


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("+1+cmd", "'+1+cmd"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("-0.5", "-0.5"),
        ("trouser", "trouser"),
        ("a=b", "a=b"),
    ],
)
def test_a_text_is_no_formula_in_a_csv(tmp_path, typed, stored):
    table = pd.DataFrame({"class": [typed, None], "value": [-1.5, 2.0], typed: [True, False]})
    store.write_csv(tmp_path / "a.csv", table)
    with open(tmp_path / "a.csv", newline="") as handle:
        rows = list(csv.reader(handle))
    assert rows[0] == ["class", "value", stored]
    assert rows[1] == [stored, "-1.5", "True"]
    assert rows[2] == ["", "2.0", "False"]


@pytest.mark.parametrize("value", [{}, [], 3, None, {"published": 3}, {"published": None}])
def test_a_whole_file_of_another_content_is_told_with_the_key(folder, value):
    store.write_json(folder / "study.json", value)
    with pytest.raises(store.DamagedFile, match=r"study\.json.*'published' is to be dict"):
        store.read_json(folder / "study.json", published=dict)


@pytest.mark.parametrize("value", [[], 3, "x", None])
def test_a_run_file_that_is_no_object_is_told_by_what_verifies_it(folder, value):
    written(folder)
    store.write_json(folder / "run.json", value)
    for name in ("run.json", "a.npy"):
        with pytest.raises(store.DamagedFile, match=r"run\.json"):
            store.verify(folder / name)


@pytest.mark.parametrize(
    "changes", [{}, {"artefacts": [[1]]}, {"artefacts": [["model", "a", "b", "c"]]}, {"sources": 1}]
)
def test_a_record_of_a_study_that_is_odd_is_told(tmp_path, changes):
    whole = {"configuration": {}, "precision": "fp32", "artefacts": [], "sources": {}}
    content = {**whole, **changes} if changes else {}
    store.write_json(tmp_path / "small/study.json", content)
    with pytest.raises(store.DamagedFile, match=r"study\.json"):
        record.read("small", tmp_path)
