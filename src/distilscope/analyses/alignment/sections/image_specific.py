"""The primary measure in full: its null, its size, what it rests on, and its other forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from distilscope.analyses.alignment.image_specific_columns import (
    OF_AN_IMAGE,
    PARTIAL,
    PRIMARY,
    SHARES,
)
from distilscope.reporting.conditions import estimate
from distilscope.reporting.formatting import NOTHING, between, number, with_interval
from distilscope.reporting.grid import Grid
from distilscope.reporting.tables import Tables

NULL = f"null_{PRIMARY}"
OLDER = (OF_AN_IMAGE, f"null_{OF_AN_IMAGE}")
COLUMNS = (
    *("Model", "Image-specific ρ", "Null", "Null by class", "Without place", "Own share, model"),
    *("Own share, teacher", "Older form (its null)", "Images", "Undefined"),
)


def context(tables: Tables) -> Mapping[str, Any] | None:
    """A row for each condition whose maps were compared with a teacher's; None without any."""
    headline = {name: tables.headline(name) for name in (PRIMARY, NULL, PARTIAL, *SHARES, *OLDER)}
    by_class = tables.headline(NULL, by_class=True)
    rows = []
    for condition in tables.conditions:
        own, nulls = (
            found[found["model"].isin(condition.models)] for found in (headline[PRIMARY], by_class)
        )
        if own.empty:
            continue
        found = {name: estimate(condition, rows) for name, rows in headline.items()}
        plain = {name: number(one.value) for name, one in found.items()}
        rows.append(
            (
                *(condition.label, with_interval(found[PRIMARY]), plain[NULL]),
                *(
                    between(nulls["value"].min(), nulls["value"].max()),
                    with_interval(found[PARTIAL]),
                ),
                *(*(plain[name] for name in SHARES), "{} ({})".format(*map(plain.get, OLDER))),
                *(_span(own["n"]), _span(own["n_undefined"])),
            )
        )
    caption = (
        f"On {tables.subset_words}. The null is the same number for another image's map, its range "
        "that of the classes. “Without place”: what the object's place and extent explain is taken "
        "out as well, where the object is known. The own share is that of the rank variance of the "
        "maps that differs from image to image. The older form is the mean of correlations by "
        "image, whose null is not 0."
    )
    grid = Grid("Image-specific rho in full", COLUMNS, rows, caption)
    return {"grid": grid} if rows else None


def _span(counts: pd.Series) -> str:
    """`1,706`, or `1,690 to 1,706` where its models differ."""
    known = counts.dropna().to_numpy(int)
    ends = [f"{count:,}" for count in np.unique(known)]
    return NOTHING if not ends else " to ".join(dict.fromkeys((ends[0], ends[-1])))
