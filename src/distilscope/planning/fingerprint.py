"""The identity of the source that computes an artefact.

A fingerprint covers the files that a computation begins in and those that it leads to, by what
each definition refers to: in this package, and in the user's own modules. Editing a loss changes
what is trained with it; editing a comment, or a module that this computation does not use,
changes nothing. Modules that do not compute (reading and writing, logging, the plan itself) are
left out.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from distilscope.planning.syntax import EVERYTHING, EXECUTED, Reference, Syntax

PACKAGE = "distilscope"
ANALYSES = f"{PACKAGE}.analyses"
ROOT = Path(__file__).parents[1]

NOT_COMPUTING = frozenset({PACKAGE}) | frozenset(
    f"{PACKAGE}.{name}"
    for name in (
        "analyses.declaration",
        "catalog",
        "configuration",
        "data.declaration",
        "data.fetching",
        "data.policies",
        "models.declaration",
        "models.declared",
        "observing.methods.declaration",
        "planning",
        "registry",
        "store",
        "training.checkpoint",
        "training.objectives.declaration",
        "workflow",
    )
)

COMPUTING = frozenset(
    f"{PACKAGE}.{name}"
    for name in (
        "configuration.claims",  # how large the families of claims are
        "configuration.patterns",
        "configuration.statements",
        "planning.conditions",  # which conditions a pattern matches
    )
)
"""Modules in those rooms by which numbers are computed."""


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
def source(*entries: str) -> Fingerprint:
    """The fingerprint of what is computed from these entries on: 16 hex digits.

    It covers whole files: those that the entries lie in, and those that what they use is imported
    from, in this package or in the user's own (outside the folders of installed packages and of
    Python). An entry `module:function` counts by its name too, and leads only to what the function
    refers to; an entry `module` leads to what all of its functions do.

    Raises:
        ModuleNotFoundError: there is no such module.
        OSError, SyntaxError, ValueError: a file can't be read.
    """
    parts = {name: _digest(name) for name in _closure(entries)}
    named = {entry: "an entry" for entry in entries if ":" in entry}
    return Fingerprint.of(dict(sorted({**parts, **named}.items())))


def changed(parts: Mapping[str, str]) -> list[str]:
    """The parts of a fingerprint that are no longer what they were, read anew from the disk."""
    return [name for name, digest in parts.items() if _part_now(name, digest) != digest]


def file_of(part: str) -> Path | None:
    """The file that a part of a fingerprint is the digest of; None where there is none."""
    if "/" in part:
        own, (module, _, name) = ROOT / part, part.partition("/")
        beside = None if own.exists() else _located(module)
        return beside.with_name(name) if beside else own
    return None if _is_of_a_table(part) else _located(part)


def _is_of_a_table(part: str) -> bool:
    """Whether a part is a name or an entry of the catalogue, which this process has in memory."""
    return ":" in part or "[" in part


def _part_now(name: str, digest: str) -> str | None:
    try:
        if _is_of_a_table(name):
            return digest
        place = file_of(name)
        if "/" in name or place is None:
            return _bytes_digest(place) if place else None
        return Syntax.read(place, _package(name, place)).digest
    except (ImportError, OSError, SyntaxError, ValueError):
        return None


def _closure(entries: Iterable[str]) -> set[str]:
    """The modules of the entries, and those that they lead to."""
    found: set[str] = set()
    waiting: list[tuple[str, str]] = []
    for entry in entries:
        module, _, function = entry.partition(":")
        if not _does_not_compute(module):
            _file(module)
            waiting.append((module, function or EVERYTHING))
    asked = {module for module, _ in waiting}
    seen: set[tuple[str, str]] = set()
    while waiting:
        module, name = waiting.pop()
        if (module, name) in seen:
            continue
        seen.add((module, name))
        if not (module in asked or _covered(module)):
            continue
        found.add(module)
        package = module.rpartition(".")[0]
        if package:
            waiting.append((package, EXECUTED))  # importing a module runs its packages too
        if _covered(module):
            name = name if _inside(module) else EVERYTHING
            for reference in _syntax(module).leads_to(name):
                waiting.extend(_meant(reference))
    return found


def _meant(reference: Reference) -> list[tuple[str, str]]:
    """The modules that a reference leads to, and what of each."""
    module, name, attribute = reference.module, reference.name, reference.attribute
    if name is None:  # a module, of which perhaps another module is asked
        if attribute and _covered(f"{module}.{attribute}"):
            return [(module, EXECUTED), (f"{module}.{attribute}", EVERYTHING)]
        return [(module, attribute or EVERYTHING)]
    if name != EVERYTHING and _covered(f"{module}.{name}"):
        return [(module, EXECUTED), (f"{module}.{name}", attribute or EVERYTHING)]
    return [(module, name)]


def _does_not_compute(module: str) -> bool:
    """Whether a module, or the package that it lies in, is one of `NOT_COMPUTING`."""
    if module in COMPUTING:
        return False
    rooms = (name for name in NOT_COMPUTING if name != PACKAGE)
    return (
        module == PACKAGE
        or any(f"{module}.".startswith(f"{room}.") for room in rooms)
        or (module.startswith(f"{ANALYSES}.") and _declares(module))
    )


def _declares(module: str) -> bool:
    """Whether a module of an analysis declares it, reads its settings or plans it."""
    return module.count(".") == 2 or module.endswith((".configuration", ".plan"))


@cache
def _covered(module: str) -> bool:
    """Whether there is such a module, and it computes: one of this package or of the user's."""
    if _does_not_compute(module) or module.partition(".")[0] in sys.stdlib_module_names:
        return False
    place = _located(module)
    return place is not None and (_inside(module) or not _installed(place))


