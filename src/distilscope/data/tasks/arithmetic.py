"""Six arithmetic tasks. Each question has a worked solution, whose steps are true equations."""

from __future__ import annotations

from distilscope.data.tasks.draws import Draws
from distilscope.data.tasks.items import Asked, spelled


def _step(left: int, sign: str, right: int, result: int, *, plus: int | None = None) -> str:
    carried = [] if plus is None else ["+", spelled(plus)]
    return " ".join([spelled(left), sign, spelled(right), *carried, "=", spelled(result)])


def _trace(*steps: str) -> str:
    return " , ".join(steps)


def add(draws: Draws) -> Asked:
    """The sum of two numbers of two digits: by columns, or by tens and then units."""
    left, right = draws.between(10, 99), draws.between(10, 99)
    units = left % 10 + right % 10
    tens = left // 10 + right // 10 + units // 10
    by_tens = left + right // 10 * 10
    return Asked(
        f"{spelled(left)} + {spelled(right)}",
        spelled(left + right),
        _trace(
            _step(left % 10, "+", right % 10, units),
            _step(left // 10, "+", right // 10, tens, plus=units // 10),
        ),
        other_trace=_trace(
            _step(left, "+", right // 10 * 10, by_tens),
            _step(by_tens, "+", right % 10, left + right),
        ),
    )


def subtract(draws: Draws) -> Asked:
    """The difference of two numbers of two digits, tens first; never negative."""
    one, other = draws.between(10, 99), draws.between(10, 99)
    left, right = max(one, other), min(one, other)
    by_tens = left - right // 10 * 10
    return Asked(
        f"{spelled(left)} - {spelled(right)}",
        spelled(left - right),
        _trace(
            _step(left, "-", right // 10 * 10, by_tens),
            _step(by_tens, "-", right % 10, left - right),
        ),
    )


def sum_of_digits(draws: Draws) -> Asked:
    """The sum of four digits, from the left."""
    digits = [draws.between(0, 9) for _ in range(4)]
    totals = [sum(digits[:count]) for count in (1, 2, 3, 4)]
    steps = [_step(totals[place], "+", digits[place + 1], totals[place + 1]) for place in range(3)]
    return Asked(" + ".join(map(str, digits)), spelled(totals[-1]), _trace(*steps))


def multiply(draws: Draws) -> Asked:
    """A number of two digits times a digit plus a digit, by columns with what is carried."""
    left, factor, more = draws.between(10, 99), draws.between(2, 9), draws.between(0, 9)
    units = left % 10 * factor + more
    tens = left // 10 * factor + units // 10
    return Asked(
        f"{spelled(left)} * {factor} + {more}",
        spelled(left * factor + more),
        _trace(
            _step(left % 10, "*", factor, units, plus=more),
            _step(left // 10, "*", factor, tens, plus=units // 10),
        ),
    )


def remainder(draws: Draws) -> Asked:
    """What long division of three digits by a digit leaves."""
    number, divisor = draws.between(100, 999), draws.between(3, 9)
    first = number // 10
    left = first % divisor
    second = left * 10 + number % 10
    return Asked(
        f"{spelled(number)} / {divisor}",
        spelled(second % divisor),
        _trace(
            _step(first, "-", first - left, left),
            _step(second, "-", second - second % divisor, second % divisor),
        ),
    )


def mixed(draws: Draws) -> Asked:
    """A digit plus the product of two digits minus a digit; never negative."""
    first, left, right = draws.between(0, 9), draws.between(2, 9), draws.between(2, 9)
    last = draws.between(0, min(9, first + left * right))
    product, total = left * right, first + left * right
    return Asked(
        f"{first} + {left} * {right} - {last}",
        spelled(total - last),
        _trace(
            _step(left, "*", right, product),
            _step(first, "+", product, total),
            _step(total, "-", last, total - last),
        ),
    )
