"""Pairs of teachers by their augmentations: overlap, what is specific to an image, area."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from distilscope.analyses.attention.cells import JOINED
from distilscope.analyses.attention.sets import HEADLINE
from distilscope.analyses.attention.strengths import order
from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw
from distilscope.reporting.tables import Tables

PANELS = {
    "overlap_batch": "overlap as published",
    "overlap_specific": "less null, by image",
    "gradcam_specific": "the same of GradCAM",
    "both_areas": "area attended to",
}
PAIR = ["model", "reference"]


def fig_overlap(tables: Tables) -> Drawing:
    """A row for each two augmentations, a dot for each pair of teachers."""
    every = of_teachers(tables)
    rows = headline(every)
    if not rows["overlap_batch"].notna().any():
        raise NothingToDraw("no two teachers have attended regions to compare")
    gradcam = headline(every, "gradcam").set_index(PAIR)["overlap_specific"]
    rows = rows.assign(
        gradcam_specific=gradcam.reindex(rows.set_index(PAIR).index).to_numpy(),
        both_areas=(rows["area"] + rows["reference_area"]) / 2,
        group=[group(*pair) for pair in zip(rows["views"], rows["reference_views"], strict=True)],
    )
    groups = sorted(set(rows["group"]), key=lambda g: (g[0] != g[1], *map(order, g)))
    figure = Figure(figsize=(style.WIDE, 0.9 + 0.22 * len(groups)))
    axes = figure.subplots(1, len(PANELS), sharey=True)
    for place, (column, words) in zip(axes, PANELS.items(), strict=True):
        for at, name in enumerate(groups):
            own = rows[rows["group"] == name]
            color = style.BLUE if name[0] == name[1] else style.ORANGE
            place.plot(own[column], [at] * len(own), ls="", marker="o", ms=2.5, color=color)
            place.plot(own[column].mean(), at, ls="", marker="|", ms=12, color="black")
            if column == "overlap_batch":
                null = own["overlap_batch_null"]
                place.plot(null, [at] * len(own), ls="", marker="|", ms=5, color=style.GREY)
        place.set_title(words)
        place.grid(axis="x", color=style.PALE, lw=0.4)
    axes[0].set_yticks(range(len(groups)), [_words(name) for name in groups])
    axes[0].set_ylim(len(groups) - 0.5, -0.5)
    return figure, rows.drop(columns="group").reset_index(drop=True)


def of_teachers(tables: Tables) -> pd.DataFrame:
    """The pairs of teachers of one augmentation, and of two that teach a student together."""
    rows = tables["attention_pairs"]
    together = set(tables["attention_cells"]["teacher_views"].dropna())
    first, second = rows["views"], rows["reference_views"]
    taught = (first + JOINED + second).isin(together) | (second + JOINED + first).isin(together)
    return rows[(rows["role"] == "teacher") & ((first == second) | taught)]


def headline(rows: pd.DataFrame, method: str = HEADLINE["method"]) -> pd.DataFrame:
    """The pairs by the published map, or by another, at the images' size."""
    return rows[(rows["method"] == method) & (rows["resolution"] == HEADLINE["resolution"])]


def group(first: str | None, second: str | None) -> tuple[str, str]:
    """Two augmentations, the weaker first."""
    return tuple(sorted((first or "unknown", second or "unknown"), key=order))


def _words(name: tuple[str, str]) -> str:
    kept = [style.printable(each, "views", 14) for each in name]
    return kept[0] if kept[0] == kept[1] else " and ".join(kept)
