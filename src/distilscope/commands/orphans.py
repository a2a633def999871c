"""Results that no configuration asks for."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Set
from pathlib import Path

from distilscope import store
from distilscope.commands.configured import possible_studies, read
from distilscope.configuration.kinds import ConfigurationError, NotHere
from distilscope.planning import record
from distilscope.planning.artefact import FOLDERS, RESULTS, STORE
from distilscope.words import listed

CHECKPOINTS = RESULTS / "checkpoints"


def folders_of(path: Path, root: Path) -> set[Path]:
    """The folders of the store, and of checkpoints, that a configuration asks for.

    Raises:
        ConfigurationError: it can't be used, so that it is unknown what it asks for.
    """
    asked: set[Path] = set()
    for study in possible_studies(path, root):
        asked.update(artefact.folder for artefact in study.artefacts.values())
        asked.update(CHECKPOINTS / model.artefact.name for model in study.models)
    return asked


def orphans(asked: Set[Path]) -> list[Path]:
    """The artefacts in the store, and the checkpoints, that are none of these.

    What no job made is none of them: a link, whose files lie elsewhere, and a folder whose name
    ends in no identity.
    """
    return [folder for folder in _folders() if _is_ours(folder) and folder not in asked]


def foreign(asked: Set[Path]) -> list[Path]:
    """What lies among the artefacts and is no artefact: it is never removed."""
    return [path for path in _folders() if not _is_ours(path) and path not in asked]


def _folders() -> list[Path]:
    places = [*(STORE / folder for folder in FOLDERS.values()), CHECKPOINTS]
    linked = [place for place in places if place.is_symlink()]
    real = (place for place in places if place.is_dir() and not place.is_symlink())
    return sorted(linked + [path for place in real for path in place.iterdir()])


def _is_ours(path: Path) -> bool:
    named = store.IDENTITY.search(path.name) is not None
    return named and path.is_dir() and not path.is_symlink()


def remove(folders: Iterable[Path]) -> None:
    """Remove folders of results. What says that a result is whole goes first."""
    for folder in folders:
        (folder / "run.json").unlink(missing_ok=True)
        shutil.rmtree(folder)


def size(folder: Path) -> int:
    """Bytes of the files in it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _asked_here(path: Path, root: Path) -> set[Path] | None:
    """As `folders_of`, or None, with a line that says so, where its files aren't on this machine.

    Without its images a study can have no results here, unless they were removed since. So one
    that has published any is refused: nobody knows which of the results are its own.

    Raises:
        ConfigurationError: it can't be used.
    """
    try:
        return folders_of(path, root)
    except NotHere as missing:
        if (RESULTS / read(path).study).exists():
            raise
        print(f"{path.relative_to(root)} is passed over: {missing}")
        return None


def _unknown(known: Iterable[Path]) -> list[Path]:
    """Published studies of which no configuration is known: their results have no one to ask."""
    names = {read(path).study for path in known}
    published = sorted(path.parent for path in RESULTS.glob(f"*/{record.FILE}"))
    return [folder for folder in published if folder.name not in names]


def main(paths: list[Path], confirmed: bool) -> int:
    """List what no configuration under config/, or of `paths`, asks for; remove it if confirmed.

    Raises:
        ConfigurationError: snakemake runs here, or a published study's configuration is not known.
    """
    root = Path.cwd()  # results lie here, wherever the workflow does
    here = sorted({*(root / "config").rglob("*.yaml"), *root.glob("*/audit.yaml")})
    shipped = ((path, _asked_here(path, root)) for path in here)
    known = {path: asked for path, asked in shipped if asked is not None}
    known |= {path: folders_of(path, root) for path in paths if path not in known}
    found = orphans(set().union(*known.values()))
    for path in foreign(set().union(*known.values())):
        print(f"{path} is no result of a job here, and is left alone")
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
    if unknown := _unknown(known):
        named = listed([str(folder) for folder in unknown])
        raise ConfigurationError(
            f"nothing was removed: {named} was published by a configuration that is not under "
            "config/. Name it with --configuration, or remove that folder first"
        )
    if any((root / ".snakemake" / "locks").glob("*")):
        raise ConfigurationError(
            "nothing was removed: snakemake is running here, or was killed (then: "
            "snakemake --unlock)"
        )
    remove(found)
    print("Removed.")
    return 0
