"""Row 9, planning: Snakemake's dry run of large studies, and an audit of many pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from . import memory
from .timing import Goal, Row, single

ROOT = Path(__file__).resolve().parents[2]
CELLS = 27
HALF, WHOLE = 999, 1_998
PICTURES, FOLDERS = 60_000, 100


def planning(place: Path) -> tuple[list[Row], str]:
    """A study of 2,000 models, how planning grows from half of it, and 60,000 pictures."""
    half, whole = _dry_run(place, HALF), _dry_run(place, WHOLE)
    own = _own_plan(_study(place, WHOLE))
    first, again = _of_pictures(place)
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
        single(
            9,
            f"planning an audit of {PICTURES:,} unchanged pictures, `make plan`",
            again.seconds,
            "s",
            Goal(2, at_most=True),
            note=f"{first.seconds:.1f} s the first time, when each is read; "
            f"{again.peak / 2**20:.0f} MB",
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


def _own_plan(file: Path) -> memory.Ran:
    """What `make plan` runs."""
    command = memory.python("-m", "distilscope", "plan", "--configuration", str(file))
    return memory.run(command, file.parent)


def _of_pictures(place: Path) -> tuple[memory.Ran, memory.Ran]:
    """The first plan of an audit of many pictures, and the next. A plan opens none of them, so that
    files of a few bytes do.
    """
    folder = place / "audit"
    for number in range(FOLDERS):
        (folder / f"pictures/class-{number:03}").mkdir(parents=True)
    for number in range(PICTURES):
        name = f"pictures/class-{number % FOLDERS:03}/{number:05}.png"
        (folder / name).write_bytes(number.to_bytes(4, "big"))
    (folder / "weights.pt").write_bytes(b"of a model")
    seen = {"mean": [0.5] * 3, "std": [0.5] * 3, "size": 224, "resize": 256}
    model = {"architecture": "resnet18", "weights": "weights.pt", "preprocessing": seen}
    study = {
        "study": "audit",
        "title": "An audit of many pictures",
        "data": {"name": "pictures", "path": "pictures", "image_size": 224, "resize": 256},
        "teachers": {"big": model},
        "students": {"small": {**model, "architecture": "resnet10"}},
        "grid": [],
        "stand_ins": [{"of": "big", "noise": 0.1}],
        "analyses": ["outputs", "alignment", "masking"],
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    return _own_plan(folder / "study.yaml"), _own_plan(folder / "study.yaml")


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
