"""Images on which a model and its reference look differently, and some on which they don't."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from distilscope.analyses.alignment import maps
from distilscope.analyses.alignment.alignment_rows import Pair
from distilscope.analyses.alignment.image_specific_columns import OF_AN_IMAGE
from distilscope.measuring import observations
from distilscope.measuring.entries import Entry
from distilscope.measuring.study import Study

COLUMNS = (
    *("model", "reference", "method", "layer", "reference_layer", "index", "label", "class"),
    *("prediction", "reference_prediction", "confidence", "reference_confidence"),
    *(OF_AN_IMAGE, "rho"),
    *("map", "grid_h", "grid_w", "reference_map", "reference_grid_h", "reference_grid_w"),
)


def divergent_table(
    study: Study, pairs: Mapping[tuple[str, str], Sequence[Pair]], limit: int
) -> pd.DataFrame:
    """Images of each model and its reference: those that differ most, and some that don't.

    Of the images that both get right the lowest image-specific rho, and a few over its whole range;
    and images that the two predict differently. Raw rho takes its place where it is defined for
    no image: the classes are too small.
    Read at input resolution of the first pair of layers, for the reference's prediction. Maps are
    the evidence that rho is computed on, at their native grids.
    """
    parts = []
    for (model, reference), found in pairs.items():
        pair = next((pair for pair in found if pair.headline), None)
        if pair is not None:
            sides = study.entry(model), study.entry(reference)
            parts.append(_divergent(study, *sides, pair, limit))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _divergent(
    study: Study, entry: Entry, reference: Entry, pair: Pair, limit: int
) -> pd.DataFrame:
    own, other = study.outputs[entry.id], study.outputs[reference.id]
    primary, rho, position = pair.values[OF_AN_IMAGE], pair.values["rho"], pair.position
    score = rho if np.isnan(primary).all() else primary
    differ = own.prediction[position] != other.prediction[position]
    chosen = _shown(score, pair.subsets["both-correct"], differ, limit)
    place = position[chosen]
    classes = other.prediction[place]
    table = pd.DataFrame(
        {
            "model": entry.id,
            "reference": reference.id,
            **{key: pair.key[key] for key in ("method", "layer", "reference_layer")},
            "index": study.index[place],
            "label": own.with_labels_of(other).label[place],
            "class": classes,
            "prediction": own.prediction[place],
            "reference_prediction": classes,
            "confidence": own.confidence[place],
            "reference_confidence": other.confidence[place],
            OF_AN_IMAGE: primary[chosen],
            "rho": rho[chosen],
        }
    )
    sides = (("", entry, pair.key["layer"]), ("reference_", reference, pair.key["reference_layer"]))
    for prefix, side, layer in sides:
        stored = observations.read_maps(side.observation, study.probe, pair.key["method"])[layer]
        rows = stored.rows(study.index[place], classes)
        shown = maps.evidence(stored.values[rows], pair.key["method"]).astype(np.float32)
        table[f"{prefix}map"] = list(shown.reshape(len(shown), math.prod(stored.grid)))
        table[f"{prefix}grid_h"], table[f"{prefix}grid_w"] = stored.grid
    return table[list(COLUMNS)]


def _shown(score: np.ndarray, right: np.ndarray, differ: np.ndarray, limit: int) -> np.ndarray:
    """Rows by rising score: the `most` lowest that both get right, a quarter as many over the rest
    of their range, and half as many, over the range too, that the models predict differently.
    """
    order = np.argsort(score, kind="stable")
    order = order[~np.isnan(score[order])]
    agreed, apart = order[right[order]], order[differ[order]]
    rest = agreed[limit:]
    parts = agreed[:limit], _evenly(rest, limit // 4), _evenly(apart, limit // 2)
    chosen = np.unique(np.concatenate(parts))
    return chosen[np.argsort(score[chosen], kind="stable")]


def _evenly(rows: np.ndarray, limit: int) -> np.ndarray:
    """At most so many of them, spread over all."""
    if len(rows) <= limit:
        return rows
    return rows[np.linspace(0, len(rows) - 1, limit).round().astype(int)]
