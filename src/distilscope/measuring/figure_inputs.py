"""The tables beside the measures: a row a model, and what single figures draw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distilscope import catalog, store
from distilscope.analyses.alignment import maps
from distilscope.analyses.alignment.alignment_rows import Pair
from distilscope.analyses.outputs import calibration
from distilscope.analyses.outputs.calibration import Confidences
from distilscope.measuring import observations
from distilscope.measuring.observations import Outputs
from distilscope.measuring.study_rows import Entry, Rows, Study

COSTS = ("parameters", "ratio", "multiply_adds")
LATENCY_BATCH = "batch 1"
MAPS = "gradcam"
INTEGRATED = "integrated-gradients"
OF_AN_IMAGE = "image_specific_rho_unit"
"""The primary measure of one image: its pooled form is a ratio of sums over images."""
DIVERGENT_COLUMNS = (
    *("model", "reference", "method", "layer", "reference_layer", "index", "label", "class"),
    *("prediction", "reference_prediction", "confidence", "reference_confidence"),
    *("image_specific_rho_unit", "rho"),
    *("map", "grid_h", "grid_w", "reference_map", "reference_grid_h", "reference_grid_w"),
)


# ------------------------------------------------------------------------------------- models


def model_table(
    study: Study, outputs: Mapping[str, Outputs], held_out: Mapping[str, Outputs]
) -> pd.DataFrame:
    """A row a model: who it is, what it costs, how it performs. NaN where nothing was recorded."""
    costs = {entry.id: _recorded(entry) for entry in study.entries}
    records = []
    for entry in study.entries:
        own = costs[entry.id]
        teacher = costs.get(entry.teacher or entry.reference or entry.id, {})
        data = Confidences.of(outputs[entry.id].logits, outputs[entry.id].label)
        held = held_out.get(entry.id)
        records.append(
            {
                "id": entry.id,
                "kind": entry.kind,
                **{k: v for k, v in entry.columns().items() if k != "model"},
                "explained": store.canonical_json(list(entry.explained)),
                "reference": entry.reference,
                "parameters": own["parameters"],
                "ratio": teacher.get("parameters", np.nan) / (own["parameters"] or np.nan),
                "multiply_adds": own["multiply_adds"],
                "latency_ms": own["latency_ms"],
                "accuracy": float(np.mean(data.correct)),
                "held_out_accuracy": float(np.mean(held.correct)) if held else np.nan,
                "ece": calibration.ece(data, study.bins),
                **_map_counts(study, entry, outputs),
                **_incomplete(study, entry),
                "identity": entry.identity or own["identity"],
                "seconds": own["seconds"],
                "peak_memory_mb": own["peak_memory_mb"],
            }
        )
    table = pd.DataFrame.from_records(records)
    return table.astype({"T": "float64", "alpha": "float64", "seed": "Int64"})


def _map_counts(study: Study, entry: Entry, outputs: Mapping[str, Outputs]) -> dict[str, float]:
    """How many GradCAM maps of the last block are zero everywhere, how many others hold no top set.

    Over all images, for the reference's prediction (a reference's own), at the native grid.
    """
    if entry.last_block is None:
        return {"dead_maps": np.nan, "sparse_maps": np.nan}
    stored = observations.read_maps(entry.observation, study.probe, MAPS)[entry.last_block]
    rows = stored.rows(study.index, outputs[entry.reference or entry.id].prediction)
    values = maps.evidence(stored.values[rows[rows != observations.ABSENT]], MAPS)
    order = maps.TopOrder.of(values.reshape(len(values), -1))
    dead = values.max(axis=(1, 2)) == 0
    sparse = ~order.defined(study.rules.top) & ~dead
    return {"dead_maps": float(dead.sum()), "sparse_maps": float(sparse.sum())}


def _incomplete(study: Study, entry: Entry) -> dict[str, float]:
    """How many integrated gradients miss completeness by over 5 %, or have no logit to miss.

    `integrated_maps` is how many there are; both NaN where there are none.
    """
    counts = {"integrated_maps": np.nan, "incomplete_maps": np.nan}
    if (entry.observation / study.probe / f"saliency.{INTEGRATED}.parquet").exists():
        stored = observations.read_maps(entry.observation, study.probe, INTEGRATED)["input"]
        if stored.gap is not None:
            bad = float((~(stored.gap <= observations.TOLERATED_GAP)).sum())
            counts = {"integrated_maps": float(len(stored.gap)), "incomplete_maps": bad}
    return counts


def _recorded(entry: Entry) -> dict[str, Any]:
    """What the `run.json` of the model and of its observation say."""
    made, seen = (_run(folder) for folder in (entry.folder, entry.observation))
    facts = {**made.get("facts", {}), **seen.get("facts", {})}
    latency = facts.get("latency_ms", np.nan)
    if isinstance(latency, Mapping):
        latency = latency.get(LATENCY_BATCH, np.nan)
    return {
        "parameters": float(facts.get("parameters", np.nan)),
        "multiply_adds": float(facts.get("multiply_adds", np.nan)),
        "latency_ms": float(latency),
        "identity": made.get("identity"),
        "seconds": float(made.get("seconds", {}).get("total", np.nan)),
        "peak_memory_mb": float(made.get("peak_memory_mb", np.nan)),
    }


def _run(folder: Path | None) -> dict[str, Any]:
    if folder is None or not (folder / "run.json").exists():
        return {}
    return store.read_json(folder / "run.json")


def add_cost_rows(rows: Rows, models: pd.DataFrame) -> None:
    """The costs of the models table as measures."""
    by_id = models.set_index("id")
    for entry in rows.study.entries:
        for measure in COSTS:
            value = by_id.at[entry.id, measure]
            reason = "not recorded in run.json" if math.isnan(value) else None
            rows.add(entry, measure, value, probe=None, reason=reason)


# ------------------------------------------------------------------------------------ figures


def reliability_table(study: Study, outputs: Mapping[str, Outputs]) -> pd.DataFrame:
    """The bins of every model's reliability diagram."""
    parts = []
    for entry in study.entries:
        data = Confidences.of(outputs[entry.id].logits, outputs[entry.id].label)
        found = calibration.reliability(data, study.bins)
        columns = {"model": entry.id, "bin": np.arange(study.bins), **found.__dict__}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def history_table(study: Study) -> pd.DataFrame:
    """The training histories of the models that have one."""
    parts = [
        pd.DataFrame(
            columns=[
                "model",
                "epoch",
                "lr",
                "loss",
                "train_accuracy",
                "held_out_accuracy",
                "held_out_nll",
            ]
        )
    ]
    for entry in study.entries:
        if entry.folder is None or not (entry.folder / "history.parquet").exists():
            continue
        history = store.read_table(entry.folder / "history.parquet")
        history.insert(0, "model", entry.id)
        parts.append(history)
    return pd.concat(parts[1:] or parts, ignore_index=True)


