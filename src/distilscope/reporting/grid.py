"""A table of text, as the page shows it by one macro (`templates/macros.html`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from distilscope.reporting.tables import clean


@dataclass(frozen=True)
class Grid:
    """A table of the page.

    Attributes:
        label: what it is called for people who don't see it.
        columns: headings.
        rows: cells; the first of each is the row's heading. Text is escaped, `Markup` is not.
        caption: how to read it.
        words: the columns that hold words and not numbers.
        style: a class of the style sheet.
        row_styles: the same for each row; nothing where no row has one.
    """

    label: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    words: Collection[str] = ()
    style: str = ""
    row_styles: Sequence[str] = ()


def cell(value: object) -> str:
    """A text of a table, or an en dash where there is none."""
    return clean(value) if isinstance(value, str) and value else "–"
