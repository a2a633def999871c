"""The digest of the user's files covers what is read, notices every change, and nothing else."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from distilscope.store import contents
from distilscope.store.contents import Content

IMAGE_FOLDER = "distilscope.data.listing:of_image_folder"
IDX = "distilscope.data.listing:of_idx"
ANNOTATED = "distilscope.data.listing:of_annotated_parts"


@pytest.fixture
def settled(monkeypatch):
    """Every file counts as unchanged for long enough to be remembered."""
    monkeypatch.setattr(contents, "UNSETTLED_NS", -1)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache.json"


@pytest.fixture
def mine(tmp_path):
    """A folder of pictures, and another set of pictures of one of its classes."""
    for place in (
        "mine/train/cats",
        "mine/train/dogs",
        "mine/test/cats",
        "mine/test/dogs",
        "other",
    ):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "1.png").write_bytes(place[-4:].encode())
    return tmp_path / "mine"


def test_the_digest_of_a_folder_is_that_of_its_names_and_contents(tmp_path, cache, settled):
    mine = tmp_path / "mine"
    (mine / "a").mkdir(parents=True)
    (mine / "a" / "1.png").write_bytes(b"one")
    (mine / "2.png").write_bytes(b"two")
    lines = [
        f"{hashlib.sha256(b'two').hexdigest()}  2.png",
        f"{hashlib.sha256(b'one').hexdigest()}  a/1.png",
    ]
    expected = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert contents.digest_path(mine, cache) == expected
    assert contents.digest_path(mine, cache) == expected  # now from the cache
    (mine / "2.png").write_bytes(b"TWO")
    assert contents.digest_path(mine, cache) != expected
    with pytest.raises(FileNotFoundError, match="nowhere"):
        contents.digest_path(tmp_path / "nowhere", cache)


def test_the_working_directory_has_the_digest_of_its_path(mine, tmp_path, settled, monkeypatch):
    """Whole names count: each begins at another letter than the path of the folder itself."""
    monkeypatch.chdir(mine)
    here = contents.digest_path(Path(), tmp_path / "one.json")
    assert here == contents.digest_path(mine, tmp_path / "other.json")


def test_what_is_remembered_is_not_read_again(mine, cache, settled, monkeypatch):
    before = contents.digest_path(mine, cache)
    monkeypatch.setattr(contents.store, "digest_file", lambda path: pytest.fail(f"{path} is read"))
    assert contents.digest_path(mine, cache) == before


def test_a_file_that_has_just_changed_is_not_remembered(mine, cache):
    """It may change again within the same tick of the file system's clock."""
    contents.digest_path(mine, cache)
    assert not cache.exists()


@pytest.mark.parametrize("files", [contents.FILES, IMAGE_FOLDER])
def test_a_class_that_is_a_link_to_a_folder_counts_by_its_pictures(mine, cache, files):
    shutil.rmtree(mine / "train" / "cats")
    (mine / "train" / "cats").symlink_to(mine.parent / "other")
    before = contents.digest_path(mine, cache, files)
    (mine.parent / "other" / "1.png").write_bytes(b"else")
    assert contents.digest_path(mine, cache, files) != before


@pytest.mark.parametrize("files", [contents.FILES, IMAGE_FOLDER])
def test_a_folder_that_lies_within_itself_is_refused(mine, cache, files):
    (mine / "train" / "cats" / "again").symlink_to(mine / "train")
    with pytest.raises(OSError, match="again is a link to a folder that it lies in"):
        contents.digest_path(mine, cache, files)


def test_two_links_to_one_folder_are_no_cycle(mine, cache):
    for name in ("birds", "mice"):
        (mine / "train" / name).symlink_to(mine.parent / "other")
    contents.digest_path(mine, cache)


def _times(path):
    found = path.stat()
    return found.st_atime_ns, found.st_mtime_ns


def _copied_over(picture, other):
    os.utime(other, ns=_times(picture))
    shutil.copy2(other, picture)


def _renamed_over(picture, other):
    os.utime(other, ns=_times(picture))
    other.rename(picture)


def _changed_in_place(picture, other):
    times = _times(picture)
    picture.write_bytes(other.read_bytes())
    os.utime(picture, ns=times)


@pytest.mark.parametrize("replace", [_copied_over, _renamed_over, _changed_in_place])
def test_another_file_of_equal_size_and_time_is_noticed(mine, cache, settled, replace):
    picture, other = mine / "train/cats/1.png", mine.parent / "other/1.png"
    before, times = contents.digest_path(mine, cache), _times(picture)[1]
    size = picture.stat().st_size
    replace(picture, other)
    assert (picture.stat().st_size, _times(picture)[1]) == (size, times)
    assert contents.digest_path(mine, cache) != before


