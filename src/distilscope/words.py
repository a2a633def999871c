"""Small words of sentences."""

from __future__ import annotations

from collections.abc import Sequence


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 seed`, `2 seeds`; `many` is the plural where it isn't the word with an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def listed(clauses: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return clauses[0] if len(clauses) == 1 else ", ".join(clauses[:-1]) + " and " + clauses[-1]
