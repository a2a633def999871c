"""The folder that people open: results/<study>/, copied from the study's files in the store."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from distilscope import store

MARKERS = ".*.published"
WITHDRAWN = ".withdrawn"
"""What a marker's name ends in while another configuration of the study is published."""
STAGING = ".publishing"
RECORD = "study.json"
PAGES = ("report.html", "summary.txt")
FIGURES = "figures"
FORMATS = ("svg", "png", "csv")


def names(tables: Iterable[str], figures: Iterable[str]) -> list[str]:
    """The files of a published study, relative to its folder.

    Args:
        tables, figures: the files of these artefacts.
    """
    return [
        RECORD,
        RECORD + store.DIGEST_SUFFIX,
        *PAGES,
        *(name for name in tables if name.endswith(".parquet")),
        *(f"{FIGURES}/{name}" for name in figures),
    ]


def publish(
    folders: Mapping[str, Path], published: Path, marker: Path, record: Mapping[str, Any]
) -> None:
    """Copy tables, figures and report to `published` and leave the marker of this study only.

    All is copied beside the folder's files first, and then takes their places by one rename a
    file, so that whoever reads the report meanwhile finds the old one or the new. Markers go
    before that: where this is interrupted none says that the folder is whole. What an earlier
    configuration published and this one does not is removed last; files of others stay.

    Args:
        folders: `tables`, `figures` and `report` -> where they are in the store.
        published: results/<study>.
        marker: the file whose name carries this study's identity; it lists what was published.
        record: what the study is made from; kept in `study.json` with the copies' digests.

    Raises:
        DamagedFile: a file of the store is missing or altered.
        CannotWrite: there is no room, or no right to write.
    """
    staged = published / STAGING
    _tidy(published, staged)
    try:
        _publish(_copies(folders), published, staged, marker, record)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _publish(
    copies: Mapping[str, Path],
    published: Path,
    staged: Path,
    marker: Path,
    record: Mapping[str, Any],
) -> None:
    for name, source in copies.items():
        store.verify(source)
        with store.atomic(staged / name, digest=False) as temporary:
            shutil.copyfile(source, temporary)
    digests = {name: store.digest_file(staged / name) for name in copies}
    store.write_json(staged / RECORD, {**record, "published": digests})
    old = _withdraw(published)
    (published / FIGURES).mkdir(exist_ok=True)
    for name in (*copies, RECORD + store.DIGEST_SUFFIX, RECORD):
        os.replace(staged / name, published / name)
    _remove(published, set(_listed(old)) - set(copies))
    with store.atomic(marker, digest=False) as temporary:
        temporary.write_text("\n".join(sorted(copies)) + "\n", encoding="utf-8")
    for path in old:
        path.unlink()


def _copies(folders: Mapping[str, Path]) -> dict[str, Path]:
    """Name in the published folder -> file of the store; the report is the last."""
    found = {path.name: path for path in sorted(folders["tables"].glob("*.parquet"))}
    for form in FORMATS:
        drawn = sorted(folders["figures"].glob(f"*.{form}"))
        found |= {f"{FIGURES}/{path.name}": path for path in drawn}
    return found | {name: folders["report"] / name for name in reversed(PAGES)}


def _tidy(published: Path, staged: Path) -> None:
    """Remove what a publication that was killed left behind."""
    published.mkdir(parents=True, exist_ok=True)
    if staged.is_symlink():
        staged.unlink()
    elif staged.exists():
        shutil.rmtree(staged)
    store.remove_parts(published)


def _withdraw(published: Path) -> list[Path]:
    """Take the markers' names away, and keep what they list until this study stands."""
    for marker in published.glob(MARKERS):
        os.replace(marker, marker.with_name(marker.name + WITHDRAWN))
    return sorted(published.glob(MARKERS + WITHDRAWN))


def _listed(markers: Iterable[Path]) -> list[str]:
    return [name for marker in markers for name in marker.read_text(errors="replace").splitlines()]


def _remove(published: Path, listed: Iterable[str]) -> None:
    """Remove published files; a list that names anything else is not believed."""
    for name in listed:
        path = published / name
        if _can_be_published(name) and not path.parent.is_symlink():
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                path.unlink()


def _can_be_published(name: str) -> bool:
    """Whether a file of that name can come from here: a table, a page, a figure."""
    path = PurePosixPath(name)
    if path.parts in {(page,) for page in PAGES}:
        return True
    if len(path.parts) == 1:
        return path.suffix == ".parquet"
    return (
        len(path.parts) == 2
        and path.parts[0] == FIGURES
        and path.parts[1] != ".."
        and path.suffix[1:] in FORMATS
    )


def summary(study: str) -> str:
    """The summary of a published study, and where its report is.

    Raises:
        FileNotFoundError: nothing is published under that name.
    """
    folder = Path("results") / study
    text = (folder / "summary.txt").read_text(encoding="utf-8")
    return f"{text}\nThe report: {folder / 'report.html'}"
