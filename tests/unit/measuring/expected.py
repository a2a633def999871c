"""A table of inputs, measures and what each gives: a number, or words of the reason why none."""

from __future__ import annotations

import math

import pytest


def check(expected: float | str, value: float, reason: str | None) -> None:
    if isinstance(expected, str):
        assert math.isnan(value)
        assert reason is not None
        assert expected in reason
    else:
        assert value == pytest.approx(expected, abs=1e-6)


def cells(table: dict[str, dict[str, float | str]]) -> list:
    return [
        pytest.param(name, measure, expected, id=f"{name}-{measure}")
        for name, row in table.items()
        for measure, expected in row.items()
    ]
