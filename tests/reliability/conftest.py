"""Two small studies, made once in a run of the suite for all tests that read or damage them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from distilscope.planning.study import Study

from ..running.once import once
from . import studies


@dataclass(frozen=True)
class Finished:
    """A study that is made, and the folder it was made in."""

    study: Study
    folder: Path


def made(raw: dict, factory: pytest.TempPathFactory) -> Finished:
    study = studies.plan(raw)
    folder = once(factory, study.published.name, lambda folder: studies.make_all(study, folder))
    return Finished(study, folder)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Finished:
    return made(studies.SMALL, tmp_path_factory)


@pytest.fixture(scope="session")
def finished_parted(tmp_path_factory) -> Finished:
    return made(studies.PARTED, tmp_path_factory)


@pytest.fixture
def working(finished):
    """The finished study, with its folder as the working directory."""
    with studies.inside(finished.folder):
        yield finished.study
