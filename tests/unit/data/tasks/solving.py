"""Exact verifiers of the generated tasks, which know nothing of how questions are made."""

from __future__ import annotations

import re
from collections.abc import Callable

from distilscope.data.tasks.items import spelled, steps

EQUATION = re.compile(r"[0-9+\-* ]+=[0-9 ]+")


def closed(symbols: str) -> str:
    """Symbols with digits of a number joined: `1 0 + 4` is `10+4`."""
    return symbols.replace(" ", "")


def value(expression: str) -> int:
    """A chain of whole numbers with + - *, as it is usually read.

    Raises:
        ValueError: it is something else.
    """
    total = 0
    if not re.fullmatch(r"\d+([+\-*]\d+)*", expression):
        raise ValueError(f"{expression!r} is no chain of numbers")
    for sign, term in re.findall(r"([+\-]?)([\d*]+)", expression):
        product = 1
        for factor in term.split("*"):
            product *= int(factor)
        total += -product if sign == "-" else product
    return total


def true_step(step: str) -> bool:
    """Whether a step is an equation that holds."""
    if not EQUATION.fullmatch(step):
        return False
    left, right = closed(step).split("=")
    try:
        return value(left) == value(right)
    except ValueError:
        return False


def true_trace(trace: str) -> bool:
    """Whether every step holds, and there is one."""
    return bool(steps(trace)) and all(true_step(step) for step in steps(trace))


def _numbers(question: str) -> str:
    return spelled(value(closed(question)))


def _remainder(question: str) -> str:
    number, divisor = closed(question).split("/")
    return spelled(int(number) % int(divisor))


def _largest(question: str) -> str:
    return spelled(max(int(number) for number in closed(question).split(",")))


def _count(question: str) -> str:
    asked, letters = question.split("|")
    return str(letters.split().count(asked.strip()))


def _bits(question: str) -> str:
    found = re.findall(r"([&|^]?)([01]{4})", closed(question))
    columns = []
    for place in range(4):
        bit = found[0][1][place] == "1"
        for sign, number in found[1:]:
            other = number[place] == "1"
            bit = {"&": bit and other, "|": bit or other, "^": bit != other}[sign]
        columns.append("1" if bit else "0")
    return " ".join(columns)


def _shift(question: str) -> str:
    letters, places = question.split("+")
    alphabet = "abcdefghijklmnopqrstuvwxyz" * 2
    return " ".join(alphabet[alphabet.index(each) + int(places)] for each in letters.split())


SOLVERS: dict[str, Callable[[str], str]] = {
    "add": _numbers,
    "subtract": _numbers,
    "sum": _numbers,
    "multiply": _numbers,
    "remainder": _remainder,
    "mixed": _numbers,
    "sort": lambda question: " ".join(sorted(question.split())),
    "reverse": lambda question: " ".join(reversed(question.split())),
    "largest": _largest,
    "median": lambda question: sorted(question.split())[len(question.split()) // 2],
    "count": _count,
    "bits": _bits,
    "shift": _shift,
}
"""By task: question -> the right answer. `fact` has no rule, only its table (`facts.Facts`)."""