def _installed(place: Path) -> bool:
    """Whether a file is Python's own or an installed package's."""
    if {"site-packages", "dist-packages"} & set(place.parts):
        return True
    return any(place.is_relative_to(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))


def _inside(module: str) -> bool:
    return module == PACKAGE or module.startswith(PACKAGE + ".")


@cache
def _file(module: str) -> Path:
    """The file of a module, without importing it.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    place = _located(module)
    if place is None:
        raise ModuleNotFoundError(f"there is no module {module!r}", name=module)
    return place


def _located(module: str) -> Path | None:
    """Where a module's file is: found from its top package down, so that none is imported."""
    if _inside(module):
        base = ROOT.joinpath(*module.split(".")[1:])
        candidates = (base.with_suffix(".py"), base / "__init__.py")
        return next((place for place in candidates if place.is_file()), None)
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
        for position, _ in enumerate(rest, 2):
            within = list((spec and spec.submodule_search_locations) or ())
            name = ".".join(module.split(".")[:position])
            spec = _spec(name, within) if within else None
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.has_location and spec.origin else None


def _spec(module: str, folders: list[str]) -> ModuleSpec | None:
    """A module in one of these folders, those of the package around it, which isn't imported."""
    try:
        return PathFinder.find_spec(module, folders)
    except KeyError:  # a package without `__init__.py` asks for the one around it as imported
        spec = ModuleSpec(module, None, is_package=True)
        own = (Path(folder, module.rpartition(".")[2]) for folder in folders)
        spec.submodule_search_locations = [str(place) for place in own if place.is_dir()]
        return spec


@cache
def _syntax(module: str) -> Syntax:
    return Syntax.read(_file(module), _package(module, _file(module)))


def _digest(module: str) -> str:
    return _syntax(module).digest


def _package(module: str, path: Path) -> str:
    """What the relative imports of a module start from."""
    return module if path.name == "__init__.py" else module.rpartition(".")[0]


def files(folder: str, *patterns: str) -> Fingerprint:
    """The fingerprint of data files of this package that shape a result, such as templates."""
    base = ROOT / folder
    found = sorted(path for pattern in patterns for path in base.rglob(pattern))
    return Fingerprint.of(
        {f"{folder}/{path.relative_to(base).as_posix()}": _bytes_digest(path) for path in found}
    )


def beside(found: Iterable[tuple[str, Path]]) -> Fingerprint:
    """The same of files that lie beside a module, of this package or another: (module, file)."""
    return Fingerprint.of({f"{module}/{path.name}": _bytes_digest(path) for module, path in found})


def _bytes_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def entries(table: str, chosen: Mapping[str, object]) -> Fingerprint:
    """The fingerprint of entries of a catalogue table that decide what is computed."""
    return Fingerprint.of(
        {
            f"catalog.{table}[{name}]": hashlib.sha256(repr(entry).encode()).hexdigest()
            for name, entry in sorted(chosen.items())
        }
    )
