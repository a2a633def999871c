"""How figures look, and how they are written so that the same numbers give the same bytes."""

from __future__ import annotations

import contextlib
import functools
import textwrap
from collections.abc import Iterator

import matplotlib
import pandas as pd
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

from distilscope.reporting.conditions import Condition

WIDE = 7.0  # inches: two columns of a journal
DPI = 150

# Okabe and Ito's palette, which people with any common colour vision tell apart.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
GREY, PALE = "#767676", "#D9D9D9"

ROLE_COLOURS = {
    "teacher": "#404040",
    "twin": GREY,
    "student": BLUE,
    "twin-taught": SKY,
    "training-mode-taught": VERMILION,
    "control": ORANGE,
    "floor": PURPLE,
    "compressed": GREEN,
    "stand-in": PALE,
}
SERIES_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HEATMAP = "cividis"
EMPTY = "why_empty"  # the one column of the numbers of a figure that can't be drawn

RC = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "hatch.linewidth": 0.5,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "path",
    "svg.hashsalt": "distilscope",
    "text.parse_math": False,
    "axes.unicode_minus": True,
}


@contextlib.contextmanager
def applied() -> Iterator[None]:
    """This style over matplotlib's own defaults, whatever the user's matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)
        yield


def write_svg(figure: Figure, path) -> None:
    """Write SVG without a date, with ids that depend on the content only.

    A figure that was written as PNG keeps that layout.
    """
    FigureCanvasSVG(figure).print_svg(path, metadata={"Date": None, "Creator": None})


def write_png(figure: Figure, path) -> None:
    """Write PNG at 150 dots an inch without metadata, and fix the layout.

    Letters are wider here than at SVG's 72 dots an inch, where they are not rounded to dots: a
    layout for them has room for those, and not the other way round.
    """
    figure.set_dpi(DPI)
    FigureCanvasAgg(figure).print_png(path, metadata={"Software": None})
    figure.set_layout_engine("none")


def title(figure: Figure, text: str, scale: str) -> None:
    """The figure's heading; says so where the study is one of laptop scale."""
    suffix = " (laptop-scale)" if scale == "laptop" else ""
    figure.suptitle(text + suffix, x=0.01, ha="left", fontsize=9, fontweight="bold")


def empty(why: str) -> tuple[Figure, pd.DataFrame]:
    """A figure that can't be drawn: it says why, and so does its table."""
    figure = Figure(figsize=(WIDE, 1.3))
    lines = textwrap.fill(f"Nothing to draw: {why}", 80)
    figure.text(0.5, 0.4, lines, ha="center", va="center", color=GREY)
    return figure, pd.DataFrame({EMPTY: [why]})


def colour(condition: Condition) -> str:
    """The colour of the model's role."""
    return ROLE_COLOURS.get(condition.role, GREEN)


def printable(name: str, fallback: str, width: int = 22) -> str:
    """A name, shortened in the middle, or `fallback` where the font lacks one of its letters."""
    if any(ord(char) not in _letters() for char in name):
        return fallback
    if len(name) <= width:
        return name
    tail = width // 2 - 1
    return f"{name[: width - 1 - tail]}…{name[-tail:]}"


@functools.cache
def _letters() -> frozenset[int]:
    """Code points that the font of the figures can draw."""
    return frozenset(FT2Font(font_manager.findfont(RC["font.family"])).get_charmap())
