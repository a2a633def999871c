"""The one table that a reader looks at first: a row a condition, the best of each column marked."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from distilscope.analyses.declaration import Column
from distilscope.reporting import verdicts
from distilscope.reporting.conditions import Condition, Estimate, estimate, labels
from distilscope.reporting.formatting import number, short_count, with_interval
from distilscope.reporting.grid import Grid
from distilscope.reporting.names import ascii_only
from distilscope.reporting.tables import Tables, clean
from distilscope.words import listed

RIVALS = ("student", "control")
STAR = Markup(
    '<strong>{}<span class="star" title="better than every other student and control"> ★'
    '<span class="hidden"> best</span></span></strong>'
)
FRONT = Markup(
    ' <span class="front" title="on the Pareto front">◆'
    '<span class="hidden"> on the Pareto front</span></span>'
)
AT_ZERO = Markup('<br><span class="note">includes 0</span>')


@dataclass(frozen=True)
class Row:
    """A condition in the summary.

    Attributes:
        condition: whose row.
        ratio: parameters of the teacher over its own; NaN without a teacher.
        numbers: measure -> its estimate.
        best: measures in which it is told apart from every other student and control as the best:
            their intervals don't overlap.
        efficient: no student or control is at least as good in size and all that is traded, and
            better in one (it lies on the Pareto front), by their values without the intervals.
    """

    condition: Condition
    ratio: float
    numbers: Mapping[str, Estimate]
    best: frozenset[str]
    efficient: bool


def columns(tables: Tables) -> list[Column]:
    """The columns that the study's analyses declare, of measures that are defined somewhere."""
    found = [column for analysis in tables.analyses for column in analysis.summary]
    return [column for column in found if tables.of(column.measure)["value"].notna().any()]


def summarise(tables: Tables) -> list[Row]:
    """The rows of the summary, in the order of every figure."""
    own = columns(tables)
    measures = [name for column in own for name in (column.measure, column.null) if name]
    headline = {measure: tables.headline(measure) for measure in measures}
    numbers = {
        condition: {measure: estimate(condition, rows) for measure, rows in headline.items()}
        for condition in tables.conditions
    }
    teacher = next((found.parameters for found in tables.of_role("teacher")), 0)
    rivals = tables.of_role(*RIVALS)
    front = _front(rivals, numbers, [column for column in own if column.traded])
    leaders = {c.measure: _leader(c, rivals, numbers) for c in own if c.better}
    return [
        Row(
            condition=found,
            ratio=teacher / found.parameters if teacher and found.parameters else math.nan,
            numbers=numbers[found],
            best=frozenset(m for m, leader in leaders.items() if leader is found),
            efficient=found in front,
        )
        for found in tables.conditions
    ]


def _goodness(column: Column, found: Estimate) -> float:
    return -found.value if column.better == "lower" else found.value


def _leader(column: Column, rivals: Iterable[Condition], numbers: Mapping) -> Condition | None:
    """The rival whose interval lies on the better side of all others'; None where intervals overlap
    or are missing, and where there is nobody to be better than.
    """
    found = {c: numbers[c][column.measure] for c in rivals if numbers[c][column.measure].defined}
    if len(found) < 2:
        return None
    best = max(found, key=lambda condition: _goodness(column, found[condition]))
    own = found[best]
    others = [other for condition, other in found.items() if condition is not best]
    lower = column.better == "lower"
    apart = all(own.high < other.low if lower else own.low > other.high for other in others)
    return best if apart else None


def _front(
    rivals: list[Condition], numbers: Mapping, traded: Collection[Column]
) -> list[Condition]:
    """Rivals that no other dominates in size and what is traded."""
    points = {
        found: (-found.parameters, *(_goodness(c, numbers[found][c.measure]) for c in traded))
        for found in rivals
    }
    points = {c: p for c, p in points.items() if all(math.isfinite(value) for value in p)}
    return [
        found
        for found, own in points.items()
        if not any(
            other != own and all(theirs >= mine for theirs, mine in zip(other, own, strict=True))
            for other in points.values()
        )
    ]


