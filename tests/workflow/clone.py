"""A copy of the workflow in a folder of its own, whose plans are read from dry runs.

Outputs are made by touching the files that a plan asks for: whether a job is planned depends on
which files exist and on nothing in them, so a matrix of edits takes minutes and trains nothing.
"""

from __future__ import annotations

import contextlib
import copy
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from distilscope.configuration.study import parse
from distilscope.planning.state import StoreState
from distilscope.planning.study import Study

from . import warm

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "rules", "workflow", "src", "profiles", "config", "resources", "envs")

FORESEE = """
from pathlib import Path
from distilscope.planning.state import StoreState
from distilscope.commands.configured import study_of

todo = StoreState(study_of(Path("config/config.yaml"), Path.cwd())).to_make()
for artefact in todo.artefacts:
    print(artefact.kind, artefact.slug)
print("publish" * todo.publish)
"""

SAME_JOB = {
    "teacher": "model",
    "teacher_observation": "observation",
    "committee_observation": "observation",
    "derived_observation": "observation",
    "committee_comparison": "comparison",
    "hidden_targets": "targets",
    "top_k_targets": "targets",
    "masked_probe": "probe",
    "reference_probe_observation": "probe_observation",
}
"""Rules that are another with other priorities, wildcards or outputs."""

# A study small enough to read: two students, two temperatures, one control each.
SMALL = {
    "study": "small",
    "title": "A small study",
    "seeds": [1],
    "precision": "fp32",
    "device": "cpu",
    "data": {"name": "fashion-mnist-subset", "fit": "pad"},
    "recipes": {
        "teacher": {"epochs": 2, "optimizer": {"lr": 0.1}},
        "student": {
            "epochs": 2,
            "optimizer": {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.0005},
            "views": {"per_image": 4},
        },
    },
    "teachers": {
        "resnet18": {
            "architecture": "resnet18",
            "settings": {"width": 8},
            "recipe": "teacher",
            "seeds": [1],
            "twins": [2],
        }
    },
    "students": {
        "tiny": {"architecture": "plain-tiny", "recipe": "student"},
        "small": {"architecture": "plain-small", "recipe": "student"},
    },
    "grid": [
        {"objective": "kd", "students": ["tiny", "small"], "T": [2, 4], "alpha": 0.9},
        {"objective": "ce", "students": ["tiny", "small"]},
    ],
    "floors": ["tiny"],
    "analyses": {"outputs": {}, "alignment": {}, "representation": {}, "sweeps": {}},
}


def study_of(raw: dict, root: Path = REPOSITORY) -> Study:
    """The study of a configuration, by the source of this process; call it in a scratch folder."""
    return Study(parse(copy.deepcopy(raw)), raw.get("precision", "fp32"), root)


def files_of(raw: dict, root: Path = REPOSITORY) -> set[Path]:
    """Every file that exists after a run of that configuration."""
    made = study_of(raw, root)
    stored = {a.folder / name for a in made.artefacts.values() for name in a.outputs}
    return stored | set(made.published_files)


def jobs_of(raw: dict, there: set[Path]) -> list[str]:
    """What a run would do where these files exist, in the words of `Clone.plan`."""
    planned = study_of(raw)
    names = {str(path) for path in there}
    labelled = {(path.parents[1].name, path.parent.suffix) for path in there}
    for artefact in planned.artefacts.values():  # a result keeps its identity under another label
        if (artefact.folder.parent.name, artefact.folder.suffix) in labelled:
            names.update(f"{artefact.folder}/{name}" for name in artefact.outputs)
    todo = StoreState(planned, names.__contains__).to_make()
    found = [f"{artefact.kind} {artefact.slug}" for artefact in todo.artefacts]
    return sorted(found + ["publish"] * todo.publish)


class Clone:
    """The workflow in `folder`, with `configuration` as its config/config.yaml."""

    def __init__(self, folder: Path, configuration: dict | None = None) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        for part in PARTS:
            source = REPOSITORY / part
            if source.is_dir():
                ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(source, folder / part, ignore=ignore)
            elif source.exists():
                shutil.copy2(source, folder / part)
        self.configuration = copy.deepcopy(configuration or SMALL)
        self.write()

    def write(self, text: str | None = None) -> None:
        """Write the configuration (or a text of the caller's) where the workflow reads it."""
        path = self.folder / "config" / "config.yaml"
        path.write_text(text or yaml.safe_dump(self.configuration, sort_keys=False))

    def make_outputs(self) -> None:
        """Make every file of the present configuration exist, empty, and no other marker."""
        with contextlib.chdir(self.folder):
            names = files_of(self.configuration, self.folder)
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        for marker in (self.folder / "results").glob("*/.*.published"):
            if marker.relative_to(self.folder) not in names:
                marker.unlink()

    def remove_outputs(self) -> None:
        """As in a fresh clone."""
        shutil.rmtree(self.folder / "results", ignore_errors=True)

    def append(self, file: str, text: str) -> None:
        """Add lines to a file of the library."""
        path = self.folder / "src/distilscope" / file
        path.write_text(path.read_text() + f"\n\n{text}\n")

    def dry_run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """As `snakemake -n`, by a process that has Snakemake loaded already."""
        return warm.run(self.folder, "--dry-run", *arguments, **variables)

    def snakemake(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run snakemake in the clone, with these variables in its environment."""
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        return subprocess.run(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=self.folder,
            env={**environment, **variables},
            capture_output=True,
            text=True,
        )

    def foreseen(self) -> list[str]:
        """What the clone's own library foresees: the plan at a third of a dry run's time."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder / "src")}
        done = subprocess.run(
            [sys.executable, "-c", FORESEE],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return sorted(filter(None, done.stdout.splitlines()))

    def plan(self, *arguments: str) -> list[str]:
        """What a dry run would do, sorted: `rule slug` (the identity is left out), or `publish`."""
        done = self.dry_run("--quiet", "host", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        text = done.stdout + done.stderr
        if "Nothing to be done" in text:
            return []
        planned = []
        for block in re.split(r"\n(?=(?:local)?rule \w+:)", "\n" + text)[1:]:
            rule = re.match(r"(?:local)?rule (\w+):", block).group(1)
            wildcard = re.search(r"wildcards: \w+=([^\s,]+)", block)
            slug = wildcard.group(1).rpartition(".")[0] if wildcard else ""
            planned.append(f"{SAME_JOB.get(rule, rule)} {slug}".strip())
        return sorted(name for name in planned if name != "all")
