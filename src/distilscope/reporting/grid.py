"""A table of text, as the page shows it by one macro (`reporting/templates/macros.html`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from distilscope.reporting.formatting import NOTHING
from distilscope.reporting.tables import clean


@dataclass(frozen=True)
class Grid:
    """A table of the page.

    Attributes:
        label: what it is called for people who don't see it.
        columns: headings.
        rows: cells; the first of each is the row's heading. `text` says how one is shown.
        caption: how to read it.
        words: the columns that hold words and not numbers.
        style: a class of the style sheet.
        row_styles: the same for each row; nothing where no row has one.
    """

    label: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""
    words: Collection[str] = ()
    style: str = ""
    row_styles: Sequence[str] = ()


def text(value: object) -> str:
    """A cell as it is shown: `Markup` as it is, a dash for nothing, all else as clean text."""
    if isinstance(value, Markup):
        return value
    nothing = value is None or value == "" or value != value
    return NOTHING if nothing else clean(str(value))