def divergent_table(
    study: Study, outputs: Mapping[str, Outputs], pairs: Mapping[str, Sequence[Pair]]
) -> pd.DataFrame:
    """Images of each model and its reference: those that differ most, and some that don't.

    Of the images that both get right the lowest image-specific rho, and a few over its whole range;
    and images that the two predict differently. Raw rho takes its place where it is defined for
    no image: the classes are too small.
    Read at input resolution of the first pair of layers, for the reference's prediction. Maps are
    the evidence that rho is computed on, at their native grids.
    """
    by_id = {entry.id: entry for entry in study.entries}
    parts = []
    for model, found in pairs.items():
        entry, pair = by_id[model], _headline(found)
        if pair is not None and entry.reference in by_id:
            parts.append(_divergent(study, entry, by_id[entry.reference], pair, outputs))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=DIVERGENT_COLUMNS)


def _headline(pairs: Sequence[Pair]) -> Pair | None:
    at_layers = [
        pair
        for pair in pairs
        if catalog.METHODS[pair.key["method"]].at == "layers"
        and pair.key["explained"] == "reference"
    ]
    return min(at_layers, key=lambda pair: pair.key["resolution"] != "input", default=None)


def _divergent(
    study: Study, entry: Entry, reference: Entry, pair: Pair, outputs: Mapping[str, Outputs]
) -> pd.DataFrame:
    own, other = outputs[entry.id], outputs[reference.id]
    primary, rho, position = pair.values[OF_AN_IMAGE], pair.values["rho"], pair.position
    score = rho if np.isnan(primary).all() else primary
    differ = own.prediction[position] != other.prediction[position]
    chosen = _shown(score, pair.subsets["both-correct"], differ, study.divergent)
    place = position[chosen]
    classes = other.prediction[place]
    table = pd.DataFrame(
        {
            "model": entry.id,
            "reference": reference.id,
            **{key: pair.key[key] for key in ("method", "layer", "reference_layer")},
            "index": study.index[place],
            "label": own.label[place],
            "class": classes,
            "prediction": own.prediction[place],
            "reference_prediction": classes,
            "confidence": _confidence(own, place),
            "reference_confidence": _confidence(other, place),
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
    return table[list(DIVERGENT_COLUMNS)]


def _shown(score: np.ndarray, right: np.ndarray, differ: np.ndarray, most: int) -> np.ndarray:
    """Rows by rising score: the `most` lowest that both get right, a quarter as many over the rest
    of their range, and half as many, over the range too, that the models predict differently.
    """
    order = np.argsort(score, kind="stable")
    order = order[~np.isnan(score[order])]
    agreed, apart = order[right[order]], order[differ[order]]
    rest = agreed[most:]
    parts = agreed[:most], _evenly(rest, most // 4), _evenly(apart, most // 2)
    chosen = np.unique(np.concatenate(parts))
    return chosen[np.argsort(score[chosen], kind="stable")]


def _evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of them, spread over all."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(int)]


def _confidence(outputs: Outputs, place: np.ndarray) -> np.ndarray:
    return Confidences.of(outputs.logits[place], outputs.label[place]).confidence
