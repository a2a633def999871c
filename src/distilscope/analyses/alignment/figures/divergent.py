"""The images on which a student that is right looks elsewhere than its teacher."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from distilscope.analyses.alignment.image_specific_columns import OF_AN_IMAGE
from distilscope.analyses.alignment.sections import pictures
from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

ACROSS = 3
# Inches: heading and column words, a block of text and pictures, a picture, margins.
TOP, BLOCK, TILE, MARGIN, GAP = 0.52, 0.98, 0.71, 0.07, 0.15
MAX_IMAGES = 12  # unless the study says otherwise
WORDS = ("image", "teacher", "student")
KEPT = [
    *("model", "reference", "index", "label", "prediction", "reference_prediction"),
    *("confidence", "reference_confidence", "image_specific_rho_unit", "rho"),
]


def fig_divergent(tables: Tables) -> Drawing:
    """Image, teacher's map and student's map where image-specific ρ is lowest, both being right."""
    main, table = tables.main_student, tables.against_own(tables["divergent"])
    known = table[table["index"].isin(list(tables.images))]
    limit = tables.settings.get("divergent", MAX_IMAGES)
    chosen = most_divergent(known, main.models[0], limit)
    if chosen.empty:
        why = "image-specific ρ is undefined on all images that"
        raise NothingToDraw(f"{why} {main.label} and teacher get right")
    down = -(-len(chosen) // ACROSS)
    figure = Figure(figsize=(style.WIDE, TOP + BLOCK * down), layout="none")
    figure.suptitle(drawing.label(main))
    for place in range(len(chosen)):
        _triplet(figure, place, tables, chosen.iloc[place])
    numbers = chosen[KEPT].assign(label_name=chosen["label"].map(tables.class_name))
    return figure, numbers.assign(model_name=main.label).reset_index(drop=True)


def most_divergent(divergent: pd.DataFrame, model: str, count: int) -> pd.DataFrame:
    """The `count` rows of a model with the lowest defined image-specific ρ, of images that both get
    right.
    """
    own = divergent[(divergent["model"] == model) & divergent[OF_AN_IMAGE].notna()]
    right = (own["prediction"] == own["label"]) & (own["reference_prediction"] == own["label"])
    return own[right].sort_values([OF_AN_IMAGE, "index"]).head(count)


def _triplet(figure: Figure, place: int, tables: Tables, row: pd.Series) -> None:
    """Three pictures in a row, placed in inches, with the class and ρ above."""
    image = tables.images[int(row["index"])]
    teacher = pictures.shown(row["reference_map"], row["reference_grid_h"], row["reference_grid_w"])
    student = pictures.shown(row["map"], row["grid_h"], row["grid_w"])
    tiles = (image, pictures.overlay(image, teacher), pictures.overlay(image, student))
    rho = f"{row[OF_AN_IMAGE]:.2f}".replace("-", "−")
    width, height = figure.get_size_inches()
    left = MARGIN + (place % ACROSS) * (width - 2 * MARGIN + GAP) / ACROSS
    top = height - TOP - (place // ACROSS) * BLOCK
    words = f"{tables.drawn_class(row['label'])}, ρ = {rho}"
    figure.text(left / width, (top - 0.03) / height, words, va="top")
    for number, (picture, column) in enumerate(zip(tiles, WORDS, strict=True)):
        corner = (left + number * (TILE + 0.04)) / width, (top - 0.19 - TILE) / height
        axes = figure.add_axes((*corner, TILE / width, TILE / height))
        axes.imshow(picture, interpolation="nearest")
        axes.set_axis_off()
        if place < ACROSS:
            middle = corner[0] + TILE / width / 2
            figure.text(middle, (top + 0.03) / height, column, ha="center", color=style.GREY)
