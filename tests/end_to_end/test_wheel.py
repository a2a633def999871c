"""What people get with `pip install`: a study planned from a wheel, far from any clone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from .making import REPOSITORY

PARTS = ("src", "rules", "workflow", "envs", "profiles", "config", "resources")
FILES = ("Snakefile", "pyproject.toml", "constraints.txt", "README.md", "LICENSE")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def done(*command: str | Path, folder: Path) -> str:
    """What a command says where this clone is not to be found."""
    without = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ended = subprocess.run(command, cwd=folder, env=without, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """An environment with the wheel, above the packages of this one."""
    place = tmp_path_factory.mktemp("wheel")
    for name in PARTS:
        ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
        shutil.copytree(REPOSITORY / name, place / "source" / name, ignore=ignored)
    for name in FILES:
        shutil.copy(REPOSITORY / name, place / "source")
    build = (*PIP, "wheel", "--quiet", "--no-deps", "-w", place, place / "source")
    done(*build, folder=place)
    shutil.rmtree(place / "source")
    environment = place / "environment"
    done(sys.executable, "-m", "venv", "--without-pip", environment, folder=place)
    own = Path(sysconfig.get_paths(vars={"base": str(environment)})["purelib"])
    (own / "below.pth").write_text(sysconfig.get_paths()["purelib"])
    wheel = next(place.glob("*.whl"))
    options = ("--quiet", "--no-deps", "--ignore-installed")
    done(*PIP, "--python", environment / "bin/python", "install", *options, wheel, folder=place)
    return environment


@pytest.mark.long(2)
def test_a_wheel_has_the_command_the_workflow_and_the_library(installed, tmp_path):
    command = installed / "bin/distilscope"
    assert "audit" in done(command, "--help", folder=tmp_path)
    where = "import distilscope; print(distilscope.__file__)"
    python = installed / "bin/python"
    assert done(python, "-c", where, folder=tmp_path).startswith(str(installed))
    default = installed / "share/distilscope/config/config.yaml"
    planned = done(command, "plan", "--configuration", default, folder=tmp_path)
    assert "jobs" in planned and "report" in planned
    dry = (python, "-m", "snakemake", "-n", "--quiet", "rules", "--cores", "1")
    workflow = ("--snakefile", installed / "share/distilscope/Snakefile")
    done(*dry, *workflow, "--configfile", default, folder=tmp_path)
