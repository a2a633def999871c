"""Numbers of each condition beside each teacher entry that it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from distilscope.configuration.patterns import LEARNERS
from distilscope.reporting import style
from distilscope.reporting.conditions import Condition, Estimate, estimate
from distilscope.reporting.figures import drawing
from distilscope.reporting.tables import Tables

RELATIONS = ("teacher", "committee", "twin")
SHOWN = (*LEARNERS, "twin-taught")


@dataclass(frozen=True)
class Row:
    """A condition beside a teacher entry.

    Attributes:
        reference: the entry. label: both, as a figure can show them.
        numbers: measure -> its estimate, where it has one.
    """

    condition: Condition
    reference: str
    label: str
    numbers: dict[str, Estimate]

    def has(self, measure: str) -> bool:
        """Whether a measure is defined here."""
        return measure in self.numbers and self.numbers[measure].defined


def rows_beside(tables: Tables, measures: Sequence[str]) -> list[Row]:
    """The twins, then learners, beside each teacher entry in turn; those without a number left out.

    A model with several references of an entry counts once, with the mean over them.
    """
    networks = dict(zip(tables.models["id"], tables.models["network"], strict=True))
    twins = {model: condition for condition in tables.of_role("twin") for model in condition.models}
    known = {name: _known(tables, name, networks, twins) for name in measures}
    references = list(
        dict.fromkeys(c.network for c in tables.conditions if c.role in ("teacher", "committee"))
    )
    found = []
    for reference in references:
        for condition in tables.conditions:
            if condition.role not in ("twin", *SHOWN):
                continue
            numbers = {}
            for name, table in known.items():
                own = table[(table["condition"] == condition.key) & (table["network"] == reference)]
                if len(own):
                    numbers[name] = estimate(condition, own)
            if any(each.defined for each in numbers.values()):
                label = drawing.label(condition, 40)
                found.append(Row(condition, reference, label, numbers))
    return found


def _known(
    tables: Tables, measure: str, networks: dict[str, str], twins: dict[str, Condition]
) -> pd.DataFrame:
    """A row for each model and teacher entry; teachers of one entry are beside each other."""
    rows = tables.of(measure)
    rows = rows[rows["headline"] & rows["relation"].isin(RELATIONS) & (rows["subset"] == "all")]
    rows = tables.over_pairs(rows)
    rows = rows.assign(
        condition=[
            twins[model].key if model in twins else own
            for model, own in zip(rows["model"], rows["condition"], strict=True)
        ],
        network=[
            twins[model].network if model in twins else networks.get(reference)
            for model, reference in zip(rows["model"], rows["reference"], strict=True)
        ],
    )
    numbers = rows.groupby(["model", "condition", "network"], sort=False, as_index=False).agg(
        value=("value", "mean"),
        low=("low", "mean"),
        high=("high", "mean"),
        n=("n", "first"),
        reason=("reason", "first"),
        interval=("interval", "first"),
        several=("value", "size"),
    )
    alone = numbers["several"] == 1  # of a mean over references no interval over items is known
    return numbers.assign(
        low=numbers["low"].where(alone),
        high=numbers["high"].where(alone),
        interval=numbers["interval"].where(alone, None),
    )


def draw(axes, rows: Sequence[Row], measure: str, null: str | None = None) -> None:
    """A point with its interval for each row, and a grey tick at what stands for nothing at all."""
    for place, row in enumerate(rows):
        if row.has(measure):
            found, color = row.numbers[measure], style.colour(row.condition)
            drawing.whiskers(axes, place, found, horizontal=True, color=color)
            axes.plot(found.value, place, ls="", marker="o", color=color)
        if null and row.has(null):
            axes.plot(row.numbers[null].value, place, ls="", marker="|", ms=9, color=style.GREY)
    axes.grid(axis="x", color=style.PALE, lw=0.4)
    axes.tick_params(axis="y", length=0)
    for place in range(1, len(rows)):
        if rows[place].reference != rows[place - 1].reference:
            axes.axhline(place - 0.5, color=style.GREY, lw=0.5)


def name_rows(axes, rows: Sequence[Row]) -> None:
    """Labels down the left side, the first on top; beside which teacher where there are several."""
    several = len({row.reference for row in rows}) > 1
    axes.set_yticks(range(len(rows)), [_words(row) if several else row.label for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)


def _words(row: Row) -> str:
    """The label, and the teacher where the label does not name it."""
    if row.reference in row.label:
        return row.label
    return f"{row.label}, beside {style.printable(row.reference, 'teacher', 14)}"


def records(rows: Sequence[Row], measures: Sequence[str]) -> pd.DataFrame:
    """The numbers of a figure: a row for each condition, reference and measure."""
    return pd.DataFrame.from_records(
        [
            {
                "condition": row.condition.key,
                "role": row.condition.role,
                "reference": row.reference,
                "measure": measure,
                "value": found.value,
                "low": found.low,
                "high": found.high,
                "interval": found.over,
                "models": len(row.condition.models),
            }
            for row in rows
            for measure in measures
            if (found := row.numbers.get(measure)) is not None
        ],
        columns=[
            *("condition", "role", "reference", "measure", "value", "low", "high", "interval"),
            "models",
        ],
    )
