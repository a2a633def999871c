"""The tables of a study as the figures and the report read them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from distilscope import catalog
from distilscope.reporting import ceiling, names
from distilscope.reporting.cells import Cell, arrange, ceilings
from distilscope.reporting.style import printable

ALIGNMENT = ("image_specific_rho", "rho", "iou20")


@dataclass(frozen=True, eq=False)
class Tables:
    """Everything that a figure may draw.

    Attributes:
        measures: `measures.parquet`, a row a number.
        models: `models.parquet`, a row a model.
        seeds: a row for each recipe of students and each measure, over its seeds.
        reliability: model, bin, low, high, n, confidence, accuracy.
        divergent: a row for each image and student of the explorer, with both maps.
        histories: a row for each model and epoch.
        claims: a row for each claim of the study, with its verdict; none without claims.
        sanity: how alike maps stay as weights are randomised; none where that was not asked for.
        shortcuts: a row for each (model, detector, class); none where nothing could be judged.
        shortcut_rates: how often a detector was right about what was planted.
        covariation: whether likeness of outputs and of maps go together over cells.
        parts: a row for each comparison, map and part; none where the study has no parts.
        published: the numbers that the study of the claims file printed.
        classes: names of the classes, by number; empty where no dataset was given.
        images: dataset index -> uint8 (H, W, 3), for the images in `divergent`.
        scale: `laptop` or `paper`.
        titles: figure name -> title that replaces the figure's own.
        most_divergent: images in the figure of that name.
        parts_headline: the `method` and `variant` that stand for measures over parts, where the
            parts are from (`source`) and how many are the `top` ones; None where the study has
            no parts.
        part_findings: what is wrong with the parts of the images, a sentence each.
    """

    measures: pd.DataFrame
    models: pd.DataFrame
    seeds: pd.DataFrame
    reliability: pd.DataFrame
    divergent: pd.DataFrame
    histories: pd.DataFrame
    claims: pd.DataFrame
    sanity: pd.DataFrame
    shortcuts: pd.DataFrame
    shortcut_rates: pd.DataFrame
    covariation: pd.DataFrame
    parts: pd.DataFrame
    published: pd.DataFrame
    classes: tuple[str, ...] = ()
    images: Mapping[int, np.ndarray] = field(default_factory=dict)
    scale: str = "laptop"
    titles: Mapping[str, str] = field(default_factory=dict)
    most_divergent: int = 12
    parts_headline: Mapping[str, Any] | None = None
    part_findings: tuple[str, ...] = ()

    @cached_property
    def cells(self) -> list[Cell]:
        """The models in the order of every figure: seeds of one recipe are one cell."""
        return arrange(self.models, self.measures)

    @cached_property
    def subset(self) -> str:
        """The images that alignment is shown on: `common`, or `both-correct` without a twin."""
        rho = self.measures[self.measures["measure"].isin(ALIGNMENT)]
        defined = rho[(rho["subset"] == "common") & rho["value"].notna()]
        return "common" if len(defined) else "both-correct"

    @cached_property
    def subset_words(self) -> str:
        """The same as a clause for titles and captions."""
        if self.subset != "common":
            return "images that the model and its reference both get right"
        roles = self.models["role"].value_counts()
        teachers, twins = int(roles.get("teacher", 0)), int(roles.get("twin", 0))
        if teachers + twins > 2:
            who = f"all {teachers + twins} teachers{' and twins' if twins else ''} get"
        elif teachers + twins == 2:
            who = "teacher and twin both get" if twins else "both teachers get"
        else:
            who = "the teacher gets"
        return f"images that {who} right"

    def class_name(self, number: int) -> str:
        """The name of a class."""
        known = 0 <= number < len(self.classes)
        return self.classes[number] if known else f"class {number}"

    def drawn_class(self, number: int) -> str:
        """The same as a figure shows it: short, and by number where the font lacks a letter."""
        return printable(self.class_name(number), f"class {number}", width=14)

    def headline(
        self,
        measure: str,
        *,
        by_class: bool = False,
        resolution: str = "input",
        depth: int = 0,
        method: str | None = None,
        variant: str | None = None,
    ) -> pd.DataFrame:
        """The rows of `measure` that stand for it: one for each model (and class).

        With several teachers the twin's row is the mean over all pairs of teachers and twins.

        Alignment is read at input resolution, by GradCAM of the last block of both models, for
        the reference's prediction, on `subset`, against the model's own teacher. Everything else
        is read on all images of the test probe. `depth` 1 is the explained layer before the last.
        Measures over parts are read by their headline method and importance, or by `method` and
        `variant`.
        """
        rows = self._of(measure)
        if rows["variant"].notna().any():
            return self._over_parts(rows, method, variant, by_class)
        aligned = rows["method"].notna().any() or rows["layer"].notna().any()
        wanted = {"probe": "test", "subset": self.subset if aligned else "all"}
        if aligned:
            wanted |= {"method": "gradcam", "resolution": resolution, "explained": "reference"}
        chosen = (rows["class"].notna() == by_class) & self._at_depth(rows, depth)
        for column, value in wanted.items():
            chosen &= rows[column].isna() | (rows[column] == value)
        return self._one_each(rows[chosen], measure, by_class)

    def _of(self, measure: str) -> pd.DataFrame:
        """All rows of a measure."""
        return self.measures.take(self._places.get(measure, []))

    @cached_property
    def _places(self) -> Mapping[str, np.ndarray]:
        """Where each measure's rows are: tables have 100,000, and hundreds of questions to them."""
        return self.measures.groupby("measure", sort=False).indices

    @cached_property
    def part_methods(self) -> list[str]:
        """The methods whose maps were measured over parts, the headline's first."""
        if self.parts_headline is None:
            return []
        found = dict.fromkeys(self.parts["method"])
        return sorted(found, key=lambda name: (name != self.parts_headline["method"], name))

    @property
    def of_regions(self) -> bool:
        """Whether the parts are regions: cut from the image without knowing what is there."""
        if self.parts_headline is None:
            return False
        return not catalog.PART_SOURCES[self.parts_headline["source"]].parted

    def of_parts(self, text: str) -> str:
        """A text about parts, which are called regions where they are."""
        return names.of_regions(text) if self.of_regions else text

    def _over_parts(
        self, rows: pd.DataFrame, method: str | None, variant: str | None, by_class: bool
    ) -> pd.DataFrame:
        wanted = {
            "subset": self.subset,
            "method": method or self.parts_headline["method"],
            "variant": variant or self.parts_headline["variant"],
        }
        measure = rows["measure"].iloc[0]
        for column, value in wanted.items():
            rows = rows[rows[column] == value]
        rows = rows[rows["class"].notna()] if by_class else rows[rows["class"].isna()]
        return self._one_each(rows, measure, by_class)

    def _one_each(self, rows: pd.DataFrame, measure: str, by_class: bool) -> pd.DataFrame:
        """The row of each model (and class) against its own teacher, or over all pairs of twins."""
        rows = ceiling.over_pairs(rows, ceilings(self.models))
        rows = self._against_own_teacher(rows)
        key = ["model", "class"] if by_class else ["model"]
        repeated = rows[rows.duplicated(key, keep=False)]
        if len(repeated):
            first = repeated.iloc[0]
            raise ValueError(
                f"measures.parquet holds {int((repeated['model'] == first['model']).sum())} rows "
                f"that could stand for {measure} of model {first['model']!r}; one is expected for "
                "each " + " and ".join(key)
            )
        return rows

    def _at_depth(self, rows: pd.DataFrame, depth: int) -> pd.Series:
        """Which rows' layers, where they have any, are the explained ones at that depth."""
        known = {
            model: layers[depth] for model, layers in self._explained.items() if depth < len(layers)
        }
        own = rows["layer"].isna() | (rows["layer"] == rows["model"].map(known))
        reference = rows["reference_layer"].isna() | (
            rows["reference_layer"] == rows["reference"].map(known)
        )
        return own & reference

    @cached_property
    def _explained(self) -> dict[str, list[str]]:
        """Model id -> the layers whose maps are compared, as the study plans them, the last block
        first: a name doesn't say where a layer is.
        """
        listed = zip(self.models["id"], self.models["explained"], strict=True)
        return {model: json.loads(layers) for model, layers in listed}

    def _against_own_teacher(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows against the model's teacher, or against what stands for it where it has none."""
        own = rows["model"].map(self._reference)
        return rows[rows["reference"].isna() | (rows["reference"] == own)]

    @cached_property
    def _reference(self) -> dict[str, str]:
        """Model id -> its teacher if it is compared with it, else the first teacher that it is, or
        the first model.
        """
        teachers = set(self.models.loc[self.models["role"] == "teacher", "id"])
        compared = self.measures.dropna(subset=["reference"])
        compared = compared.drop_duplicates(["model", "reference"])
        found = {}
        for model, rows in compared.groupby("model", sort=False):
            own, others = rows["teacher"].iloc[0], list(rows["reference"])
            first = next((name for name in others if name in teachers), others[0])
            found[model] = own if own in others else first
        return found

    def layer_pairs(self, measure: str, reduction: str = "gap") -> pd.DataFrame:
        """Rows of a measure of layer pairs, against the model's own teacher.

        `reduction` is what was done to the features: `gap` (pooled) or `flatten`.
        """
        rows = self._of(measure)
        rows = rows[rows["layer"].notna() & rows["reference_layer"].notna()]
        chosen = rows["resolution"] == reduction
        if reduction == "gap":
            chosen |= rows["resolution"].isna()
        return self._against_own_teacher(rows[chosen])

    @property
    def main_student(self) -> Cell | None:
        """The student that single-student figures show: the largest, at the commonest T.

        Among equally common temperatures it is the middle one.
        """
        students = [cell for cell in self.cells if cell.role == "student"]
        if not students:
            return None
        largest = max(cell.parameters for cell in students)
        candidates = sorted(
            (cell for cell in students if cell.parameters == largest), key=lambda cell: cell.order
        )
        shared = [sum(other.T == cell.T for other in students) for cell in candidates]
        best = [cell for cell, n in zip(candidates, shared, strict=True) if n == max(shared)]
        return best[(len(best) - 1) // 2]


def clean(text: str) -> str:
    """Text that every writer takes: no control characters, no lone surrogates, one line."""
    kept = (" " if char.isspace() else char for char in text)
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cs") else char
        for char in kept
    )
