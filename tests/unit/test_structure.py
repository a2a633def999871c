"""The package as a graph of imports: no circle, rooms in order, no long file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import distilscope
from distilscope import catalog, registry

ROOT = Path(distilscope.__file__).parent
PACKAGE = "distilscope"
LONGEST = 350
PAGE = Path(__file__).parents[2] / "docs/architecture.md"


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs: of `if TYPE_CHECKING` only what stands in its `else`."""
    for node in ast.iter_child_nodes(tree):
        typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for each in node.orelse if typing else [node]:
            yield each
            yield from statements(each)


def imports(name: str) -> set[str]:
    """The modules of the package that a module imports, at its top or within a function."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in statements(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *filter(None, [node.module])]) if node.level else node.module
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.add(inner if inner in MODULES else base)
    return {each for each in found if each in MODULES} - {name}


GRAPH = {name: imports(name) for name in MODULES}


def circles() -> list[set[str]]:
    """The strongly connected files, by what each reaches."""
    reached: dict[str, set[str]] = {}
    for start in GRAPH:
        seen: set[str] = set()
        waiting = [*GRAPH[start]]
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting += GRAPH[one]
        reached[start] = seen
    found: list[set[str]] = []
    for name in GRAPH:
        if name in reached[name] and not any(name in known for known in found):
            found.append({other for other in reached[name] if name in reached[other]})
    return found


def test_the_graph_sees_imports_at_the_top_and_within_functions():
    assert f"{PACKAGE}.planning.study" in GRAPH[f"{PACKAGE}.planning.state"]
    assert all(GRAPH[f"{PACKAGE}.__main__"]) and f"{PACKAGE}.planning" in MODULES


def test_no_file_waits_for_itself():
    assert circles() == []


def test_no_file_is_long():
    lengths = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: count for name, count in lengths.items() if count > LONGEST} == {}


def room(name: str) -> str:
    """The folder of the package that a module lies in, or its own name."""
    return name.split(".")[1] if "." in name else ""


ORDER = (
    *(
        "",
        "words",
        "optional",
        "catalog",
        "registry",
        "configuration",
        "store",
        "planning",
        "workflow",
    ),
    *("data", "models", "training", "observing", "checking", "statistics", "measuring"),
    *("reporting", "analyses", "measures", "face", "auditing", "commands", "__main__"),
)
"""As in docs/architecture.md; `""` is the package itself."""

INDEX = ("catalog", "registry")
"""They list what other rooms declare, by name."""


def test_analyses_are_imported_by_the_registry_by_one_another_and_by_the_face_alone():
    """What an analysis is declared with, `analyses.declaration`, is for everybody; `measures` gives
    people the functions of analyses under plain names, and the face asks for what a plan asks for.
    """
    allowed = ("registry", "analyses", "measures", "face")
    found = {
        (name, other)
        for name, others in GRAPH.items()
        for other in others
        if room(other) == "analyses" and room(name) not in allowed
    }
    assert {pair for pair in found if not pair[1].endswith((".declaration", ".analyses"))} == set()


def test_a_room_imports_only_rooms_above_it_and_declarations():
    found = {
        (name, other)
        for name, others in GRAPH.items()
        for other in others
        if ORDER.index(room(other)) > ORDER.index(room(name)) and room(name) not in INDEX
    }
    assert {pair for pair in found if not pair[1].endswith(".declaration")} == set()


def test_the_page_has_the_rooms_in_that_order():
    section = PAGE.read_text().split("## Rooms")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section, re.M)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert named == [name for name in ORDER if name not in ("__main__", "")]


def test_nothing_of_the_pipeline_knows_its_python_face():
    found = {
        (name, other)
        for name, others in GRAPH.items()
        for other in others
        if room(other) in ("face", "measures") and room(name) not in ("face", "measures")
    }
    assert found == set()


# -------------------------------------------------------------------------- no branch on a name

SHIPPED = sorted((Path(__file__).parents[2] / "config").rglob("*.yaml"))
STUDIES = {yaml.safe_load(path.read_text())["study"] for path in SHIPPED}
NAMES = {*STUDIES, *registry.analyses(), *catalog.METHODS, *catalog.OBJECTIVES}
ALSO_WORDS = {"saliency", "parts", "attention", "reasoning"}
"""Names that mean something else too: what an observation holds, kinds of maps and inputs."""

OWN_PLACES = {
    "analyses/dark_knowledge/": {"ts", "ats", "isats", "fused"},
    "training/objectives/": {*catalog.OBJECTIVES},
    "observing/methods/": {*catalog.METHODS},
}
"""Folders that are about what they name."""


def branches(text: str) -> Iterator[tuple[int, str]]:
    """(line, name) of each comparison with the name of a study, analysis, method or objective."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare | ast.MatchValue):
            for each in ast.walk(node):
                name = each.value if isinstance(each, ast.Constant) else None
                if isinstance(name, str) and name in NAMES - ALSO_WORDS:
                    yield node.lineno, name


def test_nothing_asks_what_a_study_an_analysis_a_method_or_an_objective_is_called():
    found = set()
    for module, path in MODULES.items():
        place = path.relative_to(ROOT).as_posix()
        own = {name for folder, names in OWN_PLACES.items() if folder in place for name in names}
        own |= {name for name in registry.analyses() if f"analyses/{name}/" in place}
        found |= {(module, *at) for at in branches(path.read_text()) if at[1] not in own}
    assert found == set()


@pytest.mark.parametrize(
    "text",
    [
        "if name == 'kd': pass",
        "x = 1 if method in ('gradcam', 'other') else 2",
        "match name:\n    case 'shortcuts': pass",
        "found = [c for c in shown if c.row['objective'] != 'ce']",
        "assert study != 'where-models-look'",
    ],
)
def test_a_branch_on_a_name_is_seen(text):
    assert list(branches(text))


def test_a_name_that_is_looked_up_is_no_branch():
    assert not list(branches("METHODS = {'gradcam': f}; found = METHODS['gradcam'](x)"))


PARAMETERS = {name for objective in catalog.OBJECTIVES.values() for name in objective.parameters}
SPELLED = {
    "training/objectives/": PARAMETERS,
    "analyses/sweeps/": {"T", "alpha"},
    "analyses/dark_knowledge/figures/asymmetric.py": {"tau_true", "tau_rest"},
    "analyses/reasoning/tests_table.py": {"T"},  # which the published test chooses on test items
    "configuration/renamed.py": {"alpha"},  # the error rate of claims, under its earlier key
    "data/policies.py": {"alpha", "sigma"},  # of torchvision's transforms
    "catalog.py": {"gamma"},  # of a schedule, as in the next line
    "training/schedule.py": {"gamma"},
    "models/halving.py": {"T"},  # a type
    "training/adapters.py": {"alpha"},  # of LoRA, as everybody calls it
}
"""Where parameters of objectives are spelled: by themselves, what is about them, and homonyms."""


def test_parameters_of_an_objective_are_spelled_by_it_and_by_what_is_about_it():
    found = set()
    for module, path in MODULES.items():
        place = path.relative_to(ROOT).as_posix()
        own = {n for start, names in SPELLED.items() if place.startswith(start) for n in names}
        nodes = ast.walk(ast.parse(path.read_text()))
        said = {node.value for node in nodes if isinstance(node, ast.Constant)}
        found |= {(module, name) for name in (said & PARAMETERS) - own}
    assert len(PARAMETERS) > 8
    assert found == set()
