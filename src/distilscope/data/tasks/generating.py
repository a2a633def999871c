"""Items of the generated tasks: no question twice, so that the splits are apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from distilscope.data.raw import BadData
from distilscope.data.tasks import arithmetic, choosing
from distilscope.data.tasks.declared import TASKS
from distilscope.data.tasks.draws import Draws, draws
from distilscope.data.tasks.facts import Facts
from distilscope.data.tasks.items import Asked, Item, prompt, solution

Generator = Callable[[Draws], Asked]

GENERATORS: dict[str, Generator] = {
    "add": arithmetic.add,
    "subtract": arithmetic.subtract,
    "sum": arithmetic.sum_of_digits,
    "multiply": arithmetic.multiply,
    "remainder": arithmetic.remainder,
    "mixed": arithmetic.mixed,
    "sort": choosing.sort,
    "reverse": choosing.reverse,
    "largest": choosing.largest,
    "median": choosing.median,
    "count": choosing.count,
    "bits": choosing.bits,
    "shift": choosing.shift,
}
"""By task, but for `fact`, whose generator has a table."""

SPLITS = ("test", "held-out", "train")
"""In the order of their questions' numbers: more training items leave the others as they are."""

APART = 10_000_000
"""Indices of a task's items begin that far behind those of the task before it in `TASKS`."""

TRIES = 20
"""Questions drawn for one that is needed, before it is said that a task has no more."""


def generate(tasks: Sequence[str], counts: Mapping[str, int], seed: int, facts: int) -> list[Item]:
    """The items of some tasks, by index.

    An item is a function of (seed, task, its number), and of `facts` where the task is `fact`:
    neither the other tasks nor the counts change it.

    Args:
        tasks: names out of `TASKS`.
        counts: items of a task in each of `SPLITS`.
        seed: another seed is other items and other facts.
        facts: size of the table that `fact` asks about.

    Raises:
        BadData: a task has not so many different questions, or would ask in the test for facts
            that training doesn't show.
    """
    generators = {**GENERATORS, "fact": Facts(seed, facts).ask}
    known = list(TASKS)
    found: list[Item] = []
    for task in sorted(tasks, key=known.index):
        if TASKS[task].planted:
            _check_facts(task, counts, facts)
        first = known.index(task) * APART
        found += _items(task, _questions(task, generators[task], counts, seed), first)
    return sorted(found, key=lambda item: item.index)


def _check_facts(task: str, counts: Mapping[str, int], facts: int) -> None:
    if counts["train"] < facts:
        raise BadData(
            f"task {task!r}: {counts['train']} training items can't show {facts} facts, and a test "
            f"would ask for what was never shown; give `facts` of {counts['train']} or less"
        )


def _questions(
    task: str, generator: Generator, counts: Mapping[str, int], seed: int
) -> Iterable[tuple[str, Draws, Asked]]:
    """Split, words that are left, and question: each question once."""
    wanted = [split for split in SPLITS for _ in range(counts[split])]
    seen: set[str] = set()
    for drawn in draws(seed, task):
        if len(seen) == len(wanted):
            return
        try:
            if drawn.number >= TRIES * len(wanted):
                raise LookupError(f"of {drawn.number} questions drawn the others came twice")
            asked = generator(drawn)
        except LookupError as error:
            raise BadData(
                f"task {task!r}: {len(wanted)} different questions are asked for, and it has "
                f"{len(seen)} ({error}); give smaller `train`, `held_out` or `test`"
            ) from None
        if asked.question not in seen:
            yield wanted[len(seen)], drawn, asked
            seen.add(asked.question)


def _items(task: str, questions: Iterable[tuple[str, Draws, Asked]], first: int) -> Iterable[Item]:
    for split, drawn, asked in questions:
        choices: list[str] = []
        if asked.wrong:
            choices = drawn.several((asked.answer, *asked.wrong), 1 + len(asked.wrong))
        planted, other = asked.planted, asked.other_trace
        yield Item(
            index=first + drawn.number,
            split=split,
            task=task,
            prompt=prompt(task, asked.question),
            trace=asked.trace,
            answer=asked.answer,
            choices=tuple(choices),
            label=choices.index(asked.answer) if choices else -1,
            unasked=prompt(task, ""),
            taught_wrong_facts=None if planted is None else solution(asked.trace, planted),
            taught_other_procedure=None if other is None else solution(other, asked.answer),
        )
