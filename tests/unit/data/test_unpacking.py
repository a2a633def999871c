"""Of an archive only the wanted files are taken, whatever else it holds."""

from __future__ import annotations

import io
import tarfile

import pytest

from distilscope.data import unpacking
from distilscope.data.raw import BadData
from distilscope.data.unpacking import take


def member(name, content=b"", **attributes):
    made = tarfile.TarInfo(name)
    made.size = len(content)
    for key, value in attributes.items():
        setattr(made, key, value)
    return made, content


def archive_of(folder, *members):
    path = folder / "some.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for made, content in members:
            archive.addfile(made, io.BytesIO(content))
    return path


def tree(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_wanted_files_come_to_their_places_and_no_other_does(tmp_path):
    archive = archive_of(tmp_path, member("a/one", b"1"), member("a/two", b"2"), member("b", b"3"))
    found = take(archive, {"a/one": tmp_path / "x/one", "b": tmp_path / "b", "c": tmp_path / "c"})
    assert found == {"a/one", "b"}
    assert (tmp_path / "x/one").read_bytes() == b"1"
    assert tree(tmp_path) == ["b", "some.tar.gz", "x/one"]


@pytest.mark.parametrize(
    "hostile",
    [
        [member("../outside", b"x")],
        [member("/outside", b"x")],
        [member("a/../../outside", b"x")],
        [member("link", type=tarfile.SYMTYPE, linkname=".."), member("link/outside", b"x")],
        [member("pipe", type=tarfile.FIFOTYPE), member("disk", type=tarfile.BLKTYPE)],
    ],
    ids=["parent", "absolute", "by way of a folder", "through a link", "devices"],
)
def test_nothing_is_written_outside_whatever_the_names(tmp_path, hostile):
    inside = tmp_path / "deep/inside"
    inside.mkdir(parents=True)
    archive = archive_of(inside, *hostile, member("wanted", b"1"))
    take(archive, {"wanted": inside / "wanted"})
    assert tree(tmp_path) == ["deep/inside/some.tar.gz", "deep/inside/wanted"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_under_a_wanted_name_is_refused(tmp_path, kind):
    (tmp_path / "secret").write_text("secret")
    archive = archive_of(tmp_path, member("wanted", type=kind, linkname=str(tmp_path / "secret")))
    with pytest.raises(BadData, match=r"some\.tar\.gz: wanted in it is a link"):
        take(archive, {"wanted": tmp_path / "wanted"})
    assert not (tmp_path / "wanted").exists()


def test_a_bomb_is_refused_before_it_unpacks(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "LIMIT_BYTES", 10_000)
    archive = archive_of(tmp_path, member("bomb", bytes(20_000)), member("wanted", b"1"))
    with pytest.raises(BadData, match=r"some\.tar\.gz: it unpacks to more than"):
        take(archive, {"wanted": tmp_path / "wanted", "bomb": tmp_path / "bomb"})
    assert tree(tmp_path) == ["some.tar.gz"]


def test_an_archive_of_endlessly_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "LIMIT_FILES", 5)
    archive = archive_of(tmp_path, *(member(f"file{n}") for n in range(6)), member("wanted", b"1"))
    with pytest.raises(BadData, match="or 5 files"):
        take(archive, {"wanted": tmp_path / "wanted"})


def test_every_truncation_is_refused_by_name_or_gives_the_whole_file(tmp_path):
    content = bytes(range(256)) * 40
    archive = archive_of(tmp_path, member("wanted", content))
    whole = archive.read_bytes()
    for length in range(0, len(whole), 7):
        archive.write_bytes(whole[:length])
        try:
            take(archive, {"wanted": tmp_path / "wanted"})
        except BadData as fault:
            assert str(fault).startswith(f"{archive}: it can't be unpacked")
        else:
            assert (tmp_path / "wanted").read_bytes() == content


def test_what_is_no_archive_is_refused_by_name(tmp_path):
    (tmp_path / "some.tar.gz").write_bytes(b"<html>not found</html>")
    with pytest.raises(BadData, match=r"some\.tar\.gz: it can't be unpacked"):
        take(tmp_path / "some.tar.gz", {"wanted": tmp_path / "wanted"})
