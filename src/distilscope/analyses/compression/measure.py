"""What compression does: to predictions, to single images, and to each layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.analyses.compression.ladders import Rung, ladders
from distilscope.measuring import observations
from distilscope.measuring.entries import Compared
from distilscope.measuring.observations import UNLABELLED
from distilscope.measuring.rows import Rows
from distilscope.measuring.study import Study
from distilscope.statistics import bootstrap
from distilscope.statistics.bootstrap import Resamples

ORIGINAL = "original"
SAME = "the layer puts out the same as the original's"
SILENT = "the original's layer puts out zeros"


def measure(study: Study, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """`compression_rungs`: the ladders; `compression_images`: the images that change first on each.

    Settings: `rungs`, what `Rung` takes of each compressed model; `shown` images a ladder; and
    `noise`: model -> folder of its layers' noise.
    """
    rungs = [Rung(**row) for row in settings["rungs"]]
    compared = [each for each in study.compared if each.relation == ORIGINAL]
    for each in compared:
        _add_changes(study, each)
        folder = settings["noise"].get(each.model.id)
        if folder is not None:
            add_layer_rows(study, study.rows, each, Path(folder))
    tables = [first_changes(study, own).head(settings["shown"]) for own in ladders(rungs).values()]
    return {
        "compression_rungs": pd.DataFrame(settings["rungs"]),
        "compression_images": pd.concat(tables, ignore_index=True),
    }


def _add_changes(study: Study, each: Compared) -> None:
    """How many predictions change, and what that costs: paired over the images."""
    own, original = study.outputs[each.model.id], study.outputs[each.reference]
    before, after = original.correct.astype(float), own.correct.astype(float)
    columns = {
        "changed": (own.prediction != original.prediction).astype(float),
        "lost": before * (1 - after),
        "gained": after * (1 - before),
        "accuracy_drop": before - after,
    }
    if not own.labelled:
        columns |= dict.fromkeys(("lost", "gained", "accuracy_drop"), np.full(len(before), np.nan))
    found = bootstrap.means(np.column_stack(list(columns.values())), study.resamples, study.level)
    reasons = [UNLABELLED if not own.labelled and name != "changed" else None for name in columns]
    study.rows.add_estimates(each, list(columns), found, reasons, subset="all")
    for name in ("changed", "accuracy_drop"):
        study.pool(name, "all", each.model.id, each.reference, columns[name])
    stored = _facts(each.model.folder).get("weight_bytes", np.nan)
    study.rows.add(each.model, "weight_bytes", stored, probe=None)


def _facts(folder: Path) -> Mapping[str, Any]:
    return store.read_json(folder / store.RUN_FILE).get("facts", {})


def add_layer_rows(study: Study, rows: Rows, each: Compared, folder: Path) -> None:
    """The signal-to-noise ratio of each layer, in decibels."""
    table = store.read_table(folder / "noise.parquet")
    for layer, found in table.groupby("layer", sort=False):
        places = study.positions(found["index"].to_numpy())
        signal, noise = np.zeros(len(study.index)), np.zeros(len(study.index))
        signal[places], noise[places] = found["signal"], found["noise"]
        value, low, high, reason = decibels(signal, noise, study.resamples, study.level)
        where = {"subset": "all", "layer": layer, "reference_layer": layer, "headline": False}
        numbers = {"low": low, "high": high, "n": len(found), "reason": reason}
        rows.add(each, "layer_snr", value, **numbers, **where)


def decibels(
    signal: np.ndarray, noise: np.ndarray, resamples: Resamples, level: float
) -> tuple[float, float, float, str | None]:
    """10 log10(sum of signal / sum of noise) over the (N,) images, its interval, and why not."""
    if not noise.sum():
        return np.nan, np.nan, np.nan, SAME
    if not signal.sum():
        return np.nan, np.nan, np.nan, SILENT
    scale = signal.mean()  # sums of squares may be large, and resamples are summed in float32
    above, below = resamples.sums(np.column_stack([signal / scale, noise / noise.mean()]))
    ratio = 10 * np.log10(scale / noise.mean())
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = ratio + 10 * np.log10(above / below)
    defined = np.where(np.isfinite(replicates), replicates, np.nan)
    low, high = bootstrap.interval(defined[None], level)
    return float(ratio), float(low[0]), float(high[0]), None


# ------------------------------------------------------------------------------ single images


def first_changes(study: Study, own: Sequence[Rung]) -> pd.DataFrame:
    """A row for each image whose prediction changes on a ladder, by the rung at which it does.

    Columns: `rung` (from 1) and its `model`, what the image was taken for (`prediction`) and then
    (`changed_to`), the original's `margin` (probability of its prediction less the next), and
    `later`, the share of the further rungs that also predict otherwise.
    """
    original = study.outputs[own[0].original]
    predictions = np.stack([study.outputs[each.model].prediction for each in own])
    differ = predictions != original.prediction
    images = np.flatnonzero(differ.any(axis=0))
    first = differ[:, images].argmax(axis=0)
    after = np.arange(len(own))[:, None] > first
    with np.errstate(invalid="ignore"):
        later = (differ[:, images] & after).sum(axis=0) / after.sum(axis=0)
    table = pd.DataFrame(
        {
            "original": own[0].original,
            "way": own[0].way,
            "model": [own[place].model for place in first],
            "rung": first + 1,
            "value": [own[place].label for place in first],
            "index": original.index[images],
            "label": original.label[images],
            "prediction": original.prediction[images],
            "changed_to": predictions[first, images],
            "margin": margins(original.logits)[images],
            "later": later,
        }
    )
    return table.sort_values(["rung", "margin", "index"])


def margins(logits: np.ndarray) -> np.ndarray:
    """(N,) probability of the likeliest class less that of the next; 1 where there is one class."""
    ordered = np.sort(np.exp(observations.log_probabilities(logits)), axis=1)
    return ordered[:, -1] - (ordered[:, -2] if logits.shape[1] > 1 else 0.0)
