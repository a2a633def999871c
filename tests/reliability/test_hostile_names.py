"""Names that would leave a folder, reach a shell or break a page, and do none of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distilscope import store
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse

from ..unit.reporting import browser
from . import studies

BUNDLED = studies.REPOSITORY / "resources/fashion-mnist-subset/fashion-mnist-subset.npz"
ODD_PLACE = 'it\'s a "place"; $(touch made) `touch made` {model} *'

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "\"'quoted'\" & <b> -->",
    "line\nbreak\u2028here",
    "鞋子 👟 é",
    "$(touch made); rm -rf x {model}",
    os.fsdecode(b"no utf-8 \xff"),
)
"""Names of classes, as folders: everything but a slash and a NUL."""


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/b",
        "/x",
        "a; rm -rf x",
        "$(x)",
        "`x`",
        "",
        ".",
        "..",
        "-rf",
        "a b",
        "a\n",
        "é",
        "{a}",
    ],
)
def test_a_name_that_could_leave_the_results_or_reach_a_shell_is_refused(name):
    for part in ("recipes", "teachers", "students"):
        raw = studies.small()
        raw[part][name] = next(iter(raw[part].values()))
        with pytest.raises(ConfigurationError, match=part):
            parse(raw)
    with pytest.raises(ConfigurationError, match="study"):
        parse(studies.small(study=name))


def test_images_at_an_odd_path_are_read_and_no_shell_reads_the_path(tmp_path):
    folder = tmp_path / ODD_PLACE
    folder.mkdir()
    shutil.copy(BUNDLED, folder / "images.npz")
    raw = studies.small(data__name="npz", data__path=str(folder / "images.npz"))
    with studies.inside(tmp_path):
        study = studies.plan(raw)
        made = studies.make(study.dataset)
        assert len(store.read_json(made / "manifest.json")["classes"]) == 10
    assert not list(tmp_path.rglob("made"))


STUB = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done >> "$TOLD"
"""


@pytest.mark.parametrize(
    "name",
    ["it's.yaml", 'a"b.yaml', "a b.yaml", "$(touch made).yaml", "`touch made`", "'; touch made; '",
     "$(shell touch made)", "$HOME.yaml", "-n.yaml"],
)  # fmt: skip
@pytest.mark.parametrize("target", ["study", "plan"])
def test_the_name_of_a_configuration_reaches_no_shell_and_not_make(tmp_path, name, target):
    words = words_of_make(tmp_path, target, f"STUDY_CONFIG={name}")
    option = "--configfile" if target == "study" else "--configuration"
    assert words[words.index(option) + 1] == name
    assert not list(tmp_path.rglob("made"))


@pytest.mark.parametrize("text", ["$(touch made)", "grid; touch made", "$(shell touch made)"])
@pytest.mark.parametrize(
    ("target", "variable", "option"),
    [("bench", "ONLY", "--only"), ("test-long", "LONG_BUDGET", "--long-budget")],
)
def test_what_make_is_told_to_run_reaches_no_shell(tmp_path, text, target, variable, option):
    words = words_of_make(tmp_path, target, f"{variable}={text}")
    assert " ".join(words[words.index(option) + 1 :]).startswith(text)
    assert not list(tmp_path.rglob("made"))


def words_of_make(tmp_path: Path, *arguments: str) -> list[str]:
    """Every word that the commands of `make` were given, in an environment of stubs."""
    commands = tmp_path / "venv/bin"
    commands.mkdir(parents=True)
    for command in ("python", "snakemake", "pip"):
        (commands / command).write_text(STUB)
        (commands / command).chmod(0o755)
    (tmp_path / "Makefile").write_bytes((studies.REPOSITORY / "Makefile").read_bytes())
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    (tmp_path / "venv/.installed").touch()
    done = subprocess.run(
        ["make", "VENV=venv", *arguments],
        cwd=tmp_path,
        env={**os.environ, "TOLD": str(tmp_path / "told")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return (tmp_path / "told").read_text().splitlines()


@pytest.mark.long(1)
def test_snakemake_too_takes_images_at_an_odd_path(tmp_path):
    folder = studies.begin(
        tmp_path / "study", studies.small(data__name="npz", data__path=f"../{ODD_PLACE}/images.npz")
    )
    (tmp_path / ODD_PLACE).mkdir()
    shutil.copy(BUNDLED, tmp_path / ODD_PLACE / "images.npz")
    studies.run_well(folder, "--until", "dataset")
    assert list((folder / "results/store/datasets").glob("npz.*/run.json"))
    assert not list(tmp_path.rglob("made"))


# ------------------------------------------------------------------ through to the report


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A study over a folder of pictures whose classes and files have such names: its folder."""
    folder = tmp_path_factory.mktemp("hostile")
    draw_pictures(folder / "pictures")
    raw = studies.small(title=HOSTILE[0] + HOSTILE[1], data__name="image-folder")
    raw["data"] |= {"path": "pictures", "limit": {"train": 12, "test": 6}}
    with studies.inside(folder):
        study = studies.plan(raw)
    studies.make_all(study, folder)
    return folder


def draw_pictures(place):
    random = np.random.default_rng(1)
    for number, name in enumerate(HOSTILE):
        for part, count in (("train", 12), ("test", 6)):
            (place / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = random.integers(0, 256, (28, 28), dtype=np.uint8)
                pixels[:, 4 * number : 4 * number + 4] = 255
                Image.fromarray(pixels).save(place / part / name / f"{i} {name[:40]}.png")


@pytest.mark.long(1)
def test_hostile_class_names_come_through_to_the_manifest(hostile):
    (manifest,) = (hostile / "results/store/datasets").glob("*/manifest.json")
    assert json.loads(manifest.read_text())["classes"] == sorted(HOSTILE)
    assert not list(hostile.rglob("made"))


@pytest.mark.long(1)
@pytest.mark.skipif(browser.executable() is None, reason="Chromium is not installed")
def test_hostile_class_names_are_text_in_the_report_and_run_nothing(hostile, tmp_path):
    page = hostile / "results/small/report.html"
    with browser.opened(tmp_path) as tab:
        tab.open(page.as_uri())
        assert tab.complaints == []
        asked = {url for url in tab.requests if not url.startswith("data:")}
        assert asked <= {page.as_uri(), "about:blank"}
        shown = tab.js("document.body.textContent")
        assert HOSTILE[0] in shown
        assert "鞋子 👟 é" in shown
        assert tab.js("document.querySelectorAll('img[src=x], b').length") == 0
        assert HOSTILE[0] in tab.js("document.title")
