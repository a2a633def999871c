"""A file of the store that is not what was written is found by the next job that reads it.

Every stored file of a small study is damaged in every way; its next reader must fail with the
file, what is wrong and the command that rebuilds it, and must leave nothing behind.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from distilscope.planning.artefact import Artefact
from distilscope.planning.study import Study

from . import faults, studies

READERS = {
    "networks": {},
    "dataset": {"images.safetensors": "observation", "manifest.json": "model"},
    "model": {"weights.safetensors": "observation", "history.parquet": "tables"},
    "targets": dict.fromkeys(("logits.npy", "views.npy", "indices.npy"), "model"),
    "observation": {
        "test/logits.parquet": "comparison",
        "test/saliency.gradcam.parquet": "comparison",
        "test/saliency.saliency.parquet": "comparison",
        "test/grams.safetensors": "comparison",
        "held-out/logits.parquet": "tables",
    },
    "comparison": {"images.parquet": "tables", "layers.parquet": "tables"},
    "tables": {
        "measures.parquet": "figures",
        "models.parquet": "report",
        "reliability.parquet": "figures",
        "divergent.parquet": "report",
        "histories.parquet": "figures",
        "seeds.parquet": "report",
        "conditions.parquet": "figures",
        "maps.parquet": "report",
        "runs.json": "report",
    },
    "figures": {"training.svg": "report", "cka.csv": "report", "consistency.png": "publish"},
    "report": {"report.html": "publish", "summary.txt": "publish"},
}
"""Kind of artefact -> file -> the next job that reads it. `run.json` is read by all of them.

`features.safetensors` is for people: no job reads it.
"""


EMPTY = {"conditions.parquet", "maps.parquet"}
"""Without a number that varies in the small study, so that none can be of another type."""


@dataclass(frozen=True)
class Case:
    """A file, what happens to it, and the job that reads it next."""

    kind: str
    slug: str
    file: str
    fault: str
    reader: str

    def __str__(self) -> str:
        return f"{self.slug}:{self.file}:{self.fault}:{self.reader}"


def cases(study: Study, readers: Mapping[str, Mapping[str, str]] = READERS) -> list[Case]:
    """Every fault of every file that `readers` names."""
    found = []
    for artefact in (a for a in studies.in_order(study) if a.kind in readers):
        files = readers[artefact.kind]
        for file, reader in {**files, "run.json": next(iter(files.values()), "tables")}.items():
            kinds = [fault.__name__ for fault in faults.BYTES]
            if Path(file).suffix in faults.WRITERS and file not in EMPTY:
                kinds += faults.CHANGES if file != "run.json" else ["another type"]
            if _other(artefact, study) is not None:
                kinds.append("another's")
            found += [Case(artefact.kind, artefact.slug, file, kind, reader) for kind in kinds]
    return found


def _other(artefact: Artefact, study: Study) -> Artefact | None:
    """An artefact of the same kind, or None."""
    alike = (a for a in study.artefacts.values() if a.kind == artefact.kind)
    return next((a for a in alike if a.identity != artefact.identity), None)


CASES = cases(studies.plan(studies.SMALL))
SAMPLE = random.Random(6).sample(CASES, 14)


def damage(case: Case, artefact: Artefact, study: Study) -> None:
    path = artefact.folder / case.file
    if case.fault in faults.CHANGES:
        faults.rewrite(path, faults.CHANGES[case.fault])
    elif case.fault == "another's":
        faults.of_another(path, _other(artefact, study).folder / case.file)
    else:
        getattr(faults, case.fault)(path, random.Random(str(case)))


def read(case: Case, artefact: Artefact, study: Study, scratch: Path) -> None:
    """Do the job that reads the damaged file, into a folder of its own."""
    if case.reader == "publish":
        studies.publish(study)
        return
    readers = (a for a in studies.in_order(study) if a.kind == case.reader)
    reader = next(a for a in readers if artefact in a.direct_inputs())
    studies.make(reader, folder=scratch)


def check(case: Case, study: Study, scratch: Path) -> None:
    artefact = next(
        a for a in study.artefacts.values() if (a.kind, a.slug) == (case.kind, case.slug)
    )
    with faults.undone(artefact.folder / case.file):
        damage(case, artefact, study)
        with pytest.raises(ValueError) as failure:
            read(case, artefact, study, scratch)
    said = str(failure.value)
    assert said.startswith(f"{artefact.folder / case.file}: "), said
    assert f"rm -r '{artefact.folder}' && snakemake" in said
    assert not list(scratch.rglob("*"))


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_a_damaged_file_is_named_by_its_next_reader(case, working, tmp_path):
    check(case, working, tmp_path)


def test_every_file_of_the_store_has_its_reader_here():
    study = studies.plan(studies.SMALL)
    for artefact in studies.in_order(study):
        stored = {name for name in artefact.outputs if name != "run.json"}
        listed = set(READERS[artefact.kind])
        if artefact.kind == "figures":
            assert listed < stored
            continue
        unread = {"test/features.safetensors"} if artefact.kind == "observation" else set()
        assert listed == stored - unread


@pytest.mark.long(2)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_fault_in_every_file_is_named_by_its_next_reader(case, working, tmp_path):
    check(case, working, tmp_path)


@pytest.mark.long(2)
def test_there_are_over_a_hundred_faults_over_every_kind():
    assert len(CASES) > 300
    assert {case.kind for case in CASES} == set(READERS)
