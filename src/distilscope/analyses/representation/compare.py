"""What a comparison holds of representation: a row for each pair of layers and reduction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from distilscope.analyses.representation.layer_pairs import layer_table, read_sides
from distilscope.measuring.model_pair import ModelPair


def compare(pair: ModelPair, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """`layers`: CKA and mutual nearest neighbours of every layer with every layer.

    Settings: `neighbours` of an image.
    """
    sides = read_sides(pair.folders, pair.probe, pair.layer_names)
    layers = layer_table(sides, pair.probe, pair.reductions, settings["neighbours"])
    same = {"model": sides[0].same_as, "reference": sides[1].same_as}
    layers.attrs = {"same_features": same}
    return {"layers": layers}
