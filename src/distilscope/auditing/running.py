"""Runs a study by the workflow that comes with this package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SNAKEFILE = "Snakefile"
CLONE = Path(__file__).resolve().parents[3]
INSTALLED = Path(sys.prefix) / "share" / "distilscope"
"""Where a wheel puts the workflow's files: `data-files` in pyproject.toml."""


class NoWorkflow(OSError):
    """The workflow's files are not beside the package."""


def workflow_folder() -> Path:
    """The folder of the Snakefile: the working directory, a clone, or what was installed.

    Raises:
        NoWorkflow: it is in none of them.
    """
    places = (Path.cwd(), CLONE, INSTALLED)
    for place in places:
        if (place / SNAKEFILE).is_file() and (place / "rules").is_dir():
            return place
    raise NoWorkflow(
        f"the workflow is not there: no {SNAKEFILE} in {' or '.join(map(str, places))}; install "
        "distilscope again, or start from a clone"
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
