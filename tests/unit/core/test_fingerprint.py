"""A fingerprint follows what a module computes, and what it imports, and nothing else."""

from __future__ import annotations

import pytest

from distilscope import fingerprint


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of three modules: `top` imports `base`, nobody imports `aside`."""
    (tmp_path / "room").mkdir()
    for name, text in {
        "__init__.py": "",
        "store.py": "def write(): return 1\n",
        "room/__init__.py": "",
        "room/base.py": '"""Doc."""\n\ndef f(x):\n    """Double."""\n    return 2 * x\n',
        "room/top.py": "from distilscope import store\nfrom distilscope.room.base import f\n",
        "room/aside.py": "def g():\n    return 0\n",
    }.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    return tmp_path


def source(*modules):
    for name in ("source", "_file", "_tree", "_imports", "_digest"):
        getattr(fingerprint, name).cache_clear()
    return fingerprint.source(*modules)


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("room/base.py", '"""Doc."""\n\ndef f(x):\n    """Double."""\n    return 3 * x\n', True),
        ("room/base.py", "# comment\ndef f( x ):\n    '''Other words.'''\n    return 2*x\n", False),
        ("room/aside.py", "def g():\n    return 1\n", False),
        ("store.py", "def write(): return 2\n", False),
        ("room/__init__.py", "X = 1\n", True),
    ],
    ids=["an imported function", "words and spaces", "an unused module", "the store", "the room"],
)
def test_only_an_edit_of_what_is_computed_changes_it(package, file, text, changes):
    before = source("distilscope.room.top")
    (package / file).write_text(text)
    assert (source("distilscope.room.top") != before) == changes


def test_it_depends_on_every_module_that_is_named(package):
    assert source("distilscope.room.top:f") == source("distilscope.room.top")
    both = source("distilscope.room.top", "distilscope.room.aside")
    assert both != source("distilscope.room.top")
    (package / "room/aside.py").write_text("def g():\n    return 1\n")
    assert source("distilscope.room.top", "distilscope.room.aside") != both


def test_a_module_that_is_not_there_is_named(package):
    with pytest.raises(ModuleNotFoundError, match=r"distilscope\.room\.nothing"):
        source("distilscope.room.nothing")


def test_a_fingerprint_names_what_it_covers_and_two_add_up():
    code = fingerprint.source("distilscope.measuring.compare")
    entries = fingerprint.entries("METHODS", {"a": 1})
    assert "distilscope.measuring.compare" in code.parts
    assert not any("store" in name for name in code.parts)
    both = code + entries
    assert both == str(code) + str(entries)
    assert dict(both.parts) == {**code.parts, **entries.parts}
    assert entries != fingerprint.entries("METHODS", {"a": 2})
