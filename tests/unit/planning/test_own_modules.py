"""What of the user's own modules a fingerprint covers."""

from __future__ import annotations

import pytest

from .conftest import source


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder of the user's modules, which none of these tests imports."""
    for name, text in {
        "my_net.py": "import json\nimport numpy\nfrom parts_of_net import act\nraise SystemExit\n",
        "parts_of_net.py": "from kit.layers import relu as act\n",
        "kit/__init__.py": "",
        "kit/layers.py": "from . import numbers_\n\ndef relu(x):\n    return max(0, x)\n",
        "kit/numbers_.py": "SLOPE = 1\n",
        "elsewhere.py": "X = 1\n",
        "site-packages/installed.py": "Y = 1\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("my_net.py", True),
        ("parts_of_net.py", True),
        ("kit/__init__.py", True),
        ("kit/layers.py", True),
        ("kit/numbers_.py", True),
        ("elsewhere.py", False),
    ],
)
def test_a_factory_of_the_users_covers_what_it_imports(own, file, changes):
    before = source("my_net:make")
    with open(own / file, "a") as handle:
        handle.write("ADDED = 2\n")
    assert (source("my_net:make") != before) == changes


@pytest.mark.parametrize(
    "late",
    [
        "import importlib\ndef make(): return importlib.import_module('kit.layers').relu\n",
        "from importlib import import_module\nLAYERS = import_module('kit.layers')\n",
        "def make(): return __import__('kit.layers')\n",
    ],
)
def test_a_module_that_a_call_imports_by_its_name_is_covered(own, late):
    (own / "my_net.py").write_text(late)
    assert {"kit", "kit.layers", "kit.numbers_"} <= set(source("my_net:make").parts)


def test_installed_packages_and_pythons_own_are_not_covered(own):
    (own / "my_net.py").write_text("import json, numpy, installed\n")
    assert set(source("my_net:make").parts) == {"my_net", "my_net:make"}
