"""Attention and fidelity as the page shows them: pairs of teachers, affinity, ways of teaching."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from distilscope.analyses.attention.figures.cells import arranged
from distilscope.analyses.attention.figures.pairs import group, headline, of_teachers
from distilscope.analyses.attention.strengths import order
from distilscope.reporting.grid import Grid
from distilscope.reporting.tables import Tables

MEDIATION = (
    "The augmentation of teachers and students was set; overlap, fidelity, information and the gap "
    "came with it. That they vary together over the ways of teaching shows no mediation: nothing "
    "here set the overlap and left the augmentation alone."
)


def context(tables: Tables) -> Mapping[str, Any]:
    """The section: sentences, and the tables of pairs, affinity, cells and controls."""
    pairs = headline(tables["attention_pairs"])
    return {
        "sentences": [*_of_settings(tables), MEDIATION],
        "pairs": _pairs(pairs[pairs["role"] == "teacher"], "Pairs of teachers"),
        "affinity": _affinity(tables),
        "cells": _cells(tables["attention_cells"]),
        "controls": _pairs(pairs[pairs["role"] == "control"], "Committees of labels only"),
    }


def answer(tables: Tables) -> list[str]:
    """How teachers of one and of two augmentations overlap, in a sentence."""
    every = of_teachers(tables)
    by_gradcam = dict(_grouped(headline(every, "gradcam")))
    said = [
        f"{' and '.join(dict.fromkeys(names))} {_beside_null(own)}, "
        f"GradCAM's {_beside_null(by_gradcam[names])}"
        for names, own in _grouped(headline(every))
        if own["overlap_batch"].notna().any()
    ]
    return [f"Overlap of two teachers' attended regions: {'; '.join(said)}."] if said else []


def _beside_null(pairs: pd.DataFrame) -> str:
    means = pairs[["overlap_batch", "overlap_batch_null"]].mean()
    return "{:.2f} (null {:.2f})".format(*means)


def _of_settings(tables: Tables) -> list[str]:
    own = tables.settings_of("attention")
    if not own:
        return []
    return [
        f"A region is where a map, scaled to [0, 1], is above {own['threshold']:g}. The published "
        f"overlap and information are of batches of {own['batch']} test images in order; nulls are "
        f"of {own['shuffles']} shuffles, in which no image meets itself."
    ]


def _grouped(pairs: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    names = [group(*each) for each in zip(pairs["views"], pairs["reference_views"], strict=True)]
    found: dict[tuple[str, str], list[int]] = {}
    for place, name in enumerate(names):
        found.setdefault(name, []).append(place)
    ordered = sorted(found, key=lambda g: (g[0] != g[1], *map(order, g)))
    return [(name, pairs.iloc[found[name]]) for name in ordered]


def _pairs(pairs: pd.DataFrame, label: str) -> Grid:
    columns = (
        *("overlap_batch", "overlap_batch_null", "overlap", "overlap_null", "overlap_specific"),
        *("area", "agreement", "accuracy", "committee_accuracy"),
    )
    means = [(name, own, own[list(columns)].mean()) for name, own in _grouped(pairs)]
    return Grid(
        label,
        (
            *(
                "Augmentations",
                "Pairs",
                "Overlap, as published",
                "its null",
                "By image",
                "its null",
            ),
            *("Specific", "Area", "Agreement, %", "Accuracy, %", "Together, %"),
        ),
        [
            (
                " and ".join(dict.fromkeys(name)),
                str(len(own)),
                *(_number(found[column]) for column in columns[:6]),
                *(_percent(found[column]) for column in columns[6:]),
            )
            for name, own, found in means
        ],
        caption="Means over pairs, on test images. Together: the mean of both models' "
        "probabilities. Area is the share of an image that the first attends to.",
        words=("Augmentations",),
    )


def _affinity(tables: Tables) -> Grid:
    rows = tables.of("affinity")
    base = tables.settings_of("attention").get("base") or "images as they are"
    conditions = [c for c in tables.conditions if c.key in set(rows["condition"])]
    probes = list(dict.fromkeys(rows["probe"]))
    accuracy = tables.headline("accuracy").set_index("model")["value"]
    return Grid(
        "Affinity",
        ("Model", "Accuracy, %", *(f"on {probe.rpartition('-')[0]}" for probe in probes)),
        [
            (
                condition.label,
                _percent(accuracy.reindex(condition.models).mean()),
                *(
                    _number(
                        rows[(rows["condition"] == condition.key) & (rows["probe"] == p)][
                            "value"
                        ].mean()
                    )
                    for p in probes
                ),
            )
            for condition in conditions
            if condition.role in ("teacher", "control")
        ],
        caption=f"Accuracy on test images under a view over that under {base}; means over seeds.",
        words=("Model",),
    )


def _cells(rows: pd.DataFrame) -> Grid:
    numbers = {
        "accuracy": ("Accuracy, %", 100),
        "overfitting_gap": ("Gap, %", 100),
        "overfitting_gap_own_views": ("Gap under own views, %", 100),
        "teachers_overlap_batch": ("Teachers' overlap", 1),
        "teachers_overlap_specific": ("Specific", 1),
        "overlap_batch": ("Overlap with teachers", 1),
        "fidelity": ("Fidelity, %", 100),
        "kl_from_reference": ("KL, nats", 1),
        "mutual_information_corrected": ("MI, nats", 1),
        "prediction_entropy": ("Entropy, nats", 1),
        "published_ece": ("Published ECE", 1),
    }
    return Grid(
        "Every way of teaching",
        ("Student", "Seeds", *(title for title, _ in numbers.values())),
        [
            (
                row["words"],
                str(row["seeds"]),
                *(
                    (_percent if times == 100 else _number)(row[name])
                    for name, (_, times) in numbers.items()
                ),
            )
            for row in arranged(rows).to_dict("records")
        ],
        caption="Means over seeds on test images; fidelity, KL and MI are to the teacher, or to "
        "the mean of the committee's logits.",
        words=("Student",),
    )


def _number(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.3f}"


def _percent(value: float) -> str:
    return "–" if pd.isna(value) else f"{100 * value:.1f}"
