"""The images that change first along each ladder."""

from __future__ import annotations

from matplotlib.figure import Figure

from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw
from distilscope.reporting.tables import Tables

ACROSS = 8
MAX_ROWS = 8
ROW = 1.15  # inches


def fig_images(tables: Tables) -> Drawing:
    """A row of pictures for each ladder on which a prediction changes."""
    table = tables["compression_images"]
    known = table[table["index"].isin(list(tables.images))]
    if known.empty:
        raise NothingToDraw("every compressed model predicts what its original predicts")
    groups = list(known.groupby(["original", "way"], sort=False))[:MAX_ROWS]
    figure = Figure(figsize=(style.WIDE, 0.4 + ROW * len(groups)))
    grid = figure.subplots(len(groups), ACROSS, squeeze=False)
    for line, ((original, way), own) in zip(grid, groups, strict=True):
        for axes in line:
            axes.set_axis_off()
        for axes, row in zip(line, own.head(ACROSS).to_dict("records"), strict=False):
            axes.imshow(tables.images[int(row["index"])], interpolation="nearest")
            axes.set_title(_words(tables, row), fontsize=5.5, loc="left")
        line[0].text(
            *(-0.1, 0.5),
            f"{style.printable(original, 'original', 18)}\n{way.replace('_', ' ')}",
            transform=line[0].transAxes,
            ha="right",
            va="center",
            fontsize=6,
        )
    numbers = known.assign(label_name=known["label"].map(tables.class_name))
    return figure, numbers.reset_index(drop=True)


def _words(tables: Tables, row: dict) -> str:
    before, after = (tables.drawn_class(int(row[key])) for key in ("prediction", "changed_to"))
    return f"{row['value']}\n{before} →\n{after}\nmargin {row['margin']:.2f}"
