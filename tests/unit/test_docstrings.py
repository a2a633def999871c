"""What a docstring says of attributes and arguments is of some that there are."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path for room in ("src", "benchmarks", "tests") for path in ROOT.glob(f"{room}/**/*.py")
)


def listed(node: ast.ClassDef | ast.FunctionDef, heading: str) -> list[str]:
    """The names below a heading: at the beginning of an entry, or behind the end of another."""
    said = ast.get_docstring(node) or ""
    found = re.search(rf"^{heading}:\n((?:    .*\n?|\n)+)", said, re.MULTILINE)
    if found is None:
        return []
    names = re.findall(
        r"(?:^|\. )((?:[a-z]\w*, )*[a-z]\w*): ", textwrap.dedent(found[1]), re.MULTILINE
    )
    return [name for group in names for name in group.split(", ")]


def attributes(node: ast.ClassDef) -> set[str]:
    """Fields, methods and what is assigned to `self`."""
    found = {each.target.id for each in node.body if isinstance(each, ast.AnnAssign)}
    found |= {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
    stored = (each for each in ast.walk(node) if isinstance(each, ast.Attribute))
    return found | {each.attr for each in stored if isinstance(each.ctx, ast.Store)}


def arguments(node: ast.FunctionDef) -> set[str]:
    """Every argument, those that are collected too."""
    own = node.args
    collected = [each for each in (own.vararg, own.kwarg) if each is not None]
    return {each.arg for each in (*own.posonlyargs, *own.args, *own.kwonlyargs, *collected)}


def unknown(tree: ast.AST) -> Iterator[str]:
    """Names that a docstring lists and that are not there; of a class that inherits, any may be."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and not node.bases:
            yield from set(listed(node, "Attributes")) - attributes(node)
        elif isinstance(node, ast.FunctionDef):
            yield from set(listed(node, "Args")) - arguments(node)


def test_every_attribute_and_argument_that_a_docstring_lists_is_there():
    found = {path: sorted(unknown(ast.parse(path.read_text()))) for path in FILES}
    assert {str(path.relative_to(ROOT)): names for path, names in found.items() if names} == {}


def test_a_name_that_is_not_there_is_found():
    text = '''
class Held:
    """Some.

    Attributes:
        one: there. gone: not there, since: a colon
            within: a sentence lists nothing.
        two, lost: one of these.
    """

    one: int

    def __init__(self, two):
        """Begin.

        Args:
            two: there. three: not there.

        Raises:
            ValueError: never.
        """
        self.two = two
'''
    assert sorted(unknown(ast.parse(text))) == ["gone", "lost", "three"]