def test_what_was_forgotten_is_read_again(mine, cache, settled, monkeypatch):
    """For file systems that know no time of change."""
    picture = mine / "train/cats/1.png"
    monkeypatch.setattr(contents, "state", lambda path: (path.stat().st_size, 0, 0, 0))
    before = contents.digest_path(mine, cache)
    picture.write_bytes(b"CATS")
    assert contents.digest_path(mine, cache) == before
    contents.forget(cache)
    assert contents.digest_path(mine, cache) != before


CLUTTER = [".DS_Store", "Thumbs.db", "THUMBS.DB", "._1.png", "desktop.ini", "ehthumbs.db", ".git"]


@pytest.mark.parametrize("place", [".", "train", "train/cats"])
@pytest.mark.parametrize("name", [*CLUTTER, "@eaDir/1.png", "__MACOSX/1.png"])
def test_clutter_changes_nothing(mine, cache, place, name):
    before = [contents.digest_path(mine, cache, files) for files in (contents.FILES, IMAGE_FOLDER)]
    stray = mine / place / name
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"?")
    after = [contents.digest_path(mine, cache, files) for files in (contents.FILES, IMAGE_FOLDER)]
    assert after == before


def test_a_file_beside_train_and_test_is_read_by_nobody(mine, cache):
    before = contents.digest_path(mine, cache, IMAGE_FOLDER)
    (mine / "labels.csv").write_text("1.png,cats\n")
    assert contents.digest_path(mine, cache, IMAGE_FOLDER) == before
    (mine / "train/cats/labels.csv").write_text("1.png,cats\n")  # which the reader refuses
    assert contents.digest_path(mine, cache, IMAGE_FOLDER) != before


def test_of_idx_files_those_count_that_the_reader_opens(tmp_path, cache):
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    for name in names:
        (tmp_path / f"{name}-ubyte.gz").write_bytes(name.encode())
    found = [contents.digest_path(tmp_path, cache, IDX)]
    (tmp_path / "README.txt").write_text("notes")
    assert contents.digest_path(tmp_path, cache, IDX) == found[0]
    for change in ("classes.txt", "train-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz"):
        (tmp_path / change).write_text("changed")
        found.append(contents.digest_path(tmp_path, cache, IDX))
    assert len(set(found)) == 4


def test_of_annotated_pictures_those_count_that_are_listed(tmp_path, cache):
    (tmp_path / "images/birds").mkdir(parents=True)
    (tmp_path / "parts").mkdir()
    (tmp_path / "images.txt").write_text("1 birds/a.png\n2 birds/b.png\n")
    for name in ("images/birds/a.png", "images/birds/c.png", "parts/part_locs.txt"):
        (tmp_path / name).write_bytes(b"1")
    before = contents.digest_path(tmp_path, cache, ANNOTATED)
    (tmp_path / "images/birds/c.png").write_bytes(b"2")
    (tmp_path / "attributes.txt").write_bytes(b"2")
    assert contents.digest_path(tmp_path, cache, ANNOTATED) == before
    changed = []
    for name in ("images/birds/a.png", "parts/part_locs.txt", "images/birds/b.png"):
        (tmp_path / name).write_bytes(b"2")
        changed.append(contents.digest_path(tmp_path, cache, ANNOTATED))
    assert len({before, *changed}) == 4


def test_a_damaged_cache_costs_time_alone(mine, cache, settled):
    before = contents.digest_path(mine, cache)
    for text in ("", "[]", "{", '{"/a": "b"}', '{"/a": [1, 2]}'):
        for remembered in (cache, *cache.parent.glob("f*.json")):
            remembered.write_text(text)
        assert contents.digest_path(mine, cache) == before


def test_a_content_is_what_its_place_holds_now(mine, cache):
    found = Content.now(mine, IMAGE_FOLDER, cache)
    assert found.digest == contents.digest_path(mine, cache, IMAGE_FOLDER)
    assert sorted(found.states()) == sorted(str(p) for p in mine.rglob("*.png"))


def test_of_a_folder_in_which_nothing_changed_no_digest_of_a_file_is_loaded(
    mine, cache, settled, monkeypatch
):
    """Of many images they take seconds; what changes, comes or goes is seen all the same."""
    before = contents.digest_path(mine, cache)
    for remembered in cache.parent.glob("folder-*.json"):
        remembered.write_text("damaged")
    with monkeypatch.context() as patched:
        patched.setattr(contents.store, "digest_file", pytest.fail)
        assert contents.digest_path(mine, cache) == before
    (picture, *_) = sorted(path for path in mine.rglob("*") if path.is_file())
    kept = picture.read_bytes()
    picture.write_bytes(kept + b"x")
    assert contents.digest_path(mine, cache) != before
    picture.write_bytes(kept)
    assert contents.digest_path(mine, cache) == before
    picture.rename(picture.with_name("renamed.png"))
    assert contents.digest_path(mine, cache) != before


def test_a_folder_with_a_file_that_has_just_changed_is_not_remembered(mine, cache):
    contents.digest_path(mine, cache)
    assert not cache.with_name(contents.FOLDERS).exists()
