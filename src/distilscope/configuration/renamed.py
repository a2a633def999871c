"""Keys of earlier releases: read for one release more, with a sentence that names the new key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

USUAL = ("outputs", "alignment", "representation", "sweeps")
MOVED = {
    "measures.ece_bins": "analyses.outputs.ece_bins",
    "measures.top": "analyses.alignment.top",
    "measures.folds": "analyses.alignment.folds",
    "measures.shuffles": "analyses.alignment.shuffles",
    "measures.minimum_class": "analyses.alignment.minimum_class",
    "measures.neighbours": "analyses.representation.neighbours",
    "measures.bootstrap": "statistics.bootstrap",
    "measures.level": "statistics.level",
    "measures.seed": "statistics.seed",
    "sanity": "analyses.randomisation",
    "parts": "analyses.parts",
    "shortcuts": "analyses.shortcuts",
    "planted": "analyses.shortcuts.planted",
}
WITHIN = {
    "analyses.parts.least": "analyses.parts.minimum_parts",
    "analyses.parts.most_gap": "analyses.parts.tolerated_gap",
    "analyses.shortcuts.planted.took": "analyses.shortcuts.planted.reliance",
    "observe.ig_most_steps": "observe.ig_maximum_steps",
}
"""Keys that have another name now, by their present place."""


def present(raw: Any) -> tuple[Any, list[str]]:
    """The configuration under its present keys, and a sentence for each key that has moved.

    A key that is given under both names is left as it is, for the reader to refuse.
    """
    if not isinstance(raw, Mapping):
        return raw, []
    found, said = _copied(raw), []
    moved = [(old, new) for old, new in MOVED.items() if _has(found, old)]
    if moved and "analyses" not in found:
        found["analyses"] = {name: {} for name in USUAL}
    for old, new in [*moved, *WITHIN.items()]:
        if _has(found, old) and not (_has(found, new) and _at(found, new)):
            _put(found, new, _take(found, old))
            said.append(f"{old} is now `{new}`; the old key is read in this release only")
    if found.get("measures") == {}:
        del found["measures"]
    return found, said


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return value


def _has(raw: Any, path: str) -> bool:
    for key in path.split("."):
        if not isinstance(raw, Mapping) or key not in raw:
            return False
        raw = raw[key]
    return True


def _at(raw: Any, path: str) -> Any:
    for key in path.split("."):
        raw = raw[key]
    return raw


def _take(raw: Any, path: str) -> Any:
    *within, last = path.split(".")
    for key in within:
        raw = raw[key]
    return raw.pop(last)


def _put(raw: dict, path: str, value: Any) -> None:
    *within, last = path.split(".")
    for key in within:
        raw[key] = raw.get(key) or {}
        raw = raw[key]
    raw[last] = value
