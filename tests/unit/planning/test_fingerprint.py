"""A fingerprint follows what a module computes, and what it imports, and nothing else."""

from __future__ import annotations

import ast
import copy
import dataclasses
import json
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from distilscope import catalog
from distilscope.planning import fingerprint, syntax
from distilscope.training.schedule import SHAPES, factor
from tests.workflow.clone import SMALL, study_of

from .conftest import source


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
    both = source("distilscope.room.top", "distilscope.room.aside")
    assert both != source("distilscope.room.top")
    (package / "room/aside.py").write_text("def g():\n    return 1\n")
    assert source("distilscope.room.top", "distilscope.room.aside") != both


def test_the_function_that_an_entry_names_counts(package):
    (package / "room/aside.py").write_text("def g():\n    return 0\n\ndef h():\n    return 1\n")
    assert source("distilscope.room.aside:g") != source("distilscope.room.aside:h")


# A function in a file that imports for others; the last line says what `wanted` leads to.
LEADING = {
    "by name": ("from distilscope.room.base import f\n\ndef wanted():\n    return f(1)\n", True),
    "by module": (
        "from distilscope.room import base\n\ndef wanted():\n    return base.f(1)\n",
        True,
    ),
    "relative": ("from .base import f\n\ndef wanted():\n    return f(1)\n", True),
    "through another": (
        "from .base import f\n\ndef g():\n    return f(1)\n\ndef wanted():\n    return g()\n",
        True,
    ),
    "within": ("def wanted():\n    from .base import f\n    return f(1)\n", True),
    "by a table": ("from .base import f\n\nT = {1: f}\n\ndef wanted():\n    return T[1]\n", True),
    "by a text": ("T = 'distilscope.room.base:f'\n\ndef wanted():\n    return T\n", True),
    "by a call at the top": ("from .base import f\n\nf(1)\n\ndef wanted():\n    return 1\n", True),
    "by an attempt": (
        "try:\n    from .base import f\nexcept ImportError:\n    f = None\n\n"
        "def wanted():\n    return f(1)\n",
        True,
    ),
    "as what it passes on": ("from .base import f as wanted\n", True),
    "for another": (
        "from .base import f\n\ndef g():\n    return f(1)\n\ndef wanted():\n    return 1\n",
        False,
    ),
    "for types only": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .base import f\n\n"
        "def wanted():\n    return 1\n",
        False,
    ),
}


@pytest.mark.parametrize(("text", "leads"), LEADING.values(), ids=list(LEADING))
def test_it_follows_what_the_named_function_refers_to(package, text, leads):
    (package / "room/top.py").write_text(text)
    before = source("distilscope.room.top:wanted")
    (package / "room/base.py").write_text("def f(x):\n    return 3 * x\n")
    assert (source("distilscope.room.top:wanted") != before) == leads


def test_what_changed_since_is_named(package):
    parts = source("distilscope.room.top").parts
    assert fingerprint.changed(parts) == []
    (package / "room/base.py").write_text("# words\ndef f(x): return 2 * x\n")
    assert fingerprint.changed(parts) == []
    (package / "room/base.py").write_text("def f(x): return 3 * x\n")
    (package / "room/__init__.py").unlink()
    assert fingerprint.changed(parts) == ["distilscope.room", "distilscope.room.base"]


# ------------------------------------------------------------------------------------- the tree


def test_fields_that_only_newer_versions_have_change_nothing(tmp_path):
    """As 3.12 gives every function `type_params`, and 3.11 every name `ctx` alone."""

    class Newer(ast.FunctionDef):
        _fields = (*ast.FunctionDef._fields, "type_params_of_tomorrow")

    Newer.__name__ = "FunctionDef"
    tree = ast.parse("def f(x, *, y=2): return f'{x!r:>{y}}' + u'a'")
    old = syntax._digest(tree)
    plain = tree.body[0]
    newer = Newer(**{name: getattr(plain, name, None) for name in plain._fields})
    newer.type_params_of_tomorrow = []
    tree.body[0] = newer
    assert syntax._digest(tree) == old


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("X = 1", 'X = 1\n"""Of an attribute."""', True),
        ("X = 'a'", "X = u'a'", True),
        ("X = 1", "X = 1.0", False),
        ("X = 1", "X = True", False),
        ("X = 1", "X = '1'", False),
        ("X = None", "X = ...", False),
        ("def f(): return", "def f(): return None", False),
        ("{**a}", "{None: a}", False),
        ("a.b = 1", "del a.b", False),
        ("f(a, *b)", "f(*b, a)", False),
        ("f'{a}'", "f'{a!s}'", False),
        ("async def f(): pass", "def f(): pass", False),
        ("-1 ** 2", "(-1) ** 2", False),
    ],
)
def test_two_texts_have_one_digest_where_they_say_the_same(one, other, alike):
    first, second = (syntax._digest(_without_strings(text)) for text in (one, other))
    assert (first == second) == alike


