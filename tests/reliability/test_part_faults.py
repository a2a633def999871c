"""The files that a study of parts has besides: what is damaged is found by its next reader."""

from __future__ import annotations

import random

import pytest

from . import studies
from .test_faults import cases, check

FURTHER = {
    "parts": {
        "maps.safetensors": "comparison",
        "removed.safetensors": "observation",
        "findings.json": "tables",
    },
    "observation": {"test/removed.safetensors": "comparison"},
    "comparison": {"parts.parquet": "tables", "importances.parquet": "tables"},
    "tables": {"parts.parquet": "report"},
}
CASES = cases(studies.plan(studies.PARTED), FURTHER)
SAMPLE = random.Random(2).sample(CASES, 5)


@pytest.fixture
def parted(finished_parted):
    """The study, made, with its folder as the working directory."""
    with studies.inside(finished_parted.folder):
        yield finished_parted.study


def test_every_further_file_of_the_store_has_its_reader_here():
    before, after = (studies.plan(raw) for raw in (studies.small(), studies.PARTED))
    known = {artefact.kind: set(artefact.outputs) for artefact in studies.in_order(before)}
    for artefact in (a for a in studies.in_order(after) if a.kind != "figures"):
        added = set(artefact.outputs) - known.get(artefact.kind, {"run.json"})
        assert added == set(FURTHER.get(artefact.kind, ()))


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_a_damaged_file_about_parts_is_named_by_its_next_reader(case, parted, tmp_path):
    check(case, parted, tmp_path)


def test_nothing_about_parts_is_written_where_a_later_input_is_damaged(parted, tmp_path):
    damaged = {"observation": {"test/grams.safetensors": "comparison"}}
    case = next(c for c in cases(parted, damaged) if c.fault == "truncated")
    check(case, parted, tmp_path)


@pytest.mark.long(3)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_fault_in_every_file_about_parts_is_named(case, parted, tmp_path):
    check(case, parted, tmp_path)
