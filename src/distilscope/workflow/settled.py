"""A study as it is here: at the precision that its results have, and under its present names."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from distilscope import store
from distilscope.configuration.study import Configuration
from distilscope.planning.artefact import FOLDERS, STORE, Artefact
from distilscope.planning.models import ModelPlan
from distilscope.planning.study import Study
from distilscope.workflow import collecting
from distilscope.workflow.machine import precision_here

PRECISIONS = ("fp32", "bf16")
RESOLVED = STORE / "resolved"


def settle(configuration: Configuration, device: str, root: Path, *, quiet: bool = False) -> Study:
    """The study that a run here works on.

    Raises:
        ConfigurationError: see `Study`.
    """
    with collecting.held_back():
        study = _at_its_precision(configuration, device, root, quiet)
    link_renamed(study)
    return study


def _at_its_precision(configuration: Configuration, device: str, root: Path, quiet: bool) -> Study:
    """`auto` is the precision of the models that exist.

    Where none does, or as many at each, it is what was settled for a study of this name, which
    the nodes of a cluster have to agree on, and else what this machine is best at.
    """
    if configuration.precision != "auto":
        return Study(configuration, configuration.precision, root)
    kept = RESOLVED / f"{configuration.study}.json"
    own = _remembered(kept) or precision_here(device)
    study = Study(configuration, own, root)
    wanted, there = _count(study.models)
    if there < wanted:
        (other,) = (name for name in PRECISIONS if name != own)
        _, elsewhere = _count(ModelPlan(configuration, other, study.dataset).models)
        if elsewhere > there:
            if not quiet:
                print(
                    f"precision: auto is {other} for {configuration.study}: {elsewhere} of its "
                    f"{wanted} trained models exist at {other}, {there} at {own}; set `precision: "
                    f"{own}` to train them anew",
                    file=sys.stderr,
                )
            own, study = other, Study(configuration, other, root)
    if _remembered(kept) != own:
        with contextlib.suppress(store.CannotWrite):  # a plan over read-only results
            store.write_json(kept, {"precision": own, "device": device})
    return study


def _remembered(kept: Path) -> str | None:
    try:
        found = store.read_json(kept)
    except store.DamagedFile:
        return None
    precision = found.get("precision") if isinstance(found, dict) else None
    return precision if precision in PRECISIONS else None


def _count(models: Iterable) -> tuple[int, int]:
    """How many models are trained at a precision, and how many of them exist."""
    trained = [m.artefact for m in models if "precision" in m.artefact.settings]
    return len(trained), sum(_is_whole(artefact.folder) for artefact in trained)


def _is_whole(folder: Path) -> bool:
    return (folder / store.RUN_FILE).is_file()


def link_renamed(study: Study) -> list[Artefact]:
    """Give results that have another name their present one: a label of the configuration changed.

    A name is for people and the identity says what a result is. Files are linked, so that the
    earlier name keeps them too, and `run.json` last.
    """
    known: dict[str, dict[str, Path]] = {}
    found = []
    for artefact in study.artefacts.values():
        if _is_whole(artefact.folder):
            continue
        if artefact.kind not in known:
            known[artefact.kind] = _by_identity(STORE / FOLDERS[artefact.kind])
        other = known[artefact.kind].get(artefact.identity)
        if other is not None:
            with contextlib.suppress(OSError):  # a plan over read-only results
                _link_all(other, artefact.folder)
                found.append(artefact)
    return found


def _by_identity(place: Path) -> dict[str, Path]:
    """The whole artefacts of a kind, whatever they are called."""
    if not place.is_dir() or place.is_symlink():
        return {}
    named = ((store.IDENTITY.search(path.name), path) for path in place.iterdir())
    return {
        match[1]: path
        for match, path in named
        if match and _is_whole(path) and not path.is_symlink()
    }


def _link_all(source: Path, target: Path) -> None:
    names = [
        Path(folder, name).relative_to(source)
        for folder, _, files in os.walk(source)
        for name in files
        if not store.PART.fullmatch(name)
    ]
    for name in sorted(names, key=lambda name: str(name) == store.RUN_FILE):
        link(source / name, target / name)


def link(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the file system has no hard links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
