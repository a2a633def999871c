"""The tables of a study as the figures and the report read them."""

from __future__ import annotations

import json
import pkgutil
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from distilscope import registry
from distilscope.analyses.declaration import Analysis
from distilscope.measuring.observations import UNLABELLED
from distilscope.reporting import ceiling
from distilscope.reporting.conditions import Condition, arrange, ceilings
from distilscope.reporting.style import printable

COMMON, OF_A_PAIR = "common", "both-correct"


@dataclass(frozen=True, eq=False)
class Tables:
    """Everything that a figure or a section may show.

    Attributes:
        measures: `measures.parquet`, a row a number.
        models: `models.parquet`, a row a model.
        condition_rows: `conditions.parquet`, a row a condition.
        seeds: a row for each condition, reference and measure, over its seeds.
        claims: a row for each claim of the study, with its verdict; none without claims.
        published: the numbers that the study of the claims file printed.
        own: the tables of the study's analyses, by name; `tables[name]` reads one.
        classes: names of the classes, by number; empty where no dataset was given.
        images: dataset index -> uint8 (H, W, 3), for the images that are shown.
        settings: of the job: `scale` (`laptop` or `paper`), `analyses` (name -> what figures and
            sections need to know) and, optionally, `figures` (names), `titles` (figure -> title).
    """

    measures: pd.DataFrame
    models: pd.DataFrame
    condition_rows: pd.DataFrame
    seeds: pd.DataFrame
    claims: pd.DataFrame
    published: pd.DataFrame
    own: Mapping[str, pd.DataFrame]
    classes: tuple[str, ...] = ()
    images: Mapping[int, np.ndarray] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> pd.DataFrame:
        """A table of an analysis; empty where the study has none."""
        if name in self.own:
            return self.own[name]
        declared = {n: t for a in registry.analyses().values() for n, t in a.tables.items()}
        return pd.DataFrame(columns=list(declared[name].columns))

    @property
    def scale(self) -> str:
        """`laptop` or `paper`."""
        return self.settings["scale"]

    @cached_property
    def analyses(self) -> list[Analysis]:
        """The analyses of the study, in the order of the report."""
        return [a for name, a in registry.analyses().items() if name in self.settings["analyses"]]

    def settings_of(self, analysis: str) -> Mapping[str, Any]:
        """What figures and sections need to know of an analysis; nothing where it is off."""
        return self.settings["analyses"].get(analysis, {})

    def sentences(self, hook: str | None) -> list[str]:
        """The sentences of a hook of an analysis; none where it has no such hook."""
        return [text for text in pkgutil.resolve_name(hook)(self) if text] if hook else []

    @cached_property
    def conditions(self) -> list[Condition]:
        """The conditions in the order of every figure."""
        return arrange(self.condition_rows, self.models)

    @cached_property
    def of_models(self) -> list[Condition]:
        """The conditions that are models: without pairs of teachers, which stand for a twin."""
        known = set(self.models["id"])
        return [condition for condition in self.conditions if condition.models[0] in known]

    def of_role(self, *roles: str) -> list[Condition]:
        """The conditions of these roles, in that order."""
        return [condition for condition in self.conditions if condition.role in roles]

    @cached_property
    def subset(self) -> str:
        """The images that comparisons are shown on: `common`, or `both-correct` without a twin."""
        rows = self.measures[self.measures["headline"] & self.measures["reference"].notna()]
        if (rows.loc[rows["value"].notna(), "subset"] == COMMON).any():
            return COMMON
        return OF_A_PAIR if (rows["subset"] == OF_A_PAIR).any() else "all"

    @cached_property
    def subset_words(self) -> str:
        """The same as a clause for titles and captions.

        Of images without labels, the prediction of the model that others are compared with stands
        for the label: they are right where they predict the same.
        """
        roles = self.models["role"].value_counts()
        teachers, twins = int(roles.get("teacher", 0)), int(roles.get("twin", 0))
        if self.subset != COMMON:
            who = "the model and its reference both get"
        elif teachers + twins > 2:
            who = f"all {teachers + twins} teachers{' and twins' if twins else ''} get"
        elif teachers + twins == 2:
            who = "teacher and twin both get" if twins else "both teachers get"
        elif self.labelled:
            who = "the teacher gets"
        else:
            return "all images"
        if self.labelled:
            return f"images that {who} right"
        who = who.removesuffix(" get").removesuffix(" both")
        return f"images on which {who} predict the same class"

    @cached_property
    def labelled(self) -> bool:
        """Whether the images have labels, as far as anything was asked of them."""
        rows = self.headline("accuracy")
        return not len(rows) or not (rows["reason"] == UNLABELLED).all()

    def class_name(self, number: int) -> str:
        """The name of a class."""
        known = 0 <= number < len(self.classes)
        return self.classes[number] if known else f"class {number}"

    def drawn_class(self, number: int) -> str:
        """The same as a figure shows it: short, and by number where the font lacks a letter."""
        return printable(self.class_name(number), f"class {number}", width=14)

    def of(self, measure: str) -> pd.DataFrame:
        """All rows of a measure."""
        return self.measures.take(self._places.get(measure, []))

    @cached_property
    def _places(self) -> Mapping[str, np.ndarray]:
        """Where each measure's rows are: tables have 100,000, and hundreds of questions to them."""
        return self.measures.groupby("measure", sort=False).indices

    def headline(self, measure: str, *, by_class: bool = False) -> pd.DataFrame:
        """The rows that stand for a measure: one for each model (and class).

        Which place stands for it the measure's analysis says (`headline`); here rows of other
        images and other references are left out.
        """
        rows = self.of(measure)
        return self.one_each(rows[rows["headline"]], by_class=by_class)

    def one_each(self, rows: pd.DataFrame, *, by_class: bool = False) -> pd.DataFrame:
        """Of rows of one measure at one place the one of each model (and class).

        It is that against the model's own reference, on `subset` or else on all images. With
        several teachers the twin's row is the mean over all pairs of teachers and twins.

        Raises:
            ValueError: there are several for a model (and class).
        """
        rows = rows[rows["class"].notna() == by_class]
        there = set(rows["subset"])
        subset = next((name for name in (self.subset, "all") if name in there), None)
        rows = rows if subset is None else rows[rows["subset"] == subset]
        rows = self.against_own(self.over_pairs(rows))
        key = ["model", "class"] if by_class else ["model"]
        repeated = rows[rows.duplicated(key, keep=False)]
        if len(repeated):
            first = repeated.iloc[0]
            raise ValueError(
                f"measures.parquet holds {int((repeated['model'] == first['model']).sum())} rows "
                f"that could stand for {first['measure']} of model {first['model']!r}; one is "
                "expected for each " + " and ".join(key)
            )
        return rows

    def over_pairs(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of one measure with the mean over all pairs of a family's teachers in the twin's
        place, under the id of the twin, or of the condition that stands for it.
        """
        return ceiling.over_pairs(rows, ceilings(self.models), self._teachers)

    def against_own(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows against the model's own reference, or against none.

        A student of a committee is beside the committee; in a measure that committees don't have,
        such as one of maps, it is beside the first member.
        """
        together = rows["reference"].isin(self.committees) & rows["model"].isin(self.of_committees)
        own = rows["reference"] == rows["model"].map(self._reference)
        own &= ~rows["model"].isin(rows.loc[together, "model"])
        return rows[rows["reference"].isna() | own | together]

    @cached_property
    def of_committees(self) -> frozenset[str]:
        """The models that learned from several teachers."""
        learned = (c for c in self.conditions if c.source != "combined")
        several = (c for c in learned if len(json.loads(c.row.get("teachers") or "[]")) > 1)
        return frozenset(model for condition in several for model in condition.models)

    @cached_property
    def committees(self) -> frozenset[str]:
        """The models that are several teachers together."""
        return frozenset(self.models.loc[self.models["role"] == "committee", "id"])

    @cached_property
    def _reference(self) -> dict[str, str]:
        return dict(zip(self.models["id"], self.models["reference"], strict=True))

    @cached_property
    def _teachers(self) -> frozenset[str]:
        return frozenset(self.models.loc[self.models["role"] == "teacher", "id"])

    @property
    def main_student(self) -> Condition | None:
        """The student that single-student figures show: the largest, taught as most others are.

        Among equally common ways of teaching it is the middle one.
        """
        students = self.of_role("student")
        if not students:
            return None
        largest = max(condition.parameters for condition in students)
        candidates = [condition for condition in students if condition.parameters == largest]
        shared = Counter(condition.taught for condition in students)
        most = max(shared[condition.taught] for condition in candidates)
        best = [condition for condition in candidates if shared[condition.taught] == most]
        return best[(len(best) - 1) // 2]


def clean(text: str) -> str:
    """Text that every writer takes: no control characters, no lone surrogates, one line."""
    kept = (" " if char.isspace() else char for char in text)
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cs") else char
        for char in kept
    )
