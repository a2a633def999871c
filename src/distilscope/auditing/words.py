"""An audit for people: the end of the command, and the summary of a pull request."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from distilscope.auditing.earlier import fell
from distilscope.auditing.record import Audit, Earlier, Images, Moved, Number, Required
from distilscope.reporting.formatting import number
from distilscope.reporting.names import ascii_only
from distilscope.words import count, listed

COLUMNS = (
    ("accuracy", "accuracy"),
    ("ece", "ECE"),
    ("agreement", "agreement"),
    ("image_specific_rho", "image-specific ρ"),
    ("exact_accuracy", "right answers"),
    ("answer_agreement", "same answers"),
    ("step_fidelity", "steps taken"),
)
"""Of the summary of a pull request: measure and heading, where the audit has it."""
MARKS = {"met": "✅", "fell short": "❌", "could not be judged": "⚠️"}
MOST_MOVED = 20
LONGEST_NOTE = 300
"""Letters of a note in the terminal; all of it is in the record and the report."""
WIDTH = 100


def terminal(found: Audit, table: str, files: Sequence[Path]) -> str:
    """The table, the answer in a sentence, the requirements, and where everything is."""
    found_out = found.answer[1:] if found.requirements else found.answer  # the verdict is below
    lines = [table.rstrip(), ""]
    lines += [textwrap.fill(ascii_only(text), WIDTH) for text in found_out[:1]]
    lines += [f"  {_line(each)}" for each in found.requirements]
    if found.earlier:
        lines += ["", *(ascii_only(text) for text in _beside(found.earlier))]
    if found.notes:
        lines += ["", "To know:", *map(_noted, found.notes)]
    lines += ["", f"The report: {found.report}", f"The record: {', '.join(map(str, files))}"]
    return "\n".join(lines)


def _noted(note: str) -> str:
    """A note, indented, and cut where it is long."""
    text = textwrap.shorten(ascii_only(note), LONGEST_NOTE, placeholder=" ...")
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="    ")


def _line(each: Required) -> str:
    """`met         ece <= 0.05 of small: 0.031 [0.021, 0.042]`."""
    why = f"; {each.why}" if each.why else ""
    text = f"{each.verdict.ljust(20)}{each.requirement} ({each.label}): {_formatted(each)}{why}"
    return ascii_only(text)


def markdown(found: Audit) -> str:
    """A summary of a pull request: verdict, numbers of each model, what fell, what to know."""
    return "\n".join(_markdown(found)) + "\n"


def _markdown(found: Audit) -> Iterator[str]:
    mark = MARKS.get(found.verdict, "")
    yield f"### {mark} {_plain(found.title)}: {found.verdict}".replace("###  ", "### ")
    yield ""
    shown = found.answer[:2] if found.requirements else found.answer[:1]
    yield _plain(" ".join(shown)) if shown else "Nothing was measured."
    yield ""
    if found.requirements:
        yield "| | required | model | found | |"
        yield "|---|---|---|---|---|"
        for each in found.requirements:
            cells = (
                f"`{each.requirement}`",
                _plain(each.label),
                _formatted(each),
                _plain(each.why),
            )
            yield f"| {MARKS[each.verdict]} | {' | '.join(cells)} |"
        yield ""
    yield from _models(found)
    if found.earlier:
        yield ""
        yield from (f"{text}  " for text in map(_plain, _beside(found.earlier)))
    if found.notes:
        yield ""
        yield from (f"- {_plain(note)}" for note in found.notes)
    yield ""
    yield (
        f"{_measured_on(found.images)}; "
        f"intervals at {100 * found.level:g} %. The page: `{found.report}`; identity "
        f"`{found.identity}`."
    )


def _measured_on(images: Images) -> str:
    """`500 images, 10 classes`."""
    if images.unit == "images":
        return f"{count(images.count, 'image')}, {count(images.classes, 'class', 'classes')}"
    return f"{count(images.count, 'item')} with choices, at most {images.classes} each"


def _models(found: Audit) -> Iterator[str]:
    known = {number.measure for number in found.numbers if number.value is not None}
    columns = [(name, title) for name, title in COLUMNS if name in known]
    yield "| model | " + " | ".join(title for _, title in columns) + " |"
    yield "|---|" + "---|" * len(columns)
    for model in found.models:
        own = [_headline(found, model.id, model.reference, name) for name, _ in columns]
        yield f"| {_plain(model.label)} | {' | '.join(map(_formatted, own))} |"


def _headline(found: Audit, model: str, reference: str | None, measure: str) -> Number | None:
    return next(
        (
            each
            for each in found.numbers
            if (each.model, each.measure) == (model, measure)
            and each.headline
            and each.reference in (None, reference)
            and "class" not in each.where
            and each.value is not None
        ),
        None,
    )


def _formatted(each: Number | Required | None) -> str:
    """`0.431 [0.417, 0.445]`, or a dash."""
    if each is None or each.value is None:
        return "–"
    if each.low is None or each.high is None:
        return number(each.value)
    return f"{number(each.value)} [{number(each.low)}, {number(each.high)}]"


def _beside(earlier: Earlier) -> list[str]:
    """The audit beside an earlier one: what fell, what rose, and what to know of it."""
    worse = fell(earlier)
    better = [each for each in earlier.numbers if each.change == "rose"]
    counted = sum(each.change != "not comparable" for each in earlier.numbers)
    clauses = [
        f"{len(moved)} {words} by more than the interval of the difference"
        + (f" ({'; '.join(map(_moved, moved[:MOST_MOVED]))})" if moved else "")
        for moved, words in ((worse, "got worse"), (better, "got better"))
    ]
    text = f"Beside the earlier audit ({earlier.study}), of {count(counted, 'number')} "
    notes = [f"{note[0].upper()}{note[1:]}." for note in earlier.notes]
    return [f"{text}{listed(clauses)}.", *notes]


def _moved(each: Moved) -> str:
    return f"{each.measure} of {each.model}: {number(each.before)} to {number(each.now)}"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, in one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", " ".join(text.split()))
