"""A study from its configuration to its report: through Snakemake, or job by job in this process.

Both do the same: `test_tiny_study` holds their bits together. Snakemake starts a Python and loads
torch for each job, so that `make test` runs one study through it and the others in its own process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from distilscope.auditing import running
from distilscope.commands import configured
from distilscope.planning.artefact import Artefact
from distilscope.planning.state import StoreState
from tests.reliability import studies

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Run:
    """A run of a study.

    Attributes:
        ended_well: whether everything was made.
        said: what a person reads in the terminal; in this process, the sentence of the failure.
    """

    ended_well: bool
    said: str


def snakemake(folder, *arguments, cores="2"):
    """Run the repository's workflow with `folder` as the working directory."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")),
            *("--workflow-profile", str(REPOSITORY / "profiles/default")),
            *("--configfile", str(folder / "study.yaml"), "--directory", str(folder)),
            *("--cores", cores, *arguments),
        ],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def by_snakemake(folder: Path) -> Run:
    """A run as people start it."""
    done = snakemake(folder)
    return Run(done.returncode == 0, done.stdout + done.stderr)


def audits_in_this_process(monkeypatch: pytest.MonkeyPatch) -> list[Artefact]:
    """Have `distilscope audit` make its study here; what it made is added to the list."""
    made: list[Artefact] = []

    def run(path: Path, cores: str) -> int:
        study = configured.study_of(path, REPOSITORY)
        made.extend(StoreState(study).to_make().artefacts)
        studies.make_all(study, Path.cwd())
        return 0

    monkeypatch.setattr(running, "run", run)
    return made


def in_this_process(folder: Path) -> Run:
    """The jobs that such a run would do, in their order."""
    with studies.inside(folder), pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(folder)  # where a study's own modules lie
        try:
            study = studies.plan(yaml.safe_load(Path("study.yaml").read_text()))
            studies.make_all(study, folder)
        except ValueError as fault:
            return Run(False, str(fault))
    return Run(True, "")


def begin(folder: Path, configuration: str = "tiny.yaml", **changes) -> Path:
    """Write a configuration of this folder, with changes, as the study of `folder`."""
    raw = yaml.safe_load(Path(__file__).with_name(configuration).read_text())
    (folder / "study.yaml").write_text(yaml.safe_dump({**raw, **changes}))
    return folder
