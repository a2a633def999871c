"""What a Python file says to the computer, the same whatever version of Python reads it.

A file's digest is over its syntax tree: without comments, docstrings and other bare strings, and
without empty fields, of which newer versions have more. What a definition refers to is found in
the same tree, so that of two functions of one file each leads to the modules that it uses.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

EVERYTHING = "*"
"""All names of a module."""
EXECUTED = ""
"""None of its names: what importing it does."""

_DOTTED = re.compile(r"distilscope(\.\w+)+(:\w+)?")
_WITHOUT_MEANING = frozenset({"kind", "type_comment", "type_ignores"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Reference:
    """What a definition leads to outside its file.

    Attributes:
        module: dotted name.
        name: of `from module import name`; None for `import module`.
        attribute: what of it is used; None if it is used as a whole.
        text: it stands in a text, such as a table of `package.module:function`.
    """

    module: str
    name: str | None = None
    attribute: str | None = None
    text: bool = False


@dataclass
class Syntax:
    """A file as it was read.

    Attributes:
        digest: SHA-256 of what it says, in hex.
        imported: name at the top of the file -> what it stands for.
        definitions: name -> the statements that define it.
        executed: the statements that importing runs, besides definitions.
        package: what relative imports start from.
    """

    digest: str
    package: str
    imported: dict[str, list[Reference]] = field(default_factory=dict)
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    executed: list[ast.stmt] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, package: str) -> Syntax:
        """Parse a file; of one that is no Python source only the bytes count.

        Raises:
            OSError, SyntaxError, ValueError: it can't be read.
        """
        content = path.read_bytes()
        if path.suffix != ".py":
            return cls(hashlib.sha256(content).hexdigest(), package)
        tree = ast.parse(content, filename=str(path))
        _drop_bare_strings(tree)
        made = cls(_digest(tree), package)
        for statement in tree.body:
            made._place(statement)
        return made

    def leads_to(self, name: str) -> set[Reference]:
        """What the definition of `name`, and importing the file, refer to in other files.

        A name that is not defined here, and so is made while the file runs, leads to everything.
        """
        if name not in (EVERYTHING, EXECUTED, *self.definitions, *self.imported):
            name = EVERYTHING
        if name == EVERYTHING:
            waiting = [*self.definitions, *self.imported]
        else:
            waiting = [name] if name else []
        waiting += [used for used, _ in self._executed_uses]
        found = set(self._references(EXECUTED))
        seen: set[str] = set()
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            if one == name or name == EVERYTHING:
                found.update(self.imported.get(one, ()))
            found.update(self._references(one))
            waiting += [used for used, _ in self._uses(one) if used in self.definitions]
        return found

    @property
    def _executed_uses(self) -> set[tuple[str, str | None]]:
        return {use for use in self._uses(EXECUTED) if use[0] in self.definitions}

    def _references(self, name: str) -> Iterator[Reference]:
        """What one definition refers to, by imports at the top of the file or within itself."""
        for used, attribute in self._uses(name):
            for meant in self.imported.get(used, ()):
                yield Reference(meant.module, meant.name, attribute)
        yield from self._inner.get(name, ())

    def _uses(self, name: str) -> set[tuple[str, str | None]]:
        return self._names.get(name, set())

    @cached_property
    def _names(self) -> Mapping[str, set[tuple[str, str | None]]]:
        """Definition -> the names that stand in it, each with the attribute that is asked of it."""
        found = {name: set(_names(nodes)) for name, nodes in self.definitions.items()}
        return {**found, EXECUTED: set(_names(self.executed))}

    @cached_property
    def _inner(self) -> Mapping[str, set[Reference]]:
        """Definition -> what it imports itself, or names as text (`package.module:function`)."""
        found = {name: set(self._inner_references(ns)) for name, ns in self.definitions.items()}
        executed = (one for one in self._inner_references(self.executed) if one.text)
        return {**found, EXECUTED: set(executed)}

    def _inner_references(self, nodes: list[ast.stmt]) -> Iterator[Reference]:
        for node in (inner for outer in nodes for inner in ast.walk(outer)):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                yield from (meant for _, meant in self._bound(node))
            elif isinstance(node, ast.Constant) and _DOTTED.fullmatch(str(node.value)):
                module, _, name = node.value.partition(":")
                yield Reference(module, None, name or None, text=True)
            elif isinstance(node, ast.Call) and (named := _imported_by_call(node)):
                yield Reference(named, text=True)

    def _place(self, statement: ast.stmt) -> None:
        """Sort a statement of the top of the file: an import, a definition, or neither."""
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            for name, meant in self._bound(statement):
                self.imported.setdefault(name, []).append(meant)
            return
        names = _defined(statement)
        for name in names:
            self.definitions.setdefault(name, []).append(statement)
        if not names:  # a call, or a condition or an attempt around imports and definitions
            self.executed.append(statement)
            for inner in ast.walk(statement):
                if isinstance(inner, ast.stmt) and inner is not statement:
                    self._place_inner(inner)

    def _place_inner(self, statement: ast.stmt) -> None:
        """Within a condition: what it binds is known by its name, here as at the top."""
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            for name, meant in self._bound(statement):
                self.imported.setdefault(name, []).append(meant)
        for name in _defined(statement):
            self.definitions.setdefault(name, []).append(statement)

    def _bound(self, statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Reference]]:
        """The names that an import gives, and what they stand for."""
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if alias.asname:
                    yield alias.asname, Reference(alias.name)
                else:  # all of it: `a.b.c` is known by `a`
                    yield alias.name.partition(".")[0], Reference(alias.name, EVERYTHING)
            return
        base = statement.module or ""
        if statement.level:
            parts = self.package.split(".")
            kept = parts[: len(parts) - statement.level + 1]
            base = ".".join([*kept, base] if base else kept)
        for alias in statement.names:
            yield alias.asname or alias.name, Reference(base, alias.name)


def _imported_by_call(call: ast.Call) -> str | None:
    """The module of `importlib.import_module("a.b")` or `__import__("a.b")`."""
    function = getattr(call.func, "attr", None) or getattr(call.func, "id", None)
    named = getattr(call.args[0], "value", None) if call.args else None
    known = function in ("import_module", "__import__") and isinstance(named, str)
    return named if known and re.fullmatch(r"\w+(\.\w+)*", named) else None


def _defined(statement: ast.stmt) -> list[str]:
    """The names that a statement defines and does nothing else; none where it does more."""
    if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
        return [statement.name]
    if isinstance(statement, ast.AnnAssign):
        targets: list[ast.expr] = [statement.target]
    elif isinstance(statement, ast.Assign):
        targets = statement.targets
    else:
        return []
    plain = [each for target in targets for each in getattr(target, "elts", [target])]
    names = [target.id for target in plain if isinstance(target, ast.Name)]
    return names if len(names) == len(plain) else []


def _names(nodes: list[ast.stmt]) -> Iterator[tuple[str, str | None]]:
    waiting: list[ast.AST] = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr
        elif isinstance(node, ast.Name):
            yield node.id, None
        else:
            waiting += ast.iter_child_nodes(node)


def _drop_bare_strings(tree: ast.Module) -> None:
    """Take out docstrings, of attributes too: a statement that is a string does nothing."""
    for node in ast.walk(tree):
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list) and any(map(_is_bare_string, statements)):
                kept = [each for each in statements if not _is_bare_string(each)]
                setattr(node, block, kept or [ast.Pass()])


def _is_bare_string(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _digest(tree: ast.AST) -> str:
    words: list[str] = []
    _spell(tree, words)
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def _spell(value: Any, words: list[str]) -> None:
    """Add a tree's words in one order: of a node its kind and the fields that hold something."""
    if isinstance(value, list):
        words.append("[")
        for item in value:
            _spell(item, words)
        words.append("]")
    elif isinstance(value, (ast.Constant, ast.MatchSingleton)):
        # Escaped: which characters can be printed is another question to each version.
        words.append(f"{type(value.value).__name__} {value.value!a}")
    elif isinstance(value, ast.AST):
        words.append(f"({type(value).__name__}")
        for name in sorted(value._fields):
            held = getattr(value, name, None)
            if held is None or held == [] or name in _WITHOUT_MEANING:
                continue
            words.append(name)
            _spell(held, words)
        words.append(")")
    else:
        words.append(ascii(value))
