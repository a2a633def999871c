"""What a figure drew: its marks, lines, bars and numbers by where they stand."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_hex


def panel(figure, title):
    """The axes of that title, of its heading at the left."""
    (found,) = [axes for axes in figure.axes if axes.get_title("left") == title]
    return found


def rows(axes):
    """Label at the left -> its height."""
    labels = [text.get_text() for text in axes.get_yticklabels()]
    return dict(zip(labels, map(float, axes.get_yticks()), strict=True))


def columns(axes):
    """The labels below a panel."""
    return [text.get_text() for text in axes.get_xticklabels()]


def marks(axes, marker):
    """Height -> where along the axis a single mark stands, for panels with a row a model."""
    single = [line for line in axes.lines if len(line.get_xdata()) == 1]
    return {
        float(line.get_ydata()[0]): float(line.get_xdata()[0])
        for line in single
        if line.get_marker() == marker
    }


def bars(axes):
    """(left, height) of every bar that is filled, upright or lying."""
    return [
        (bar.get_x(), bar.get_y(), bar.get_width(), bar.get_height())
        for bar in axes.patches
        if bar.get_fill()
    ]


def intervals(axes):
    """The ends of every interval that is drawn: an array (N, 2) along the axis that it lies on."""
    found = []
    for container in axes.containers:
        for collection in getattr(container, "lines", (None, None, ()))[2] or ():
            for (x0, y0), (x1, y1) in collection.get_segments():
                found.append((y0, x0, x1) if y0 == y1 else (x0, y0, y1))
    return found


def curves(axes):
    """Label -> x and y of every line that a legend names."""
    return {
        line.get_label(): (np.asarray(line.get_xdata()), np.asarray(line.get_ydata()))
        for line in axes.lines
        if not line.get_label().startswith("_")
    }


def across(axes, style):
    """Where the upright lines of a style stand."""
    return [
        float(line.get_xdata()[0])
        for line in axes.lines
        if line.get_linestyle() == style
        and len(set(line.get_xdata())) == 1
        and list(line.get_ydata()) == [0, 1]
    ]


def numbers(axes):
    """(column, row) -> the number that a heatmap writes there."""
    return {tuple(map(round, text.get_position())): text.get_text() for text in axes.texts}


def legend(figure):
    """The words of the legend."""
    return [text.get_text() for text in figure.legends[0].get_texts()]


def colour(line):
    """The colour of a line as `#rrggbb`."""
    return to_hex(line.get_color()).upper()


def legends_outside(figure):
    """Where the legends of a figure lie that are not wholly within it."""
    figure.draw_without_rendering()
    legends = [*figure.legends, *filter(None, (axes.get_legend() for axes in figure.axes))]
    boxes = [legend.get_window_extent() for legend in legends]
    page = figure.bbox.expanded(1.001, 1.001)
    return [box for box in boxes if not (page.contains(*box.min) and page.contains(*box.max))]
