"""The data of the divergence explorer, packed so that the page stays small."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from PIL import Image

from distilscope.analyses.alignment.image_specific_columns import OF_AN_IMAGE
from distilscope.analyses.alignment.sections import pictures
from distilscope.reporting.conditions import Condition
from distilscope.reporting.tables import Tables

LARGEST_SIDE = 64  # pixels; larger pictures are reduced for the page
PICTURE_BYTES = 5_000_000  # what all pictures of the page may take, before base64
BYTES_A_VALUE = 0.8  # of an 8-bit value as PNG, from above
COLOUR_STEPS = 33
MAX_IMAGES = 200  # of a model, unless the study says otherwise


def context(tables: Tables) -> Mapping[str, Any] | None:
    """The section; None where there is no image to explore."""
    data = pack(tables, tables.settings.get("explorer", MAX_IMAGES))
    return {"data": data} if data["models"] else None


def pack(tables: Tables, limit: int) -> dict[str, Any]:
    """Everything the explorer shows, as JSON values, of at most `limit` images a model.

    Each model is shown beside its own reference. A compressed one is also compared with what it is
    made of, whose maps may have another grid.

    - `classes`: names. `atlas`: a PNG data URL with every picture once, `columns` a row, each
      `height` x `width`. `palette`, `opacity`: how a map is coloured.
    - `first`: the model that is shown at first. `models`: id, name, role, `total` (rows before
      thinning); in columns, for each row, `picture` (place in the atlas), `index`, `truth` (the
      label), `prediction`, `reference_prediction`, `confidence`, `reference_confidence`,
      `primary` (image-specific ρ) and `rho` (null where undefined); `grid` and `maps`: base64 of
      one byte a map cell, row after row;
      `reference_grid` and `reference_maps`: the same for the reference's maps.
    """
    divergent = tables.against_own(tables["divergent"])
    rows = divergent[divergent["index"].isin(list(tables.images))]
    rows = _thin(rows, tables.images, limit)
    used = [int(index) for index in pd.unique(rows["index"])]
    place = {index: number for number, index in enumerate(used)}
    conditions = {model: found for found in tables.conditions for model in found.models}
    order = sorted(
        (model for model in conditions if (rows["model"] == model).any()),
        key=lambda model: conditions[model].role not in ("student", "control"),
    )
    main = tables.main_student.models[0] if tables.main_student else ""
    totals = divergent["model"].value_counts()
    return {
        "first": main if main in order else next(iter(order), ""),
        "classes": _class_names(tables, rows),
        "labelled": tables.labelled,
        "palette": _palette(),
        "opacity": list(pictures.OPACITY),
        **_atlas([tables.images[index] for index in used]),
        "models": [
            {
                "id": model,
                "name": _name(conditions[model], model),
                "role": conditions[model].role,
                "total": int(totals[model]),
                **_model(rows[rows["model"] == model], place),
            }
            for model in order
        ],
    }


def _name(condition: Condition, model: str) -> str:
    """The condition's label, with the model's id where it has several seeds."""
    return condition.label if len(condition.models) == 1 else f"{condition.label} ({model})"


def _class_names(tables: Tables, rows: pd.DataFrame) -> list[str]:
    """Names of all classes, and of any other number that a label or a prediction has."""
    columns = rows[["label", "prediction", "reference_prediction"]]
    highest = int(columns.to_numpy().max(initial=-1))
    return [tables.class_name(n) for n in range(max(highest + 1, len(tables.classes)))]


def _thin(rows: pd.DataFrame, images: Mapping[int, np.ndarray], limit: int) -> pd.DataFrame:
    """Keep what fits: of each model the lowest image-specific ρ, the rest evenly over its order."""
    if rows.empty:
        return rows
    height, width = _reduced(next(iter(images.values())).shape)
    channels = 1 if all(_is_grey(image) for image in images.values()) else 3
    room = int(PICTURE_BYTES / (height * width * channels * BYTES_A_VALUE))
    models = rows["model"].nunique()
    quota = limit if rows["index"].nunique() <= room else min(limit, max(12, room // models))
    parts = []
    for _, own in rows.groupby("model", sort=False):
        own = own.sort_values([OF_AN_IMAGE, "rho", "index"])
        if len(own) > quota:
            lowest = quota // 2
            spread = np.linspace(lowest, len(own) - 1, quota - lowest).round().astype(int)
            own = own.iloc[np.unique(np.concatenate([np.arange(lowest), spread]))]
        parts.append(own)
    return pd.concat(parts)


def _reduced(shape: tuple[int, ...]) -> tuple[int, int]:
    share = min(1.0, LARGEST_SIDE / max(shape[:2]))
    return tuple(max(1, round(side * share)) for side in shape[:2])


def _is_grey(image: np.ndarray) -> bool:
    return bool((image[..., 0] == image[..., 1]).all() and (image[..., 0] == image[..., 2]).all())


def _atlas(pictures: list[np.ndarray]) -> dict[str, Any]:
    """One PNG with all pictures, row by row."""
    if not pictures:
        return {"atlas": "", "columns": 1, "height": 1, "width": 1}
    height, width = _reduced(pictures[0].shape)
    columns = math.ceil(math.sqrt(len(pictures)))
    grey = all(_is_grey(picture) for picture in pictures)
    size = (columns * width, math.ceil(len(pictures) / columns) * height)
    sheet = Image.new("L" if grey else "RGB", size)
    for number, picture in enumerate(pictures):
        tile = Image.fromarray(picture).convert(sheet.mode)
        if tile.size != (width, height):
            tile = tile.resize((width, height), Image.Resampling.LANCZOS)
        sheet.paste(tile, (number % columns * width, number // columns * height))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    url = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {"atlas": url, "columns": columns, "height": height, "width": width}


def _model(rows: pd.DataFrame, place: Mapping[int, int]) -> dict[str, Any]:
    own = rows.iloc[0]
    whole = ("index", "truth", "prediction", "reference_prediction")
    numbers = ("confidence", "reference_confidence", "primary", "rho")
    rows = rows.rename(columns={"label": "truth", OF_AN_IMAGE: "primary"})
    return {
        "picture": [place[int(index)] for index in rows["index"]],
        **{name: [int(value) for value in rows[name]] for name in whole},
        **{name: [_number(value) for value in rows[name]] for name in numbers},
        "grid": [int(own["grid_h"]), int(own["grid_w"])],
        "maps": _bytes(rows["map"], own["grid_h"], own["grid_w"]),
        "reference_grid": [int(own["reference_grid_h"]), int(own["reference_grid_w"])],
        "reference_maps": _bytes(
            rows["reference_map"], own["reference_grid_h"], own["reference_grid_w"]
        ),
    }


def _number(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None


def _bytes(stored: pd.Series, height: int, width: int) -> str:
    """Maps as one byte a cell: 255 at the map's maximum, 0 where nothing speaks for the class."""
    cells = [np.round(255 * pictures.shown(values, int(height), int(width))) for values in stored]
    return base64.b64encode(np.stack(cells).astype(np.uint8).tobytes()).decode()


def _palette() -> list[list[int]]:
    steps = matplotlib.colormaps[pictures.COLOURS](np.linspace(0, 1, COLOUR_STEPS))
    return np.round(255 * steps[:, :3]).astype(int).tolist()
