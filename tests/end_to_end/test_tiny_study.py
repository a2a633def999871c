"""A study runs through Snakemake, from bundled images to the report, and again with an edit."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ..running.once import once
from .making import begin, by_snakemake, in_this_process, snakemake

TIMED_COLUMNS = {"latency_ms", "seconds", "peak_memory_mb"}


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every artefact that holds no timing."""
    found = {}
    for path in sorted((folder / "results/store").rglob("*")):
        if path.suffix in {".safetensors", ".npy", ".parquet", ".csv", ".svg", ".png"}:
            name = path.relative_to(folder).as_posix()
            if name.endswith("models.parquet"):
                table = pd.read_parquet(path)
                content = table.drop(columns=TIMED_COLUMNS & set(table)).to_json().encode()
            else:
                content = path.read_bytes()
            found[name] = hashlib.sha256(content).hexdigest()
    return found


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    def make(folder):
        done = by_snakemake(begin(folder))
        assert done.ended_well, done.said

    return once(tmp_path_factory, "tiny", make)


def test_everything_that_people_open_is_published(study):
    published = study / "results/tiny"
    for name in ("measures.parquet", "models.parquet", "report.html", "summary.txt"):
        assert (published / name).stat().st_size > 0
    assert len(list((published / "figures").glob("*.svg"))) >= 9
    assert len(list(published.glob(".*.published"))) == 1


def test_every_file_in_the_store_fits_its_digest(study):
    sidecars = list((study / "results/store").rglob("*.sha256"))
    assert len(sidecars) > 50
    for sidecar in sidecars:
        expected, name = sidecar.read_text().split()
        actual = hashlib.sha256((sidecar.parent / name).read_bytes()).hexdigest()
        assert actual == expected, sidecar


def test_the_tables_say_what_the_observations_say(study):
    """Accuracy, agreement and KL are worked out again from the logits, without the library."""
    models = pd.read_parquet(study / "results/tiny/models.parquet").set_index("id")
    measures = pd.read_parquet(study / "results/tiny/measures.parquet")
    logits = {}
    for run in (study / "results/store/observations").glob("*/run.json"):
        slug = json.loads(run.read_text())["slug"]
        logits[slug] = pd.read_parquet(run.parent / "test/logits.parquet").set_index("index")
    assert set(logits) == set(models.index)
    teacher = np.stack(logits["resnet18-s1"]["logits"].to_numpy()).astype(np.float64)
    for name, table in logits.items():
        own = np.stack(table["logits"].to_numpy()).astype(np.float64)
        assert list(table.index) == list(logits["resnet18-s1"].index)
        accuracy = (own.argmax(1) == table["label"]).mean()
        assert models.loc[name, "accuracy"] == pytest.approx(accuracy, abs=1e-12)
        if name == "resnet18-s1":
            continue
        rows = measures[(measures.model == name) & (measures.probe == "test")]
        rows = rows[(rows.subset == "all") & rows["class"].isna()].set_index("measure")["value"]
        assert rows["agreement"] == pytest.approx((own.argmax(1) == teacher.argmax(1)).mean())
        p, q = (np.exp(z - np.log(np.exp(z).sum(1, keepdims=True))) for z in (teacher, own))
        kl = (p * (np.log(p) - np.log(q))).sum(1).mean()
        assert rows["kl_teacher_student"] == pytest.approx(kl, rel=1e-6)


def test_a_second_run_plans_nothing_and_one_added_temperature_only_its_student(study):
    again = snakemake(study, "-n")
    assert "Nothing to be done" in again.stdout + again.stderr
    begin(
        study,
        grid=[
            {"objective": "kd", "students": ["tiny"], "T": [2, 4, 8], "alpha": 0.9},
            {"objective": "ce", "students": ["tiny"]},
        ],
    )
    done = snakemake(study, "-n")
    begin(study)
    lines = (done.stdout + done.stderr).splitlines()
    jobs = {
        line.split()[0]: int(line.split()[1])
        for line in lines
        if line[-1:].isdigit() and len(line.split()) == 2 and line.split()[0].isalpha()
    }
    assert jobs == {
        "all": 1,
        "model": 1,
        "observation": 1,
        "comparison": 1,
        "tables": 1,
        "figures": 1,
        "report": 1,
        "publish": 1,
        "total": 8,
    }


def test_the_same_bits_in_one_process(study, tmp_path):
    other = begin(tmp_path)
    assert in_this_process(other).ended_well
    assert digests(other) == digests(study)


@pytest.mark.long(2)
def test_the_same_bits_on_one_core(study, tmp_path):
    other = begin(tmp_path)
    done = snakemake(other, cores="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert digests(other) == digests(study)


def test_an_altered_file_is_named_with_the_command_that_rebuilds_it(study, tmp_path):
    shutil.copytree(study / "results", tmp_path / "results")
    begin(tmp_path, statistics={"bootstrap": 101})
    victim = next((tmp_path / "results/store/observations").glob("tiny-kd-T2*/test/logits.parquet"))
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    done = snakemake(tmp_path)
    assert done.returncode != 0
    assert "logits.parquet" in done.stderr
    assert f"rm -r 'results/store/observations/{victim.parents[1].name}'" in done.stderr


def test_a_lost_file_is_made_again_to_the_same_bits_with_nothing_else_of_its_kind(study, tmp_path):
    """Other jobs ask for an observation by its last file, which is still there."""
    shutil.copytree(study / "results", tmp_path / "results")
    begin(tmp_path, statistics={"bootstrap": 101})
    victim = next((tmp_path / "results/store/observations").glob("tiny-kd-T2*/test/logits.parquet"))
    content = victim.read_bytes()
    victim.unlink()
    done = snakemake(tmp_path, "--until", "tables")
    assert done.returncode == 0, done.stdout + done.stderr
    assert victim.read_bytes() == content
    rerun = dict(re.findall(r"^(\w+)  +(\d+)$", done.stderr, re.MULTILINE))
    assert rerun["observation"] == rerun["tables"] == "1"
    assert not {"teacher_observation", "model", "teacher", "targets"} & rerun.keys()


def test_snakemakes_own_summary_has_every_published_file_and_nothing_to_do(study):
    done = snakemake(study, "--summary")
    assert done.returncode == 0, done.stdout + done.stderr
    header, *lines = (line.split("\t") for line in done.stdout.splitlines() if "\t" in line)
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    files = {row["output_file"] for row in rows}
    assert {"results/tiny/report.html", "results/tiny/figures/cka.svg"} <= files
    assert {row["plan"] for row in rows} == {"no update"}


def test_snakemake_makes_its_own_report(study):
    done = snakemake(study, "--report", "report.html")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (study / "report.html").stat().st_size > 100_000
