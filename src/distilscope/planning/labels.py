"""What conditions are called in figures and tables: short, and unique within a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from distilscope import catalog
from distilscope.planning.conditions import Condition

ROLE_WORDS = {"control": "labels only", "floor": "untrained"}
TAUGHT_WORDS = {
    "twin-taught": "by twin",
    "training-mode-taught": "teachers in training mode",
}
"""Of students that were taught otherwise than those of role `student`."""


def labels(conditions: Iterable[Condition]) -> dict[Condition, str]:
    """Condition -> its label.

    Of parameters it names the objective's first and those that vary over the students; a teacher
    is named where students have several.
    """
    conditions = list(conditions)
    students = [c for c in conditions if c.role == "student"]
    several = {
        "objective": len({c.objective for c in students}) > 1,
        "teachers": len({c.teachers for c in students}) > 1,
        "family": len({c.network for c in conditions if c.role == "teacher"}) > 1,
    }
    varied = _varied(students)
    found = {c: _label(c, varied, several) for c in conditions}
    for more in (_combined, _keyed):
        counts = Counter(found.values())
        found = {c: label if counts[label] == 1 else more(c, label) for c, label in found.items()}
    return found


def _combined(condition: Condition, label: str) -> str:
    return f"{label} by mean {condition.combine}" if condition.combine else label


def _keyed(condition: Condition, label: str) -> str:
    return f"{label} ({key(condition)})"


def _varied(students: list[Condition]) -> set[tuple[str | None, str]]:
    """(objective, parameter) pairs of which students have several values."""
    values: dict[tuple[str | None, str], set[object]] = {}
    for condition in students:
        for name, value in condition.parameters:
            values.setdefault((condition.objective, name), set()).add(value)
    return {place for place, own in values.items() if len(own) > 1}


def _label(
    condition: Condition, varied: set[tuple[str | None, str]], several: Mapping[str, bool]
) -> str:
    role, network = condition.role, condition.network
    if role in ("teacher", "twin"):
        return f"{role.capitalize()} {network}" if several["family"] else role.capitalize()
    if role in ROLE_WORDS:
        return f"{network}, {ROLE_WORDS[role]}"
    if condition.source == "combined":
        return f"Committee {' + '.join(condition.teachers)}"
    words = [network]
    changes = _changes(condition)
    if changes and condition.objective is None:
        return ", ".join([network, *changes])
    if condition.objective and several["objective"]:
        words.append(condition.objective)
    words += _parameters(condition, varied)
    if several["teachers"] and condition.teachers:
        words.append(f"from {' + '.join(condition.teachers)}")
    otherwise = [TAUGHT_WORDS[role]] if role in TAUGHT_WORDS else []
    return ", ".join([" ".join(words), *changes, *otherwise])


def _parameters(condition: Condition, varied: set[tuple[str | None, str]]) -> list[str]:
    """`T=4`, `α=0.9`: the first parameter, and what varies."""
    if condition.objective is None:
        return []
    own = catalog.OBJECTIVES[condition.objective].parameters
    return [
        f"{own[name].sign or name}={value:g}"
        for place, (name, value) in enumerate(condition.parameters)
        if name in own and (place == 0 or (condition.objective, name) in varied)
    ]


def _changes(condition: Condition) -> list[str]:
    """`30 % pruned`, `noise 0.1`: what was done to the finished model."""
    changes = catalog.CHANGES
    return [changes[name].said(v) for name, v in condition.parameters if name in changes]


def key(condition: Condition) -> str:
    """The name of a condition in tables and files: `tiny-kd-T4-a0.9`."""
    words = [condition.network]
    if condition.role == "twin":
        words.append("twin")
    if condition.role == "floor":
        words.append("untrained")
    if condition.source == "combined":
        words += [condition.combine or "", *condition.teachers]
    elif condition.objective and condition.role not in ("teacher", "twin"):
        words.append(condition.objective)
        own = catalog.OBJECTIVES[condition.objective].parameters
        words += [f"{own[n].symbol}{v:.12g}" for n, v in condition.parameters if n in own]
        if len(condition.teachers) > 1 and condition.combine != "losses":
            words.append(condition.combine or "")
    if condition.role in TAUGHT_WORDS:
        words.append(TAUGHT_WORDS[condition.role].replace(" ", "-"))
    changes = catalog.CHANGES
    words += [changes[name].key(v) for name, v in condition.parameters if name in changes]
    return "-".join(words)
