"""The form of the pages: their lines, the README's length, a page for each study that ships."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "config/README.md"])
WIDTH = 120


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_wrapped(page):
    """Tables, headings, pictures and examples have the length that they need."""
    long, fenced = [], False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fenced ^= line.startswith("```")
        if len(line) > WIDTH and not fenced and not line.startswith(("|", "#", "![")):
            long.append((number, line))
    assert long == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130


def test_every_configuration_that_ships_is_explained():
    page = (ROOT / "config/README.md").read_text()
    names = [path.relative_to(ROOT / "config").as_posix() for path in ROOT.glob("config/**/*.yaml")]
    assert len(names) > 10
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_page_of_a_study_shows_its_command_and_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    for page in ROOT.glob("docs/studies/*.md"):
        assert f"docs/studies/{page.name}" in readme
        commands = re.findall(r"--configfile (\S+)|(distilscope audit)", page.read_text())
        assert commands, page
        assert all((ROOT / path).exists() for path, _ in commands if path)
