"""Rows of a made-up study's tables: some are the same whatever its models."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from .made_models import Made


def randomisation() -> pd.DataFrame:
    """The teacher's maps under randomisation: likeness falls with depth."""
    modes, layers = ("cascade", "independent"), ("head", "layer4", "layer3")
    methods, measures = (
        (("gradcam", "layer4"), ("saliency", "input")),
        (("rho", 0.7), ("rho_abs", 0.8)),
    )
    records = []
    for mode, (depth, layer), (method, at), (measure, top) in itertools.product(
        modes, enumerate(layers, start=1), methods, measures
    ):
        value = top / depth
        place = {"mode": mode, "depth": depth, "randomised": layer, "accuracy": 0.1}
        place |= {"method": method, "layer": at, "measure": measure}
        spread = {"value": value, "low": value - 0.02, "high": value + 0.02}
        counts = {"n": 2000, "n_undefined": 0, "reason": None}
        who = {"study": "made-up", "model": f"teacher-s1-random-{mode}-{layer}"}
        records.append({**who, "original": "teacher-s1", **place, **spread, **counts})
    return pd.DataFrame(records)


def shortcuts() -> pd.DataFrame:
    """Two models of two arms, judged in three classes; class 1 of the first is flagged."""
    records = [
        {
            **{"study": "made-up", "model": "small-ce-s1", "identity": f"model-{arm}"},
            **{"teacher_identity": "teacher", "arm": arm, "detector": "alignment"},
            "planted_class": 1 if arm == "student" else None,
            "class": number,
            "n": 150,
            "value": -0.1,
            "relative": -0.45 if arm == "student" and number == 1 else 0.01,
            "effect": 6.25 if arm == "student" and number == 1 else -0.1,
            "q": 0.004 if arm == "student" and number == 1 else 0.7,
            "flagged": arm == "student" and number == 1,
            "accuracy_on": 0.98 if arm == "student" else None,
            "accuracy_off": 0.12 if arm == "student" else None,
            "relies": True if arm == "student" else None,
        }
        for arm in ("student", "none")
        for number in range(3)
    ]
    return pd.DataFrame(records).astype({"planted_class": "Int64", "relies": "boolean"})


def shortcut_rates() -> pd.DataFrame:
    """One hit of one."""
    row = {"study": "made-up", "arm": "student", "detector": "alignment", "rate": "hit"}
    row |= {"of": "plantings", "hits": 1, "n": 1, "value": 1.0, "low": 0.207, "high": 1.0}
    return pd.DataFrame([row])


def claims() -> pd.DataFrame:
    """A claim of each verdict."""
    supported = {
        "claim": "up",
        "sentence": "Distillation raises <accuracy> & ρ.",
        "source": "main table",
        "scope": "here (made-up, laptop scale)",
        "delta": 0.005,
        "published": 0.0122,
        "trust": "verified",
        "note": "one seed",
        "ours": 0.025,
        "low": 0.0126,
        "high": 0.0374,
        "n_seeds": 6,
        "p_t": 0.021,
        "p_sign_flip": 0.031,
        "p_smallest": 0.03125,
        "q": 0.042,
        "effect_size": 5.0,
        "seeds_to_decide": math.nan,
        "verdict": "supported",
        "why": "Holds here: the interval lies above 0.005.",
    }
    unpublished = {**supported, "published": math.nan, "trust": None, "note": None}
    contradicted = {"verdict": "contradicted", "ours": -0.2, "low": -0.3, "high": -0.1}
    open_ = {"verdict": "undetermined", "seeds_to_decide": 14, "why": "14 seeds would decide."}
    absent = dict.fromkeys(("ours", "low", "high", *("p_t", "p_sign_flip", "p_smallest", "q")))
    rows = [
        supported,
        {**unpublished, **contradicted, "why": "Does not hold here."},
        {**supported, **open_, "low": 0.001, "trust": "inconsistent"},
        {**unpublished, **absent, "verdict": "not tested", "why": "The study has no twin."},
    ]
    table = pd.DataFrame(rows)
    return table.astype(dict.fromkeys(absent, "float64") | {"seeds_to_decide": "Int64"})


def reliability(models: Iterable[Made]) -> pd.DataFrame:
    edges, parts = np.linspace(0, 1, 16), []
    for made in models:
        middle = (edges[:-1] + edges[1:]) / 2
        share = np.exp(
            4 * (middle - 1) * made.quality - 3 * (middle - 0.1) ** 2 * (made.quality == 0)
        )
        n = np.round(2000 * share / share.sum()).astype(int)
        n[0] = 0
        accuracy = np.clip(middle - 0.15 * np.sin(3 * middle) * (1.1 - made.quality), 0, 1)
        parts.append(
            pd.DataFrame(
                {
                    "model": made.id,
                    "bin": np.arange(15),
                    "low": edges[:-1],
                    "high": edges[1:],
                    "n": n,
                    "confidence": np.where(n > 0, middle, np.nan),
                    "accuracy": np.where(n > 0, accuracy, np.nan),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def histories(models: Iterable[Made]) -> pd.DataFrame:
    records = []
    for made in models:
        if made.role == "floor":
            continue
        for epoch in range(1, 9):
            done = 1 - math.exp(-epoch / 2.5)
            top = 0.10 + 0.83 * made.quality**0.4
            records.append(
                {
                    "model": made.id,
                    "epoch": epoch,
                    "lr": 0.1 * (1 + math.cos(math.pi * epoch / 8)) / 2,
                    "loss": 2.3 * (1 - done * (0.5 + 0.4 * made.quality)),
                    "train_accuracy": 0.1 + (top - 0.08) * done,
                    "held_out_accuracy": 0.1 + (top - 0.1) * done * 0.99,
                }
            )
    return pd.DataFrame(records)