def _without_strings(text):
    tree = ast.parse(text)
    syntax._drop_bare_strings(tree)
    return tree


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_other_versions_of_python_find_the_same_digests(version, tmp_path):
    """Every file of the package, read by that version; it needs no package to be installed."""
    managed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    found = managed[0] if managed else shutil.which(f"python{version}")
    if found is None:
        pytest.skip(f"there is no python{version}")
    names = sorted(path.as_posix() for path in fingerprint.ROOT.rglob("*.py"))
    program = (
        "import importlib.util, json, pathlib, sys\n"
        "spec = importlib.util.spec_from_file_location('syntax', sys.argv[1])\n"
        "syntax = sys.modules['syntax'] = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(syntax)\n"
        "names = json.load(sys.stdin)\n"
        "print(json.dumps([syntax.Syntax.read(pathlib.Path(n), '').digest for n in names]))\n"
    )
    done = subprocess.run(
        [found, "-c", program, fingerprint.ROOT / "planning/syntax.py"],
        input=json.dumps(names),
        capture_output=True,
        text=True,
    )
    if done.returncode and "pyenv" in done.stderr:
        pytest.skip(f"python{version} is a shim without that version")
    assert json.loads(done.stdout) == [syntax.Syntax.read(Path(n), "").digest for n in names]


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


# --------------------------------------------------------------------- the catalogue is covered


def _tables_of_the_catalogue(path):
    """The tables of the catalogue that a file names, as the interpreter would look them up."""
    tree = ast.parse(path.read_text())
    names = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "catalog"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "distilscope.catalog":
            names.update(alias.name for alias in node.names)
    return {name for name in names if isinstance(getattr(catalog, name), dict)}


def test_what_an_artefacts_code_looks_up_in_the_catalogue_is_in_its_identity(tmp_path, monkeypatch):
    """A view policy's entry is named by its dotted path, which stands among the parts.

    Claims and patterns look names up to refuse a file while the plan is made.
    """
    monkeypatch.chdir(tmp_path)
    asked = {"source": "grid", "settings": {"rows": 2, "columns": 2}}
    planned = study_of({**copy.deepcopy(SMALL), "analyses": {"alignment": {}, "parts": asked}})
    for artefact in planned.artefacts.values():
        covered = {part.partition("[")[0] for part in artefact.source.parts}
        for part in artefact.source.parts:
            place = fingerprint.file_of(part)
            if place is None or place.suffix != ".py" or part in fingerprint.COMPUTING:
                continue
            for table in _tables_of_the_catalogue(place):
                by_name = any(":" in part for part in artefact.source.parts)
                found = f"catalog.{table}" in covered or (table == "VIEW_POLICIES" and by_name)
                assert found, f"{artefact.kind}: {part} looks up {table}"


def test_the_settings_that_a_view_policy_takes_are_those_of_its_class():
    for name, path in catalog.VIEW_POLICIES.items():
        fields = dataclasses.fields(pkgutil.resolve_name(path))
        assert tuple(field.name for field in fields) == catalog.VIEW_SETTINGS[name]


