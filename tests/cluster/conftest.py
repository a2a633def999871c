"""One SLURM of the tests' own, and a snakemake with its plugins, for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability import studies

from . import slurm
from .submitting import Login, environment_with


@pytest.fixture(scope="session")
def plugins(tmp_path_factory) -> Path:
    """A Python that has snakemake and the plugins of every profile."""
    folder = tmp_path_factory.mktemp("plugins") / "environment"
    try:
        return environment_with(folder, "slurm", "generic", "kubernetes")
    except slurm.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def login(plugins, tmp_path_factory):
    """A machine to submit from; where there can be none, the tests are skipped with the reason."""
    try:
        with slurm.running(tmp_path_factory.mktemp("slurm")) as cluster:
            yield Login(plugins, cluster)
    except slurm.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def begun(tmp_path):
    """Begin a study whose images and check of networks are made already: its plan and folder."""

    def begin(**changes) -> tuple[studies.Study, Path]:
        raw = studies.small(**changes)
        folder = studies.begin(tmp_path / "study", raw)
        study = studies.plan(raw)
        with studies.inside(folder):
            for artefact in studies.in_order(study):
                if artefact.kind in ("dataset", "networks"):
                    studies.make(artefact)
        return study, folder

    return begin
