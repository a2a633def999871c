"""Keys of earlier releases: read for one release more, with a sentence that names the new key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distilscope import catalog
from distilscope.configuration.analyses import USUAL

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
        if _has(found, old) and _at(found, old) is None:
            _take(found, old)  # it was written out and set nothing
        elif _has(found, old) and not (_has(found, new) and _at(found, new)):
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


# ------------------------------------------------------------------------------------ claims files

FORMS = {"cell-correlation": "condition-correlation"}


def present_claims(raw: Any) -> tuple[Any, list[str]]:
    """A claims file under its present keys, and a sentence for each key that has another name."""
    if not isinstance(raw, Mapping):
        return raw, []
    said: dict[str, None] = {}
    found = dict(raw)
    for key, present_one in (("claims", _claim), ("headlines", _headline)):
        if isinstance(found.get(key), list):
            found[key] = [
                present_one(dict(item), said) if isinstance(item, Mapping) else item
                for item in found[key]
            ]
    return found, list(said)


def _claim(claim: dict[str, Any], said: dict[str, None]) -> dict[str, Any]:
    if "alpha" in claim and "error_rate" not in claim:
        claim["error_rate"] = claim.pop("alpha")
        said["claims: alpha is now `error_rate`; the old key is read in this release only"] = None
    statement = claim.get("statement")
    form = statement.get("form") if isinstance(statement, Mapping) else None
    if isinstance(form, str) and form in FORMS:
        claim["statement"] = {**statement, "form": FORMS[form]}
        said[
            f"claims: {form} is now `{FORMS[form]}`; the old form is read in this release only"
        ] = None
    return claim


def _headline(headline: dict[str, Any], said: dict[str, None]) -> dict[str, Any]:
    """The student, and the parameters of the one objective that had keys here, become a pattern."""
    objective = catalog.OBJECTIVES["kd"]
    given = {name: headline.get(name) for name in ("student", *objective.parameters)}
    old = [name for name in given if name in headline]
    if "condition" in headline or not old:
        return headline
    values = {name: given[name] for name in objective.parameters if given[name] is not None}
    pattern = {} if given["student"] is None else {"network": given["student"]}
    if values:
        name = objective.reduced(values)
        own = catalog.OBJECTIVES[name].parameters
        pattern |= {"objective": name, **{key: values[key] for key in values if key in own}}
    said[
        f"headlines: {' and '.join(old)} are now a pattern such as `condition: {pattern}`; the old "
        "keys are read in this release only"
    ] = None
    return {
        **{key: value for key, value in headline.items() if key not in old},
        "condition": pattern,
    }
