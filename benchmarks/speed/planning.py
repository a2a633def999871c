"""Row 9, planning: Snakemake's dry run of large studies through the real Snakefile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from . import memory
from .timing import Goal, Row, single

ROOT = Path(__file__).resolve().parents[2]
CELLS = 27
HALF, WHOLE = 999, 1_998


def planning(place: Path) -> tuple[list[Row], str]:
    """A study of 2,000 models, and how planning grows from half of it."""
    half, whole = _dry_run(place, HALF), _dry_run(place, WHOLE)
    own = _own_plan(place, WHOLE)
    return [
        single(
            9,
            f"planning a study of {WHOLE:,} students, Snakemake's dry run",
            whole.seconds,
            "s",
            Goal(30, at_most=True),
            note=f"{whole.peak / 2**20:.0f} MB",
        ),
        single(
            9,
            f"planning {WHOLE:,} students against {HALF:,}",
            whole.seconds / half.seconds,
            "x",
            Goal(2.1, at_most=True),
            note=f"{half.seconds:.1f} and {whole.seconds:.1f} s",
        ),
        single(
            9,
            f"planning a study of {WHOLE:,} students, `make plan`",
            own.seconds,
            "s",
            Goal(30, at_most=True),
            note=f"{own.peak / 2**20:.0f} MB",
        ),
    ], ""


def _dry_run(place: Path, students: int) -> memory.Ran:
    """`snakemake -n` for a study with so many students: it counts the jobs, and lists none."""
    file = _study(place, students)
    command = [
        *memory.python("-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--workflow-profile", str(ROOT / "profiles" / "default")),
        *("--configfile", str(file), "--directory", str(file.parent)),
        "--dry-run",
    ]
    return memory.run(command, file.parent)


def _own_plan(place: Path, students: int) -> memory.Ran:
    """What `make plan` runs."""
    file = _study(place, students)
    command = memory.python("-m", "distilscope", "plan", "--configuration", str(file))
    return memory.run(command, file.parent)


def _study(place: Path, students: int) -> Path:
    """The file of a configuration with so many students, in a folder like a clone's."""
    folder = place / str(students)
    if not folder.is_dir():
        folder.mkdir()
        (folder / "resources").symlink_to(ROOT / "resources")
    (folder / "study.yaml").write_text(yaml.safe_dump(_configuration(students)), encoding="utf-8")
    return folder / "study.yaml"


def _configuration(students: int) -> dict[str, Any]:
    """The default study with a grid of 27 cells, as often as it takes."""
    made = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    temperatures, alphas = [2, 4, 8], [0.5, 0.9, 1.0]
    return {
        **made,
        "seeds": list(range(1, students // CELLS + 1)),
        "precision": "fp32",
        "device": "cpu",
        "grid": [
            {
                "objective": "kd",
                "students": list(made["students"]),
                "T": temperatures,
                "alpha": alphas,
            }
        ],
        "floors": [],
        "claims": None,
    }
