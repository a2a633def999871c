"""Made-up tables of a study, for tests only: the shapes and ranges of a real one, no results."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from distilscope import registry, store
from distilscope.measuring.rows import columns
from distilscope.planning.labels import key, labels
from distilscope.reporting.reading import WITH_CLAIMS

from . import made_rows
from .made_models import Made

CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
USUAL = {name: {} for name in ("alignment", "representation", "outputs", "sweeps")}
USUAL["alignment"] = {"method": "gradcam"}
"""The analyses of the made-up study."""
EVERY = USUAL | {"randomisation": {}, "shortcuts": {}}
REST = {"covariation": "alignment", "parts": "parts"}
"""Tables that most of the tests have nothing in; `made_parts` fills them."""


def _stands(made: Made, place: dict) -> bool:
    """Whether a number at that place stands for its measure: of maps that of the last block."""
    if "layer" not in place:
        return True
    last = place["layer"] == made.layers[-1] and "method" in place
    return last and place["resolution"] == "input"


@dataclass
class Builder:
    """Collects rows of the made-up study and writes its folders."""

    models: list[Made]
    classes: tuple[str, ...] = CLASSES
    size: int = 28
    images: int = 400
    explored: int = 60
    by_class: bool = True
    rows: list[dict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(7)
        self.other = np.random.default_rng(8)  # the order by raw ρ is another

    # -------------------------------------------------------------------------- measures

    def add(self, made: Made, measure: str, value: float, half: float = 0.0, **extra) -> None:
        low, high = (value - half, value + half) if half else (math.nan, math.nan)
        self.rows.append(
            {
                "study": "made-up",
                "model": made.id,
                "condition": made.condition,
                "seed": made.seed,
                "relation": "twin" if made.role == "twin" else "teacher",
                "probe": "test",
                "subset": "all",
                "measure": measure,
                "value": value,
                "low": low,
                "high": high,
                "interval": "images" if half else None,
                "n": 2000,
                "n_undefined": 0,
                "headline": _stands(made, extra),
                **extra,
            }
        )

    def measure(self) -> pd.DataFrame:
        for made in self.models:
            q = made.quality
            self.add(made, "accuracy", 0.10 + 0.83 * q**0.4 if q else 0.1, 0.012)
            self.add(made, "ece", 0.09 - 0.06 * q, 0.006)
            self.add(made, "nll", 0.9 - 0.7 * q, 0.02)
            if made.role == "teacher":
                self._trivial(made)
            else:
                self._against_teacher(made)
        return pd.DataFrame(self.rows).reindex(columns=columns(()))

    def _against_teacher(self, made: Made) -> None:
        q, against = made.quality, {"reference": "teacher-s1"}
        self.add(made, "agreement", 0.1 + 0.82 * q**0.4 if q else 0.1, 0.01, **against)
        self.add(made, "kl_teacher_student", 2.2 - 2.0 * q, 0.05, **against)
        subsets = ("common", "both-correct") if self.has_twin else ("both-correct",)
        for subset in subsets:
            for resolution in ("input", "native"):
                for layer, reference_layer in zip(
                    made.layers[-2:], ("layer3", "layer4"), strict=True
                ):
                    place = {
                        **against,
                        "subset": subset,
                        "layer": layer,
                        "reference_layer": reference_layer,
                        "method": "gradcam",
                        "resolution": resolution,
                        "explained": "reference",
                        "n": 1593,
                    }
                    shift = 0.02 * (resolution == "native") + 0.1 * (layer != made.layers[-1])
                    self._alignment(made, q - shift if q else 0.0, place)
        for i, layer in enumerate(made.layers):
            for j in range(4):
                near = math.exp(-0.5 * (i / len(made.layers) - j / 4) ** 2 / 0.15)
                pair = {"layer": layer, "reference_layer": f"layer{j + 1}", **against}
                value = near * (0.3 + 0.6 * q)
                self.add(made, "cka_debiased", value, **pair)
                self.add(made, "cka_debiased", value / 2, **pair, resolution="flatten")
                self.add(made, "mutual_knn", value / 3, **pair, resolution="gap")
                self.add(made, "cka_biased", min(1.0, value + 0.05), **pair)

    def _trivial(self, made: Made) -> None:
        place = {"subset": "common", "method": "gradcam", "explained": "reference"}
        for layer, shift in (("layer4", 0.0), ("layer3", 0.1)):
            for resolution in ("input", "native"):
                place |= {"layer": layer, "resolution": resolution}
                self.add(made, "gaussian_rho", 0.51 - shift, 0.01, **place)
                why = {"n": 0, "n_undefined": 1593, "reason": "the same for every image"}
                self.add(made, "gaussian_image_specific_rho", math.nan, **{**place, **why})
                self.add(made, "edges_rho", 0.33 - shift, 0.01, **place)
                self.add(made, "edges_image_specific_rho", 0.04, 0.01, **place)

    def _alignment(self, made: Made, q: float, place: dict) -> None:
        self.add(made, "image_specific_rho", 0.52 * q - 0.01, 0.014, **place)
        if self.has_twin and made.role != "twin":
            self.add(made, "image_specific_rho.ratio", q / 0.94, 0.03, **place)
        self.add(made, "null_image_specific_rho", -0.003 * q, 0.003, **place)
        self.add(made, "partial_image_specific_rho", 0.4 * q, 0.014, **place)
        self.add(made, "image_specific_share", 0.1 + 0.1 * q, 0.004, **place)
        self.add(made, "reference_image_specific_share", 0.18, 0.004, **place)
        self.add(made, "image_specific_rho_unit", 0.52 * q + 0.01, 0.014, **place)
        self.add(made, "null_image_specific_rho_unit", 0.02 * q, 0.003, **place)
        self.add(made, "rho", 0.2 + 0.53 * q, 0.01, **place)
        self.add(made, "null_rho", 0.15 + 0.47 * q, 0.008, **place)
        if place["subset"] == "common":
            self.add(made, "null_other_rho", 0.1 + 0.4 * q, 0.008, **place)
        self.add(
            made,
            "iou20",
            0.16 + 0.35 * q,
            0.008,
            **{**place, "n_undefined": 41, "reason": "fewer positive cells than the top 20 %"},
        )
        if not self.by_class:
            return
        for number in range(len(self.classes)):
            wave = 0.12 * math.sin(2.1 * number + 5 * q)
            own = {**place, "class": number, "n": 150}
            if made.role == "floor" and number == 3:
                gone = {**own, "n": 0, "n_undefined": 12, "reason": "no map with a positive cell"}
                for name in ("image_specific_rho", "rho", "iou20"):
                    self.add(made, name, math.nan, **gone)
                continue
            self.add(made, "image_specific_rho", 0.5 * q + wave * q, 0.04, **own)
            self.add(made, "null_image_specific_rho", 0.001 * number - 0.005, 0.01, **own)
            self.add(made, "rho", 0.2 + 0.5 * q + wave, 0.03, **own)
            self.add(made, "iou20", 0.16 + 0.33 * q + wave / 2, 0.025, **own)

    @property
    def has_twin(self) -> bool:
        return any(made.role == "twin" for made in self.models)

    # ------------------------------------------------------------------------ other tables

    def model_table(self) -> pd.DataFrame:
        records = []
        for number, made in enumerate(self.models):
            accuracy = 0.10 + 0.83 * made.quality**0.4 if made.quality else 0.1
            records.append(
                {
                    "id": made.id,
                    "condition": made.condition,
                    "role": made.role,
                    "network": made.student,
                    "source": made.kind,
                    "seed": made.seed,
                    "reference": None if made.role == "teacher" else "teacher-s1",
                    "explained": json.dumps([made.layers[-1], made.layers[-2]]),
                    "parameters": made.parameters,
                    "ratio": 11_173_962 / made.parameters,
                    "multiply_adds": made.parameters * 30,
                    "latency_ms": 1.5 + made.parameters / 4e6,
                    "accuracy": accuracy,
                    "held_out_accuracy": accuracy - 0.003,
                    "ece": 0.09 - 0.06 * made.quality,
                    "identity": f"{number:012x}",
                    "seconds": 20.0 + made.parameters / 5e4,
                    "peak_memory_mb": 900.0,
                }
            )
        return pd.DataFrame(records)

    def condition_table(self) -> pd.DataFrame:
        found = {made.as_condition: made for made in self.models}
        called = labels(found)
        records = [
            {
                "condition": key(condition),
                "label": called[condition],
                **condition.record(),
                "T": made.T,
                "alpha": made.alpha,
            }
            for condition, made in found.items()
        ]
        return pd.DataFrame(records).astype({"T": "float64", "alpha": "float64"})

    def seeds(self) -> pd.DataFrame:
        """A row for each condition and two measures; intervals where it has several seeds."""
        records = []
        for condition, made in {made.condition: made for made in self.models}.items():
            if made.role in ("teacher", "twin"):
                continue
            count = sum(other.condition == condition for other in self.models)
            half = 0.02 if count > 1 else math.nan
            for measure, subset in (("accuracy", "all"), ("image_specific_rho", "common")):
                value = 0.3 + 0.5 * made.quality
                records.append(
                    {
                        **{"study": "made-up", "condition": condition, "reference": "teacher-s1"},
                        **{"relation": "teacher"},
                        **{"subset": subset, "measure": measure, "seeds": count},
                        **{"value": value, "low": value - half, "high": value + half},
                        **{"two_level_low": value - half / 2, "two_level_high": value + half / 2},
                        **{"descriptive": True, "reason": None if count > 1 else "one seed"},
                    }
                )
        return pd.DataFrame(records)

    def divergent(self, indices: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
        count, classes, records = len(indices), len(self.classes), []
        teacher_maps = {int(i): self._map(4) for i in indices}
        teacher_says = np.where(self.rng.random(count) < 0.92, labels, (labels + 1) % classes)
        for made in self.models:
            if made.role not in ("student", "control", "twin"):
                continue
            chosen = self.rng.choice(count, min(self.explored, count), replace=False)
            for place in chosen:
                index = int(indices[place])
                agrees = self.rng.random() < made.quality
                own = 0.5 * self._map(4) + teacher_maps[index] * agrees
                right = self.rng.random() < 0.85
                records.append(
                    {
                        "model": made.id,
                        "reference": "teacher-s1",
                        "index": index,
                        "label": int(labels[place]),
                        "prediction": int(
                            labels[place] if right else (labels[place] + 2) % classes
                        ),
                        "reference_prediction": int(teacher_says[place]),
                        "confidence": float(0.4 + 0.6 * self.rng.random()),
                        "reference_confidence": float(0.5 + 0.5 * self.rng.random()),
                        "image_specific_rho_unit": float(np.tanh(self.other.standard_normal())),
                        "rho": float(np.corrcoef(own, teacher_maps[index])[0, 1]),
                        "map": own.astype(np.float32),
                        "grid_h": 4,
                        "grid_w": 4,
                        "reference_map": teacher_maps[index].astype(np.float32),
                        "reference_grid_h": 4,
                        "reference_grid_w": 4,
                    }
                )
            records[-1]["rho"] = records[-1]["image_specific_rho_unit"] = math.nan
            records[-1]["map"] = np.full(16, -1.0, np.float32)
        return pd.DataFrame(records).sort_values(["model", "rho"], ignore_index=True)

    def _map(self, side: int) -> np.ndarray:
        y, x = np.mgrid[:side, :side]
        centre = self.rng.random(2) * (side - 1)
        bump = np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / 1.5)
        return (bump - 0.15 + 0.05 * self.rng.standard_normal((side, side))).ravel()

    def pictures(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Grey shapes, one outline a class: uint8 (N, 3, S, S), labels and dataset indices."""
        labels = np.arange(self.images) % len(self.classes)
        y, x = np.mgrid[: self.size, : self.size] / self.size - 0.5
        found = []
        for label in labels:
            wide, tall = 0.15 + 0.03 * (label % 5), 0.2 + 0.04 * (label % 4)
            tilt = 0.3 * self.rng.standard_normal()
            body = (np.abs(x + tilt * y) / wide) ** 4 + (np.abs(y) / tall) ** 4 < 1.3
            shade = (
                150
                + 60 * np.sin(20 * (x + y * (label % 3)))
                + 12 * self.rng.standard_normal(x.shape)
            )
            found.append(np.where(body, np.clip(shade, 20, 255), 0))
        grey = np.stack(found).astype(np.uint8)
        return np.repeat(grey[:, None], 3, axis=1), labels, 60_000 + np.arange(self.images)

    # -------------------------------------------------------------------------- to disk

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write `tables` and `dataset` under the folder and return both."""
        tables, dataset = folder / "tables", folder / "dataset"
        images, labels, indices = self.pictures()
        found = {
            "measures": self.measure(),
            "models": self.model_table(),
            "conditions": self.condition_table(),
            "seeds": self.seeds(),
            "reliability": made_rows.reliability(self.models),
            "histories": made_rows.histories(self.models),
            "claims": made_rows.claims(),
            "randomisation": made_rows.randomisation(),
            "shortcuts": made_rows.shortcuts(),
            "shortcut_rates": made_rows.shortcut_rates(),
            "published": pd.DataFrame(columns=list(WITH_CLAIMS["published"])),
        }
        for name, table in found.items():
            store.write_table(tables / f"{name}.parquet", table)
        for name, analysis in REST.items():
            columns = registry.analyses()[analysis].tables[name].columns
            store.write_table(tables / f"{name}.parquet", pd.DataFrame(columns=list(columns)))
        store.write_table(tables / "divergent.parquet", self.divergent(indices, labels))
        store.write_tensors(
            dataset / "images.safetensors",
            {"test.images": images, "test.labels": labels, "test.indices": indices},
        )
        store.write_json(dataset / "manifest.json", {"classes": list(self.classes)})
        return tables, dataset
