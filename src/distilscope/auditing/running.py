"""Runs a study by the workflow that comes with this package."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

SNAKEFILE = "Snakefile"
OURS = "rules/observations.smk"
"""Beside the Snakefile; other workflows have a folder of rules, too."""
LOCKS = Path(".snakemake/locks")
CLONE = Path(__file__).resolve().parents[3]


class NoWorkflow(OSError):
    """The workflow's files are not beside the package."""


def workflow_folder() -> Path:
    """The folder of the Snakefile: the working directory, a clone, or what was installed.

    Raises:
        NoWorkflow: it is in none of them.
    """
    places = (Path.cwd(), CLONE, *_installed())
    for place in places:
        if (place / SNAKEFILE).is_file() and (place / OURS).is_file():
            return place
    raise NoWorkflow(
        f"the workflow is not there: no {SNAKEFILE} with {OURS} in "
        f"{' or '.join(map(str, places))}; install distilscope again, or start from a clone"
    )


def _installed() -> list[Path]:
    """Where a wheel put the workflow: `data-files` in pyproject.toml. It is wherever the
    installer's scheme has its data, which the package's record tells."""
    try:
        files = metadata.files("distilscope") or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(each.locate()).resolve().parent for each in files if each.name == SNAKEFILE]


def lock() -> str:
    """What to do where Snakemake's lock lies in the working directory; empty where none does."""
    if not any(LOCKS.glob("*.lock")):
        return ""
    return (
        f"A lock lies in {LOCKS}: another run is at work here, and this one goes on when that has "
        f"ended; or one was killed, and where none is at work `rm -r {LOCKS}` takes it away"
    )


def run(configuration: Path, cores: str) -> int:
    """Make what is missing of a study, in the working directory; Snakemake's exit code.

    What Snakemake and the jobs say goes to standard error, so that standard output has the answer.
    """
    root = workflow_folder()
    return subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(root / SNAKEFILE)),
            *("--workflow-profile", str(root / "profiles/default")),
            *("--configfile", str(configuration)),
            *("--cores", cores, "--resources", "gpu=1"),
        ],
        stdout=sys.stderr,
        check=False,
    ).returncode
