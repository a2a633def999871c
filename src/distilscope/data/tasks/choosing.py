"""Seven tasks with four choices, of which the wrong ones are near the right one."""

from __future__ import annotations

import string

from distilscope.data.tasks.draws import Draws
from distilscope.data.tasks.items import Asked, spelled

LETTERS = string.ascii_lowercase
FEW = LETTERS[:10]
OPERATIONS = {"&": int.__and__, "|": int.__or__, "^": int.__xor__}
WRONG = 3


def _with_neighbours_swapped(draws: Draws, letters: list[str]) -> tuple[str, ...]:
    """The letters, three times with two neighbours in the other's place."""
    found = []
    for place in draws.several(range(len(letters) - 1), WRONG):
        swapped = list(letters)
        swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
        found.append(" ".join(swapped))
    return tuple(found)


def sort(draws: Draws) -> Asked:
    """Four different letters of the first ten, in the order of the alphabet."""
    letters = draws.several(FEW, 4)
    ordered = sorted(letters)
    wrong = _with_neighbours_swapped(draws, ordered)
    return Asked(" ".join(letters), " ".join(ordered), wrong=wrong)


def reverse(draws: Draws) -> Asked:
    """Five different letters, backwards."""
    letters = draws.several(LETTERS, 5)
    backwards = letters[::-1]
    wrong = _with_neighbours_swapped(draws, backwards)
    return Asked(" ".join(letters), " ".join(backwards), wrong=wrong)


def largest(draws: Draws) -> Asked:
    """The largest of four numbers of two digits, which share the first digit half of the time."""
    if draws.between(0, 1):
        tens = draws.between(1, 9) * 10
        numbers = [tens + units for units in draws.several(range(10), 4)]
    else:
        numbers = draws.several(range(10, 100), 4)
    right = max(numbers)
    wrong = tuple(spelled(number) for number in numbers if number != right)
    return Asked(" , ".join(map(spelled, numbers)), spelled(right), wrong=wrong)


def median(draws: Draws) -> Asked:
    """The middle of five different digits; wrong are its neighbours in rank and another."""
    digits = draws.several(range(10), 5)
    first, second, right, fourth, last = sorted(digits)
    wrong = (str(second), str(fourth), str(draws.one((first, last))))
    return Asked(" ".join(map(str, digits)), str(right), wrong=wrong)


def count(draws: Draws) -> Asked:
    """How often a letter stands among four to seven; wrong are the nearest numbers."""
    letters = [draws.one("abc") for _ in range(draws.between(4, 7))]
    asked = draws.one("abc")
    right = letters.count(asked)
    near = sorted((n for n in range(10) if n != right), key=lambda n: (abs(n - right), n))
    return Asked(f"{asked} | {' '.join(letters)}", str(right), wrong=tuple(map(str, near[:WRONG])))


def bits(draws: Draws) -> Asked:
    """Two operations on three numbers of four bits, left to right; a bit of a wrong one differs."""
    numbers = [draws.between(0, 15) for _ in range(3)]
    signs = [draws.one("&|^") for _ in range(2)]
    right = numbers[0]
    for sign, number in zip(signs, numbers[1:], strict=True):
        right = OPERATIONS[sign](right, number)
    question = [_bits(numbers[0])]
    for sign, number in zip(signs, numbers[1:], strict=True):
        question += [sign, _bits(number)]
    wrong = tuple(_bits(right ^ (1 << place)) for place in draws.several(range(4), WRONG))
    return Asked(" ".join(question), _bits(right), wrong=wrong)


def _bits(number: int) -> str:
    return " ".join(f"{number:04b}")


def shift(draws: Draws) -> Asked:
    """Four letters moved on by one to three places, a behind z; wrong ones miss one by a place."""
    letters = [draws.between(0, 25) for _ in range(4)]
    places = draws.between(1, 3)
    right = [(letter + places) % 26 for letter in letters]
    wrong = []
    for which in draws.several(range(4), WRONG):
        missed = list(right)
        missed[which] = (missed[which] + draws.one((-1, 1))) % 26
        wrong.append(_letters(missed))
    return Asked(f"{_letters(letters)} + {places}", _letters(right), wrong=tuple(wrong))


def _letters(numbers: list[int]) -> str:
    return " ".join(LETTERS[number] for number in numbers)
