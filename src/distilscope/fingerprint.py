"""The identity of the source that computes an artefact.

The fingerprint of a module is over its syntax tree without comments and docstrings, together
with those of the modules it imports from this package. Editing a loss changes what is trained
with it; editing a comment changes nothing. Modules that do not compute (reading and writing,
logging, the plan itself) are left out.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PACKAGE = "distilscope"
ROOT = Path(__file__).parent

NOT_COMPUTING = frozenset({PACKAGE}) | frozenset(
    f"{PACKAGE}.{name}"
    for name in (
        "catalog",
        "claims",
        "data.fetching",
        "fingerprint",
        "interrupt",
        "job",
        "progress",
        "provenance",
        "script",
        "settings",
        "store",
        "study",
        "training.checkpoint",
    )
)


class Fingerprint(str):
    """A fingerprint as text that also knows what it covers. Two of them add up to one of both.

    Attributes:
        parts: digest by name of each module, template or catalogue entry.
    """

    parts: Mapping[str, str]

    def __new__(cls, text: str, parts: Mapping[str, str]) -> Fingerprint:
        made = super().__new__(cls, text)
        made.parts = parts
        return made

    def __add__(self, other: str) -> Fingerprint:
        return Fingerprint(str(self) + str(other), {**self.parts, **getattr(other, "parts", {})})

    @classmethod
    def of(cls, parts: Mapping[str, str]) -> Fingerprint:
        """The fingerprint of named digests: 16 hex digits."""
        lines = [f"{name} {digest}" for name, digest in parts.items()]
        return cls(hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16], parts)


@cache
def source(*modules: str) -> Fingerprint:
    """The fingerprint of what these modules compute: 16 hex digits.

    Args:
        modules: dotted module names, or `module:function` of which the module counts. Modules
            outside this package (a user's own factory) count with their own text only.
    """
    names = {name.partition(":")[0] for name in modules}
    covered = sorted(set().union(*(_closure(name) for name in names)))
    return Fingerprint.of({name: _digest(_file(name)) for name in covered})


def _closure(module: str) -> frozenset[str]:
    """The module and what it imports from this package, transitively."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or _does_not_compute(name):
            continue
        found.add(name)
        if _inside(name):
            waiting.extend(_imports(_file(name), name))
            waiting.append(name.rpartition(".")[0] or PACKAGE)  # importing runs the packages too
    return frozenset(found)


def _does_not_compute(module: str) -> bool:
    return module in NOT_COMPUTING or module.startswith(f"{PACKAGE}.study.")


def _inside(module: str) -> bool:
    return module == PACKAGE or module.startswith(PACKAGE + ".")


@cache
def _file(module: str) -> Path:
    """The file of a module, without importing it.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    if _inside(module):
        base = ROOT.joinpath(*module.split(".")[1:])
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file():
                return candidate
    else:
        spec = importlib.util.find_spec(module)
        if spec and spec.origin:
            return Path(spec.origin)
    raise ModuleNotFoundError(f"there is no module {module!r}", name=module)


@cache
def _tree(path: Path) -> ast.Module:
    """What a file says to the computer: without comments and docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]) and _may_have_one(node):
            node.body = body[1:] or [ast.Pass()]
    return tree


@cache
def _imports(path: Path, module: str) -> tuple[str, ...]:
    """The modules of this package that a file imports, wherever in it."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = []
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parts, base] if base else parts)
            found.append(base)
            found.extend(f"{base}.{alias.name}" for alias in node.names)
    return tuple(sorted({name for name in found if _inside(name) and _is_module(name)}))


def _is_module(name: str) -> bool:
    try:
        _file(name)
    except ModuleNotFoundError:
        return False
    return True


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(ast.unparse(_tree(path)).encode()).hexdigest()


def _may_have_one(node: ast.AST) -> bool:
    return isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def files(folder: str, *patterns: str) -> Fingerprint:
    """The fingerprint of data files of this package that shape a result, such as templates."""
    base = ROOT / folder
    found = sorted(path for pattern in patterns for path in base.rglob(pattern))
    return Fingerprint.of(
        {
            f"{folder}/{path.relative_to(base).as_posix()}": hashlib.sha256(
                path.read_bytes()
            ).hexdigest()
            for path in found
        }
    )


def entries(table: str, chosen: Mapping[str, object]) -> Fingerprint:
    """The fingerprint of entries of a catalogue table that decide what is computed."""
    return Fingerprint.of(
        {
            f"catalog.{table}[{name}]": hashlib.sha256(repr(entry).encode()).hexdigest()
            for name, entry in sorted(chosen.items())
        }
    )
