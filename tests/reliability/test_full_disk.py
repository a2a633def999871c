"""A disk that is full or read-only: the job says so by name, and a later run ends well."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess

import pytest

from distilscope import store
from distilscope.store import writing
from distilscope.training.checkpoint import CheckpointError, Keeper

from ..mounting import mounted
from . import studies

STEPS = ((writing, "_new_beside"), (writing.os, "fsync"), (writing.os, "replace"))
"""Every file of the store goes through these, in this order."""

KINDS = sorted({artefact.kind for artefact in studies.in_order(studies.plan(studies.PARTED))})


class Disk:
    """Counts the steps of writes, and fails from one of them on."""

    def __init__(self, monkeypatch, fails_at: int | None = None, by: int = errno.ENOSPC) -> None:
        self.steps, self.fails_at, self.by = 0, fails_at, by
        for module, name in STEPS:
            monkeypatch.setattr(module, name, self._watched(getattr(module, name)))

    def _watched(self, function):
        def step(*arguments, **named):
            self.steps += 1
            if self.fails_at is not None and self.steps >= self.fails_at:
                raise OSError(self.by, os.strerror(self.by))
            return function(*arguments, **named)

        return step


@pytest.fixture(autouse=True)
def checkpoints_at_every_step(monkeypatch):
    monkeypatch.setattr(Keeper, "due", lambda self, *, epoch_ended: True)


def fails_and_goes_on(artefact, folder, monkeypatch, most, seed, finished):
    """Fail a job at its steps in turn, then let it end: it makes what it always makes.

    A file takes six steps, its digest's among them; it fails at two of them, or, where that makes
    over `most` failures, at some of these. Each failure is of a run from the start; the last run
    goes on from what the last failure left.
    """
    with monkeypatch.context() as patched:
        disk = Disk(patched)
        studies.make(artefact, folder=folder)
    shutil.rmtree(folder)
    chance = random.Random(seed)
    steps = [first + chance.randrange(3) for first in range(1, disk.steps, 3)]
    for step in sorted(chance.sample(steps, min(most, len(steps)))):
        by = chance.choice([errno.ENOSPC, errno.EROFS])
        shutil.rmtree(studies.CHECKPOINTS / artefact.name, ignore_errors=True)
        with monkeypatch.context() as patched:
            Disk(patched, step, by)
            with pytest.raises((store.CannotWrite, CheckpointError)) as failure:
                studies.make(artefact, folder=folder)
        said = str(failure.value)
        assert os.strerror(by) in said
        assert "run again" in said
        assert str(folder) in said or f"results/checkpoints/{artefact.name}" in said
        assert not (folder / "run.json").exists()
        assert whole(folder)
    studies.make(artefact, folder=folder)
    stored = finished.folder / artefact.folder
    assert studies.digests_of(folder) == studies.digests_of(stored)


def whole(folder):
    """Whether each file that lies there fits its digest, and nothing half-written does."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith(store.DIGEST_SUFFIX):
            store.verify(path)
    return not list(folder.rglob(".*.part"))


def test_a_training_that_meets_a_full_disk_goes_on_later(working, finished, tmp_path, monkeypatch):
    student = working.models[1].artefact
    fails_and_goes_on(student, tmp_path / "made", monkeypatch, 6, 1, finished)


@pytest.mark.long(3)
@pytest.mark.parametrize("kind", KINDS)
def test_every_job_that_meets_a_full_disk_says_so_and_goes_on_later(
    kind, finished_parted, tmp_path, monkeypatch
):
    artefact = next(a for a in studies.in_order(finished_parted.study) if a.kind == kind)
    most = 20 if kind == "figures" else 100  # they have many files, and take seconds
    with studies.inside(finished_parted.folder):
        fails_and_goes_on(artefact, tmp_path / "made", monkeypatch, most, 2, finished_parted)


# ------------------------------------------------------------------------- a disk of its own


@pytest.fixture
def disk(tmp_path):
    """A study's folder whose results/ is a disk of its own."""
    folder = studies.begin(tmp_path / "study", studies.SMALL)
    with mounted(folder / "results", "size=40k"):
        yield folder


def remount(folder, options):
    results = folder / "results"
    subprocess.run(["mount", "-o", f"remount,{options}", "tmpfs", str(results)], check=True)


@pytest.mark.long(1)
def test_a_study_on_a_disk_that_grows_ends_with_the_same_bits(disk, finished):
    for size in ("40k", "700k", "1200k", "1600k", "2200k", "3m"):
        remount(disk, f"size={size}")
        status, said = studies.run(disk)
        assert status != 0, f"{size} was enough"
        assert "No space left on device" in said or "requested and" in said, said
        assert "results/" in said
        for path in (disk / "results/store").rglob("*.sha256"):
            if path.with_name(path.name.removesuffix(".sha256")).exists():
                store.verify(path.with_name(path.name.removesuffix(".sha256")))
    remount(disk, "size=200m")
    studies.run_well(disk)
    assert studies.digests(disk) == studies.digests(finished.folder)


@pytest.mark.long(1)
def test_a_read_only_folder_is_named_and_nothing_is_lost(disk, finished):
    remount(disk, "size=200m")
    teacher = finished.study.models[0].artefact
    studies.run_well(disk, str(teacher.folder / "run.json"))
    before = studies.digests(disk)
    remount(disk, "ro")
    status, said = studies.run(disk)
    assert status != 0
    assert "Read-only file system" in said
    assert "results/" in said
    assert studies.digests(disk) == before
    remount(disk, "rw")
    studies.run_well(disk)
    assert studies.digests(disk) == studies.digests(finished.folder)
