"""What docs/extending.md promises: another package adds to a study, and nothing here is edited."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

HERE, REPOSITORY = Path(__file__).parent, Path(__file__).parents[2]


def in_a_process_of_its_own(folder, *arguments, given=None):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, input=given
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


@pytest.fixture
def folder(tmp_path):
    """A folder of somebody who has this package installed and a module of their own."""
    for name in ("outside_example.py", "outside_example.html", "outside_claims.yaml", "study.yaml"):
        shutil.copy(HERE / name, tmp_path / name)
    return tmp_path


def test_the_plan_knows_what_the_module_adds_without_torch(folder):
    program = """
import json, sys
from pathlib import Path
from distilscope.configuration import files
from distilscope.configuration.study import parse
from distilscope.planning.study import Study
study = Study(parse(files.read(Path("study.yaml"))), "fp32", Path(sys.argv[1]))
print(json.dumps({
    "conditions": sorted(study.names.values()),
    "tables": study.table_names,
    "figures": study.figure_names,
    "heavy": [name for name in ("torch", "pandas") if name in sys.modules],
}))
"""
    done = in_a_process_of_its_own(folder, "-c", program, str(REPOSITORY))
    found = json.loads(done.stdout)
    assert {"own-logit-mse-t1", "own-logit-mse-t4", "own-ce"} <= set(found["conditions"])
    assert "margins" in found["tables"]
    assert "margins" in found["figures"]
    assert found["heavy"] == []


def test_what_the_page_on_extending_shows_is_what_the_example_adds(folder):
    """Its blocks of Python run, and declare what the example does under the same names."""
    page = (REPOSITORY / "docs" / "extending.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    program = """
import sys
from distilscope import catalog
from outside_example import Architecture, Method, Objective, Parameter, registry
tables = (catalog.ARCHITECTURES, catalog.OBJECTIVES, catalog.METHODS)
found = [table.popitem() for table in tables]
exec(sys.stdin.read().replace("my_module", "outside_example"))
assert [table.popitem() for table in tables] == found, found
"""
    assert len(blocks) == 4
    in_a_process_of_its_own(folder, "-c", program, given="\n".join(blocks))


def test_without_allow_code_nothing_of_the_users_is_imported(folder):
    text = (folder / "study.yaml").read_text().replace("allow_code: true", "allow_code: false")
    (folder / "study.yaml").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    command = [sys.executable, "-m", "distilscope.configuration", "study.yaml"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "extensions: 'outside_example'" in done.stderr
    assert "allow_code: true" in done.stderr


@pytest.mark.long(rank=4, minutes=2)
def test_a_study_finds_all_of_them_in_tables_claims_figures_and_report(folder):
    in_a_process_of_its_own(
        folder,
        *("-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile"), "--cores", "2"),
        *("--workflow-profile", str(REPOSITORY / "profiles/default")),
        *("--configfile", "study.yaml", "--directory", "."),
    )
    published = folder / "results" / "outside"
    tables = {path.stem: pd.read_parquet(path) for path in published.glob("*.parquet")}
    conditions = tables["conditions"].set_index("condition")
    assert conditions.at["own-logit-mse-t4", "tau"] == 4
    assert conditions.at["own-logit-mse-t4", "label"] == "own τ=4"
    measures = tables["measures"]
    own = measures[measures["analysis"] == "margins"]
    assert set(own["measure"]) == {"close_calls"}
    assert own["value"].between(0, 1).all()
    maps = measures[measures["method"] == "activation-gradient"]
    assert maps["headline"].any()
    assert len(tables["margins"]) == len(tables["models"])
    seeds = tables["seeds"].set_index(["condition", "measure"])
    assert seeds.at[("own-logit-mse-t4", "close_calls"), "seeds"] == 3
    assert list(tables["claims"]["n_seeds"]) == [3]
    assert list(tables["claims"]["verdict"]) != ["not tested"]
    assert (published / "figures" / "margins.svg").exists()
    page = (published / "report.html").read_text(encoding="utf-8")
    assert "models were asked for close calls" in page
    assert "models the median margin is" in page
    assert "Close calls" in page
    assert "Activation times gradient" in page