def choice(tables: Tables, rows: list[Row]) -> str:
    """Who is told apart as the best, who isn't, and what nothing dominates."""
    rivals = [row for row in rows if row.condition.role in RIVALS]
    if len(rivals) < 2:
        return ""
    found, overlap = [], []
    for column in (column for column in columns(tables) if column.superlative):
        leaders = [row.condition for row in rivals if column.measure in row.best]
        if leaders:
            found.append(f"{column.superlative}: {labels(leaders)}")
        elif any(row.numbers[column.measure].defined for row in rivals):
            overlap.append(column.superlative)
    controls = any(row.condition.role == "control" for row in rivals)
    among = "Among students and controls" if controls else "Among students"
    sentences = []
    if found:
        sentences.append(f"{among}, {'; '.join(found)}.")
    if overlap:
        words = listed(overlap).replace(" and ", " or ")
        sentences.append(f"{among}, none is told apart as the {words}: intervals overlap.")
    front = labels(row.condition for row in rows if row.efficient)
    if front and any(column.traded for column in columns(tables)):
        sentences.append(
            "By the values alone, without their intervals, nothing is better at once in "
            f"{_traded(columns(tables))} than: {front}."
        )
    return " ".join(sentences)


def _traded(own: Iterable[Column]) -> str:
    return listed(["size", *(inside(column.title) for column in own if column.traded)])


def inside(title: str) -> str:
    """A title within a sentence: `ECE` stays as it is."""
    return title if title[:2].isupper() else title[0].lower() + title[1:]


# ---------------------------------------------------------------------------------- for the page


def grid(tables: Tables, rows: list[Row], sections: Collection[str]) -> Grid:
    """The summary as a table; a heading leads to the section that says more where that is there."""
    own = columns(tables)
    return Grid(
        label="Summary of all models",
        columns=("Model", "Role", "Parameters", "Ratio", *(_heading(c, sections) for c in own)),
        rows=[_cells(row, own) for row in rows],
        caption=_caption(tables, own),
        words=("Role",),
        style="summary",
        row_styles=[f"role-{row.condition.role}" for row in rows],
    )


def meanings(tables: Tables) -> list[tuple[str, str]]:
    """What each column is, and what its null is."""
    found = []
    for column in columns(tables):
        found.append((column.title, column.meaning))
        found += [("Null", column.null_meaning)] if column.null else []
    return found


def _heading(column: Column, sections: Collection[str]) -> str:
    title = f"{column.title}{', %' if column.times == 100 else ''}"
    title += " (its null)" if column.null else ""
    if column.details in sections:
        return Markup('<a href="#{}">{}</a>').format(column.details, title)
    return title


def _cells(row: Row, own: list[Column]) -> tuple[str, ...]:
    label = row.condition.label
    return (
        Markup("{}{}").format(clean(label), FRONT) if row.efficient else label,
        row.condition.role_words,
        short_count(row.condition.parameters),
        number(row.ratio, "{:.0f}×" if row.ratio >= 10 else "{:.1f}×"),
        *(_cell(row, column) for column in own),
    )


def _cell(row: Row, column: Column) -> str:
    found = row.numbers[column.measure]
    text = formatted(found, column)
    if column.null and row.numbers[column.null].defined:
        text += f" ({number(row.numbers[column.null].value, column.form)})"
    if column.measure in row.best:
        text = STAR.format(text)
    if column.interval and found.low <= 0 <= found.high:
        text = Markup("{}{}").format(text, AT_ZERO)
    return text


def formatted(found: Estimate, column: Column) -> str:
    """A number as its column writes it."""
    if column.interval:
        return with_interval(found, column.form, column.times)
    return number(column.times * found.value, column.form)


