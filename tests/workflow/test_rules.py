"""The rules say what the library plans: inputs and outputs of every job, read from a dry run."""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from distilscope.planning.artefact import FOLDERS, Artefact
from distilscope.planning.state import StoreState, in_order, needs
from distilscope.planning.study import Study

from .clone import SMALL, Clone, study_of

KD = {"objective": "kd", "students": ["tiny"], "T": 4, "alpha": 0.9}
CE = {"objective": "ce", "students": ["tiny"]}
FUSED = {"objective": "fused", "students": ["tiny"], "gamma": 0.5, "tau_teacher": 4}
FUSED |= {"tau_student": 1, "alpha": 0.5}
MEMBERS = [["resnet18.1", "resnet18.9"]]

# Every kind of artefact: a committee, randomised weights, parts, masked images, planted shortcuts,
# what an objective prepares of a table.
WHOLE = {"layers": {"a": "a"}, "explained": ["a"]}
DRAWN = {"policy": "weak", "per_image": 2}
EVERYTHING = {
    **copy.deepcopy(SMALL),
    "study": "everything",
    "seeds": [1, 2],
    "teachers": {
        "resnet18": {**SMALL["teachers"]["resnet18"], "seeds": [1, 9], "twins": [2, 3]},
    },
    "recipes": {**SMALL["recipes"], "drawn": {**SMALL["recipes"]["student"], "views": DRAWN}},
    "students": {**SMALL["students"], "drawn": {**SMALL["students"]["tiny"], "recipe": "drawn"}},
    "grid": [
        *(KD, CE, FUSED, {**KD, "committee": MEMBERS, "combine": "logits"}),
        {**CE, "students": ["drawn"]},
    ],
    "compress": [{"of": "resnet18", "prune": 0.5}],
    "stand_ins": [{"of": "resnet18"}],
    "compare": ["teacher", "committee", "other-teacher", "twin"],
    "analyses": {
        **{name: {} for name in ("outputs", "alignment", "representation", "sweeps")},
        "compression": {},
        "randomisation": {"model": "tiny", "modes": ["cascade"]},
        "parts": {
            "source": "foreground-grid",
            "settings": {"rows": 2, "columns": 3},
            "headline": {"method": "saliency", "variant": "mass_absolute"},
            "top": 2,
        },
        "shortcuts": {
            "causal": {},
            "planted": {
                "teacher": "resnet18",
                "plantings": [{"label": 3, "place": [2, 2], "seed": 21}],
                "arms": {"student": [CE], "both": [KD], "none": []},
            },
        },
    },
}

OF_TEXTS = yaml.safe_load((Path(__file__).parents[1] / "end_to_end/reasoning.yaml").read_text())
# Students that have less of their teacher than all logits: tables of other files.
KEPT = {"of-states": {"targets": "hidden"}, "of-few": {"targets": "top-k", "top_k": 4}}
OF_TEXTS["students"] |= {
    name: {**OF_TEXTS["students"]["small"], "override": recipe} for name, recipe in KEPT.items()
}
OF_TEXTS["grid"].append({"objective": "kd", "students": [*KEPT], "T": 1, "alpha": 1})


@dataclass(frozen=True)
class PlannedJob:
    """A job of a dry run, with the artefact that its wildcard names."""

    rule: str
    artefact: Artefact
    inputs: set[str]
    outputs: set[str]


def jobs_of(text: str, artefacts: dict[str, Artefact]) -> Iterator[PlannedJob]:
    for block in re.split(r"\n(?=(?:local)?rule \w+:)", text)[1:]:
        wildcard = re.search(r"wildcards: (\w+)=([^\s,]+)", block)
        if wildcard:
            yield PlannedJob(
                rule=re.match(r"(?:local)?rule (\w+):", block)[1],
                artefact=artefacts[f"{wildcard[1]}/{wildcard[2]}"],
                inputs=files_in(block, "input"),
                outputs=files_in(block, "output"),
            )


