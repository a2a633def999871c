"""What a comparison holds of parts: a row for each image and map, and means for each part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from distilscope.analyses.parts.part_tables import measure_maps, read_images
from distilscope.analyses.parts.parts_pair import PartRules
from distilscope.measuring.model_pair import ModelPair


def compare(pair: ModelPair, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """`parts`, a row for each image, map and variant; `importances`, for each part.

    Of methods at layers the headline pair is measured, for the reference's prediction. Settings:
    `variants` of the importances; `top`, `minimum_parts` and `tolerated_gap` as `PartRules`;
    `removal`, whether the models were shown the images without each part; `shuffles` and `seed`
    of the nulls.
    """
    images = read_images(
        pair.job.input("parts"),
        tuple(folder / pair.probe for folder in pair.folders),
        (pair.model, pair.reference),
        pair.common,
        removal=settings["removal"],
    )
    own = {key: settings[key] for key in ("top", "minimum_parts", "tolerated_gap")}
    rules = {name: PartRules(name, **own) for name in settings["variants"]}
    by_image, by_part = [], []
    for method in pair.methods:
        names = pair.layer_pairs(method)[0]
        keys = {"method": method, "layer": names[0], "reference_layer": names[1]}
        for found in measure_maps(
            images, pair.model.index, pair.maps(method, names), method, rules,
            settings["shuffles"], settings["seed"],
        ):  # fmt: skip
            table = pair.frame("reference", found.chosen)
            place = {**keys, "resolution": "input", "explained": "reference"}
            by_image.append(table.assign(**place, variant=found.variant, **found.values))
            by_part.append(found.by_part.assign(**keys, variant=found.variant))
    both = {"parts": by_image, "importances": by_part}
    return {name: pd.concat(tables, ignore_index=True) for name, tables in both.items()}
