"""Results that no configuration asks for."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from distilscope.commands.configured import possible_studies, read
from distilscope.settings import ConfigurationError, NotHere
from distilscope.study import FOLDERS, RESULTS, STORE

CHECKPOINTS = RESULTS / "checkpoints"


def orphans(configurations: Iterable[Path], root: Path) -> list[Path]:
    """The folders of the store, and of checkpoints, that none of these configurations asks for.

    Raises:
        ConfigurationError: one of them can't be used, so that it is unknown what it asks for.
    """
    asked: set[Path] = set()
    for path in configurations:
        for study in possible_studies(path, root):
            asked.update(artefact.folder for artefact in study.artefacts.values())
            asked.update(CHECKPOINTS / model.artefact.name for model in study.models)
    places = [*(STORE / folder for folder in FOLDERS.values()), CHECKPOINTS]
    found = [folder for place in places if place.is_dir() for folder in place.iterdir()]
    return sorted(folder for folder in found if folder.is_dir() and folder not in asked)


def remove(folders: Iterable[Path]) -> None:
    """Remove folders of results. What says that a result is whole goes first."""
    for folder in folders:
        (folder / "run.json").unlink(missing_ok=True)
        shutil.rmtree(folder)


def size(folder: Path) -> int:
    """Bytes of the files in it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _plannable(configurations: Iterable[Path], root: Path) -> Iterator[Path]:
    """Those configurations whose files are on this machine; of the others a line each.

    Without its images a study can have no results here, unless they were removed since. So one
    that has published any is refused: nobody knows which of the results are its own.

    Raises:
        ConfigurationError: one can't be used.
    """
    for path in configurations:
        try:
            for _ in possible_studies(path, root):
                pass
        except NotHere as missing:
            if (RESULTS / read(path).study).exists():
                raise
            print(f"{path.relative_to(root)} is passed over: {missing}")
        else:
            yield path


def main(paths: list[Path], root: Path, confirmed: bool) -> int:
    """List what no configuration under config/, or of `paths`, asks for; remove it if confirmed."""
    known = sorted({*_plannable((root / "config").rglob("*.yaml"), root), *paths})
    found = orphans(known, root)
    if not found:
        print(f"No orphans: {len(known)} configurations ask for all that is in {STORE}/.")
        return 0
    total = 0
    for folder in found:
        bytes_here = size(folder)
        total += bytes_here
        print(f"{bytes_here / 1e6:10.1f} MB  {folder}")
    print(f"{total / 1e6:10.1f} MB in {len(found)} folders; {len(known)} configurations were read.")
    if not confirmed:
        print("Nothing was removed. To remove them: make clean-orphans YES=1")
        return 0
    if any((root / ".snakemake" / "locks").glob("*")):
        raise ConfigurationError(
            "nothing was removed: snakemake is running here, or was killed (then: "
            "snakemake --unlock)"
        )
    remove(found)
    print("Removed.")
    return 0
