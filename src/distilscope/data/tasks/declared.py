"""The generated tasks by name: read by the plan, without NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CHOICES = ("A", "B", "C", "D")
"""Names of the positions of choices, of which every item of the second family has one each."""


@dataclass(frozen=True)
class Task:
    """A generated task.

    Attributes:
        family: `arithmetic`, with a worked solution, or `choices`, with four of them.
        asks: what it asks for, in a few words.
        procedures: valid ways to the answer that are generated, 1 or 2.
        planted: a quarter of its answers has a systematically wrong version.
    """

    family: Literal["arithmetic", "choices"]
    asks: str
    procedures: int = 1
    planted: bool = False

    @property
    def traced(self) -> bool:
        """Whether an item has a worked solution."""
        return self.family == "arithmetic"

    @property
    def choices(self) -> int:
        """How many choices an item has; 0 where it has none."""
        return len(CHOICES) if self.family == "choices" else 0


TASKS: dict[str, Task] = {
    "add": Task("arithmetic", "the sum of two numbers of two digits", procedures=2),
    "subtract": Task("arithmetic", "the difference of two numbers of two digits"),
    "sum": Task("arithmetic", "the sum of four digits"),
    "multiply": Task("arithmetic", "a number of two digits times a digit, plus a digit"),
    "remainder": Task("arithmetic", "what division of three digits by a digit leaves"),
    "mixed": Task("arithmetic", "a digit plus a product of two, minus a digit"),
    "fact": Task("choices", "two letters that belong to two others, known by heart", planted=True),
    "sort": Task("choices", "four letters in the order of the alphabet"),
    "reverse": Task("choices", "five letters backwards"),
    "largest": Task("choices", "the largest of four numbers of two digits"),
    "median": Task("choices", "the middle of five digits"),
    "count": Task("choices", "how often a letter stands among others"),
    "bits": Task("choices", "two operations on three numbers of four bits, left to right"),
    "shift": Task("choices", "four letters moved on by one to three places"),
}