def files_in(block: str, directive: str) -> set[str]:
    found = re.search(rf"^    {directive}: (.*)$", block, re.MULTILINE)
    return set(found[1].split(", ")) if found else set()


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """With a student that is a program; a plan reads its digest alone."""
    file = tmp_path_factory.mktemp("program") / "whole.onnx"
    file.write_bytes(b"a program")
    students = {**EVERYTHING["students"], "whole": {"program": str(file), **WHOLE}}
    return {**EVERYTHING, "students": students}


@pytest.fixture(scope="module")
def study(everything, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    with contextlib.chdir(folder):
        return study_of(everything)


@pytest.fixture(scope="module")
def study_of_texts(tmp_path_factory):
    with contextlib.chdir(tmp_path_factory.mktemp("texts")):
        return study_of(OF_TEXTS)


@pytest.fixture(scope="module")
def jobs(study, everything, tmp_path_factory):
    return planned(Clone(tmp_path_factory.mktemp("clone"), everything), study)


@pytest.fixture(scope="module")
def jobs_of_texts(study_of_texts, tmp_path_factory):
    return planned(Clone(tmp_path_factory.mktemp("clone"), OF_TEXTS), study_of_texts)


def planned(clone: Clone, study: Study) -> dict[Path, PlannedJob]:
    done = clone.dry_run("--quiet", "host")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {
        job.artefact.folder: job for job in jobs_of(done.stdout + done.stderr, study.artefacts)
    }
    assert found.keys() == {artefact.folder for artefact in study.artefacts.values()}
    return found


def test_a_rule_makes_the_files_that_its_artefact_has(jobs, jobs_of_texts):
    every = [*jobs.values(), *jobs_of_texts.values()]
    assert {job.artefact.kind for job in every} == FOLDERS.keys()
    for job in every:
        assert job.outputs == {f"{job.artefact.folder}/{name}" for name in job.artefact.outputs}


def test_a_rule_names_every_input_that_its_job_reads(jobs, study, jobs_of_texts, study_of_texts):
    """A role that a rule leaves out would be read before it is made, or never made."""
    for found, plan in ((jobs, study), (jobs_of_texts, study_of_texts)):
        for job in found.values():
            needed = {f"{one.folder}/run.json" for one in needs(plan, job.artefact)}
            assert job.inputs == needed, job.rule


def test_no_job_waits_for_another_of_its_own_rule(jobs, study):
    """`--until <rule>` stops behind the first of them: "BUG: Out of jobs ready to be started"."""

    before: dict[Path, set[str]] = {}  # the rules of all that an artefact waits for
    for artefact in in_order(study):
        needed = [one.folder for one in needs(study, artefact)]
        before[artefact.folder] = {jobs[folder].rule for folder in needed}.union(
            *(before[folder] for folder in needed)
        )
        rule = jobs[artefact.folder].rule
        assert rule not in before[artefact.folder] or rule in CHAINED, artefact.name


CHAINED = ("teacher_observation",)
"""Rules that `--until` does not end at: a twin's observation waits for its teacher's."""

TOUCH = "from pathlib import Path\nfor file in snakemake.output:\n    Path(file).touch()\n"


@pytest.mark.long(3)
def test_a_run_ends_where_it_is_asked_to(tmp_path):
    """`--until observation` ends at those of students; the target has all, those of twins too."""
    small = {**SMALL, "grid": [KD], "floors": []}
    clone = Clone(tmp_path, small)
    for script in (clone.folder / "workflow/scripts").glob("*.py"):
        script.write_text(TOUCH)
    for arguments, left in ((("--until", "observation"), {"resnet18-s2"}), (("observations",), {})):
        done = clone.snakemake("--cores", "2", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        with contextlib.chdir(clone.folder):
            study = study_of(small, clone.folder)
            state = StoreState(study)
            missing = {name for name, a in study.observations.items() if not state.is_whole(a)}
            assert missing == set(left)
            assert not any(map(state.is_whole, study.compared.values()))