def _caption(tables: Tables, own: list[Column]) -> str:
    brackets = "Brackets are 95 % intervals." if any(column.interval for column in own) else ""
    said = (
        "All models. ★ is better than every other student and control, with intervals that don't "
        f"overlap; ◆ lies on the Pareto front of {_traded(own)}, by the values alone."
    )
    others = (brackets, _on_subset(tables, own), _beside_committees(tables, own))
    return " ".join([said, *filter(None, others)])


def _on_subset(tables: Tables, own: Iterable[Column]) -> str:
    """Which columns are on some of the images only; nothing where none is."""
    some = [
        column.title
        for column in own
        if (tables.headline(column.measure)["subset"] == tables.subset).any()
    ]
    if tables.subset == "all" or not some:
        return ""
    return f"{listed(some)} {'is' if len(some) == 1 else 'are'} on {tables.subset_words}."


def _beside_committees(tables: Tables, own: Iterable[Column]) -> str:
    """What numbers of a committee's students are beside; nothing where there is no committee."""
    beside: dict[str, list[str]] = {"the committee": [], "its first member": []}
    for column in own:
        rows = tables.headline(column.measure)
        known = rows.loc[rows["model"].isin(tables.of_committees), "reference"].dropna()
        if len(known):
            whom = "the committee" if known.isin(tables.committees).any() else "its first member"
            beside[whom].append(column.title)
    found = [f"{listed(titles)} beside {whom}" for whom, titles in beside.items() if titles]
    return f"Of a student of a committee: {'; '.join(found)}." if found else ""


# ------------------------------------------------------------------------------ for a terminal

WIDEST = 100
SHORTEST_NAME = 22


def text(tables: Tables) -> str:
    """The summary as aligned plain text, at most 100 columns wide, for the end of a run."""
    own = [column for column in columns(tables) if column.short]
    header = ("model", "params", *(column.short for column in own))
    lines = [header, *(_line(row, own) for row in summarise(tables))]
    widths = [max(len(line[i]) for line in lines) for i in range(1, len(header))]
    name = max(SHORTEST_NAME, WIDEST - sum(2 + width for width in widths))
    lines = [(_shortened(line[0], name), *line[1:]) for line in lines]
    widths.insert(0, max(len(line[0]) for line in lines))
    aligned = [_aligned(line, widths) for line in lines]
    aligned.insert(1, "  ".join("-" * width for width in widths))
    notes = (
        "* better than every other student and control, with intervals that don't overlap.",
        *(column.note for column in own if column.note),
        _on_subset(tables, own),
        _beside_committees(tables, own),
        *(s for a in tables.analyses if not a.summary for s in tables.sentences(a.answer)),
    )
    wrapped = [line for note in notes for line in textwrap.wrap(ascii_only(note), WIDEST)]
    return "\n".join([*aligned, *wrapped, *verdicts.lines(tables)]) + "\n"


def _line(row: Row, own: list[Column]) -> tuple[str, ...]:
    name = ascii_only(row.condition.label)
    size = short_count(row.condition.parameters)
    return (name, size, *(_plain(row, column) for column in own))


def _shortened(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1] + "~"


def _plain(row: Row, column: Column) -> str:
    """A number in ASCII; the mark of the best stands between it and its interval."""
    value, *interval = formatted(row.numbers[column.measure], column).split(" ", 1)
    mark = "*" if column.measure in row.best else "" if interval or column.null else " "
    null = row.numbers[column.null] if column.null else None
    if null is not None and null.defined:
        interval = [f"({number(null.value, column.form)})"]
    return ascii_only(" ".join([value + mark, *interval]))


def _aligned(line: tuple[str, ...], widths: list[int]) -> str:
    """The name to the left, numbers to the right with room for the mark of the best."""
    first, *others = line
    texts = [first.ljust(widths[0])]
    for text, width in zip(others, widths[1:], strict=True):
        texts.append(text.rjust(width))
    return "  ".join(texts).rstrip()