def test_the_settings_that_a_schedule_takes_are_those_that_it_reads():
    """Of every schedule each setting is changed in turn: the factor moves if it is named."""
    plain = {"warmup_epochs": 0, "milestones": [1], "gamma": 0.5}
    other = {"milestones": [2], "gamma": 0.25}
    steps = range(30)
    assert set(SHAPES) == set(catalog.SCHEDULE_SETTINGS)
    for name, taken in catalog.SCHEDULE_SETTINGS.items():
        before = [factor({"name": name, **plain}, step, 10, 3) for step in steps]
        for key, value in other.items():
            edited = {"name": name, **plain, key: value}
            moves = [factor(edited, step, 10, 3) for step in steps] != before
            assert moves == (key in taken), (name, key)


# --------------------------------------------------------------------- what analyses declare


def test_no_word_that_an_analysis_declares_computes_anything(tmp_path, monkeypatch):
    """A caption draws the figures and writes the report anew, and trains and measures nothing."""
    monkeypatch.chdir(tmp_path)
    asked = {"source": "grid", "settings": {"rows": 2, "columns": 2}}
    planned = study_of({**copy.deepcopy(SMALL), "analyses": {"alignment": {}, "parts": asked}})
    worded = re.compile(r"distilscope\.(registry|analyses(\.\w+)?|.+\.(plan|configuration))")
    for artefact in planned.artefacts.values():
        parts = [part for part in artefact.source.parts if ":" not in part]
        assert not [part for part in parts if worded.fullmatch(part)], artefact.kind


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("analyses/mine/measure.py", True),
        ("analyses/mine/figures/__init__.py", True),
        ("analyses/mine/__init__.py", False),
        ("analyses/mine/plan.py", False),
        ("analyses/mine/configuration.py", False),
        ("registry.py", False),
    ],
)
def test_of_an_analysis_counts_what_computes(package, file, changes):
    for name, text in {
        "registry.py": "X = 1\n",
        "analyses/__init__.py": "",
        "analyses/mine/__init__.py": "from distilscope.analyses.mine import configuration\n",
        "analyses/mine/configuration.py": "Y = 1\n",
        "analyses/mine/plan.py": "Z = 1\n",
        "analyses/mine/figures/__init__.py": "W = 1\n",
        "analyses/mine/figures/drawn.py": "V = 1\n",
        "analyses/mine/measure.py": (
            "from distilscope import registry\n"
            "from distilscope.analyses.mine import plan\n"
            "from distilscope.analyses.mine.configuration import Y\n"
            "from distilscope.analyses.mine.figures.drawn import V\n\n"
            "def measure():\n    return registry.X + plan.Z + Y + V\n"
        ),
    }.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    before = source("distilscope.analyses.mine.measure:measure")
    with open(package / file, "a") as handle:
        handle.write("\nCAPTION = 'other words'\n")
    assert (source("distilscope.analyses.mine.measure:measure") != before) == changes


def test_what_every_job_is_computed_by_is_found_again_when_it_runs(tmp_path, monkeypatch):
    """A job refuses to run where the source is not that of its plan, so each part has a file."""
    monkeypatch.chdir(tmp_path)
    asked = {name: {} for name in ("outputs", "alignment", "representation", "shortcuts")}
    planned = study_of({**copy.deepcopy(SMALL), "analyses": asked})
    for artefact in planned.artefacts.values():
        assert fingerprint.changed(artefact.source.parts) == []
    assert any(part.endswith("section.html") for part in planned.report.source.parts)


def test_a_file_beside_a_module_of_the_users_is_found_again(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_section.py").touch()
    page = tmp_path / "own_section.html"
    page.write_text("<p>before</p>")
    before = fingerprint.beside([("own_section", page)])
    assert fingerprint.changed(before.parts) == []
    page.write_text("<p>after</p>")
    assert fingerprint.changed(before.parts) == ["own_section/own_section.html"]


def test_a_module_in_packages_without_an_init_is_found_without_importing_them(
    tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "a_company/of/ours/nets.py"
    file.parent.mkdir(parents=True)
    file.write_text("from a_company.of import nowhere\n\n\ndef net():\n    return 1\n")
    found = fingerprint.source("a_company.of.ours.nets:net")
    assert fingerprint.file_of("a_company.of.ours.nets") == file
    assert "a_company" not in sys.modules
    file.write_text(file.read_text().replace("return 1", "return 2"))
    assert fingerprint.changed(found.parts) == ["a_company.of.ours.nets"]
