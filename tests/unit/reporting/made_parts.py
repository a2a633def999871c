"""A made-up study of students by weight and temperature whose maps are measured over parts."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd

from distilscope import store
from distilscope.measuring.rows import columns
from distilscope.reporting.tables import Tables

from .conftest import Study
from .made_models import Made
from .made_tables import USUAL, Builder

HEADLINE = {"method": "saliency", "variant": "mass_absolute", "top": 2}
HEADLINE |= {"source": "annotated", "regions": False}
REGIONS = {**HEADLINE, "source": "grid", "regions": True}
METHODS = ("gradcam", "saliency")
VARIANTS = ("density_absolute", "mass_absolute")
PARTS = ("wheel", "roof", "sail")
FINDINGS = ("3 images have fewer than 3 parts.", "Part <b>sail</b> & mast overlap.")
OF_ONE = (
    *("focus", "focus_chance", "focus_odds", "faithfulness", "faithfulness_areas"),
    *("deciding_recall", "deciding_recall_chance", "removal_recall", "null_faithfulness"),
)
OF_PAIR = ("part_rho", "null_part_rho", "null_focus")


def ladder_models() -> list[Made]:
    """Teacher, twin, its own network (`own`, distilled only), two smaller ones and a floor.

    T = 4 at both weights with two seeds, and T = 1 at one weight with one seed.
    """
    found = [
        Made("teacher-s1", "teacher", "resnet18", None, None, 0.95),
        Made("twin-s2", "twin", "resnet18", None, None, 0.91, 2),
    ]
    for student, base in (("tiny", 0.5), ("own", 0.8), ("small", 0.62)):
        for seed in (1, 2):
            for alpha in (0.9, 0.5):
                name = f"{student}-kd-T4-a{alpha}-s{seed}"
                quality = base + 0.1 * alpha + 0.013 * seed**2
                found.append(Made(name, "student", student, 4.0, alpha, quality, seed))
            if student != "own":
                name, quality = f"{student}-ce-s{seed}", base - 0.02 * seed
                found.append(Made(name, "control", student, None, None, quality, seed))
    found.append(Made("tiny-kd-T1-a0.9-s1", "student", "tiny", 1.0, 0.9, 0.44))
    found.append(Made("tiny-untrained-s1", "floor", "tiny", None, None, 0.0))
    return found


class PartedBuilder(Builder):
    """Adds what a study with parts and a claims file has."""

    def measure(self) -> pd.DataFrame:
        super().measure()
        for made in self.models:
            if made.role != "teacher":
                value = 0.3 + 0.6 * made.quality**2
                self.add(made, "logit_rho", value, 0.01, reference="teacher-s1")
            for method in METHODS:
                for variant in VARIANTS:
                    self._over_parts(made, method, variant)
        return pd.DataFrame(self.rows).reindex(columns=columns(()))

    def _over_parts(self, made: Made, method: str, variant: str) -> None:
        shift = 0.11 * METHODS.index(method) + 0.027 * VARIANTS.index(variant)
        pair = made.role != "teacher"
        place = {
            "headline": (method, variant) == (HEADLINE["method"], HEADLINE["variant"]),
            "method": method,
            "variant": variant,
            "layer": "input" if method == "saliency" else made.layers[-1],
            "resolution": "input",
            "explained": "reference",
            "reference": "teacher-s1" if pair else None,
        }
        for order, measure in enumerate((*OF_ONE, *(OF_PAIR if pair else ()))):
            for more, subset in enumerate(("all", "both-correct", "common")):
                value = 0.31 * made.quality + shift + 0.019 * order + 0.0037 * more
                self.add(made, measure, value, 0.02, **place, subset=subset)
        if pair:
            own = {**place, "subset": "common", "class": 0}
            self.add(made, "part_rho", 0.999, 0.001, **own)

    def parts(self) -> pd.DataFrame:
        """Of every model that is compared; the part `mark` is seen in no image."""
        records = []
        for made in self.models:
            for method in METHODS if made.role != "teacher" else ():
                for variant in VARIANTS:
                    shift = 0.05 * METHODS.index(method) + 0.02 * VARIANTS.index(variant)
                    for order, part in enumerate((*PARTS, "mark")):
                        seen = part != "mark"
                        records.append(
                            {
                                **{"model": made.id, "reference": "teacher-s1", "method": method},
                                **{"layer": "input", "variant": variant, "part": part},
                                "n": 40 if seen else 0,
                                "area": 0.04 * (order + 1) if seen else math.nan,
                                "importance": 0.3 * made.quality + shift + 0.07 * order,
                                "reference_importance": 0.4 + shift + 0.03 * order,
                                "drop": 1.0,
                                "reference_drop": 2.0,
                            }
                        )
        return pd.DataFrame(records)

    def covariation(self) -> pd.DataFrame:
        """Each pair of lines has its own numbers; one p is below what is written out."""
        places = [("image_specific_rho", "gradcam", None), ("image_specific_rho", "saliency", None)]
        places += [("part_rho", method, variant) for method in METHODS for variant in VARIANTS]
        records = []
        for order, (measure, method, variant) in enumerate(places):
            for within in ("student", None):
                p = (0.041 if within else 0.012) + order / 100
                tiny = measure == "part_rho" and (method, variant) == ("saliency", "mass_absolute")
                records.append(
                    {
                        **{"outputs": "logit_rho", "explanations": measure, "method": method},
                        **{"variant": variant, "within": within, "n": 9, "reason": None},
                        "rho": -0.55 + order / 10,
                        "p": 1e-6 if tiny and not within else p,
                        "smallest_p": 3e-5,
                    }
                )
        return pd.DataFrame(records)

    def published(self) -> pd.DataFrame:
        """Two networks under two weights, a mean that no condition holds, and another measure."""
        row = {"measure": "logit_rho", "trust": "summary", "source": "its <table>", "error": None}
        strong = {"objective": "kd", "T": 4.0, "alpha": 0.9}
        rows = [
            {**row, "of": "A, weight 1", "condition": {"network": "A", "objective": "ce"}},
            {**row, "of": "B, weight 1", "condition": {"network": "B", "objective": "ce"}},
            {**row, "of": "A, weight .1", "condition": {"network": "A", **strong}},
            {**row, "of": "the mean", "condition": strong},
            {**row, "of": "B", "condition": {"network": "B", **strong}},
        ]
        rows[-1] |= {"measure": "accuracy", "error": "95 % of seeds"}
        table = pd.DataFrame(rows).assign(value=(0.5, 0.3, 0.875, 0.11, 0.22))
        named = [f"number-{n}" for n in range(len(table))]
        return table.assign(condition=table["condition"].map(json.dumps), id=named)

    def write(self, folder: Path) -> tuple[Path, Path]:
        tables, dataset = super().write(folder)
        store.write_table(tables / "parts.parquet", self.parts(), {"findings": list(FINDINGS)})
        store.write_table(tables / "covariation.parquet", self.covariation())
        store.write_table(tables / "published.parquet", self.published())
        return tables, dataset


def build_parted(folder: Path, models: list[Made] | None = None) -> Study:
    """The study on disk, whose headline over parts is `HEADLINE`."""
    small = {"by_class": False, "images": 40, "explored": 6}
    builder = PartedBuilder(models=models or ladder_models(), **small)
    builder.write(folder)
    return Study(folder, builder, {**USUAL, "parts": HEADLINE})


def stand_ins(study: Study) -> None:
    """Empty pictures in the place of figures, which take long to draw, for tests of the page."""
    for name in study.settings["figures"]:
        store.write_text(study.figures / f"{name}.svg", "<svg/>")
        store.write_text(study.figures / f"{name}.csv", "value\n1\n")


def regions(study: Study, **changes) -> Tables:
    """The study's tables where the parts are regions."""
    return study.tables({"analyses": {**USUAL, "parts": REGIONS}}, **changes)
