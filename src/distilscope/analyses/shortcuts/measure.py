"""Shortcuts: classes in which a student looks elsewhere, and classes that hang on one spot.

`shortcuts.parquet` has a row for each (model, detector, class), `shortcut_rates.parquet` how often
the detectors were right about what was planted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.analyses.alignment import image_specific_unit, maps
from distilscope.analyses.shortcuts.configuration import MINIMUM_TWINS
from distilscope.analyses.shortcuts.detection import (
    Demands,
    Judged,
    judge_alignment,
    judge_masking,
    wilson,
)
from distilscope.measuring import observations
from distilscope.measuring.observations import Outputs
from distilscope.measuring.study import Study

ALIGNMENT, CAUSAL = "alignment", "causal"
AREAS = ("masked-top", "masked-centre", "masked-random")
WHO = (
    *("model", "identity", "condition", "role", "network", "seed"),
    *("teacher", "teacher_identity", "arm", "planting", "planted_class"),
)
NUMBERS = ("value", "relative", "spread", "effect", "larger", "p", "q", "flagged", "reason")
RELIANCE = ("accuracy_on", "accuracy_off", "drawn_on", "drawn_off", "relies")
COLUMNS = ("study", *WHO, "detector", "class", "n", *NUMBERS, *RELIANCE)
RATE_COLUMNS = (*("study", "arm", "detector", "rate", "of", "hits", "n", "value", "low", "high"),)
KINDS = {
    **dict.fromkeys(("value", "relative", "spread", "effect", "p", "q"), "float64"),
    **dict.fromkeys(RELIANCE[:4], "float64"),
    **dict.fromkeys(("seed", "planted_class", "class", "n"), "Int64"),
    **dict.fromkeys(("larger", "flagged", "relies"), "boolean"),
}


@dataclass
class Aligned:
    """Alignment of pairs of models on the same images, each worked out once.

    Attributes:
        image_size: of the maps. folds, minimum_class, seed: how class means are taken away, as in
            the settings of alignment.
    """

    image_size: int
    folds: int
    minimum_class: int
    seed: int
    _known: dict[tuple[Place, Place], np.ndarray] = field(default_factory=dict)

    def of(self, own: Place, reference: Place) -> np.ndarray:
        """(N,) image-specific rho, its form by image, at input resolution, for the reference's
        prediction.
        """
        key = own, reference
        if key not in self._known:
            seen = reference.outputs()
            observations.require_same_images(seen, own.outputs())
            fold = image_specific_unit.fold_of(seen.index, self.folds, self.seed)
            residuals = [
                image_specific_unit.class_mean_residuals(
                    ranks, seen.prediction, fold, usable, self.minimum_class
                )
                for ranks, usable in (self._maps(own, seen), self._maps(reference, seen))
            ]
            self._known[key] = image_specific_unit.image_specific_rho_unit(*residuals)
        return self._known[key]

    def _maps(self, place: Place, explained: Outputs) -> tuple[np.ndarray, np.ndarray]:
        """Average ranks (N, P) of a model's maps, and (N,) which are not flat."""
        stored = place.maps()
        rows = stored.rows(explained.index, explained.prediction)
        native = maps.evidence(stored.values[rows], place.method)
        native[rows == observations.ABSENT] = 0
        flat = native.reshape(len(native), -1)
        upsampled = maps.upsample(native, self.image_size).reshape(len(native), -1)
        return maps.average_ranks(upsampled), flat.max(axis=1) > flat.min(axis=1)


@dataclass(frozen=True)
class Place:
    """The observation of a model on some test images: the folder, its part, the layer, and the
    method whose maps are read.
    """

    observation: Path
    folder: str
    layer: str
    method: str

    def outputs(self) -> Outputs:
        """Its logits."""
        return observations.read_outputs(self.observation, self.folder)

    def maps(self) -> observations.LayerMaps:
        """Its maps."""
        found = observations.read_maps(self.observation, self.folder, self.method)
        return observations.layer_of(found, self.layer, self.method, self.observation)


def measure(study: Study, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """`shortcuts`: a row for each (audited model, detector, class); `shortcut_rates` of plantings.

    Settings: `rules` (what a class must show), `residuals` and `image_size` as `Aligned` has them,
    `method`, `reliance`, and `audits`: of each audited model who it is and where it, its teacher
    and the twins were observed. There is no table where nothing can be judged.
    """
    if not settings["audits"]:
        return {}
    tables = {"shortcuts": _shortcuts(study, settings)}
    if any(audit["arm"] for audit in settings["audits"]):
        tables["shortcut_rates"] = _rates(study, tables["shortcuts"])
    return tables


def _shortcuts(study: Study, settings: Mapping[str, Any]) -> pd.DataFrame:
    aligned = Aligned(settings["image_size"], **settings["residuals"])
    records = []
    for audit in settings["audits"]:
        who = {"study": study.name, **{key: audit[key] for key in WHO}}
        who |= _reliance(audit, settings["reliance"])
        for detector, judged in _verdicts(audit, settings, study.classes, aligned):
            for c in range(study.classes):
                numbers = {k: _item(getattr(judged, k), c) for k in ("n", *NUMBERS)}
                records.append({**who, "detector": detector, "class": c, **numbers})
    return pd.DataFrame.from_records(records, columns=COLUMNS).astype(KINDS)


def _item(values: Sequence[Any], place: int) -> Any:
    value = values[place]
    return value.item() if isinstance(value, np.generic) else value


def _verdicts(
    audit: Mapping[str, Any], settings: Mapping[str, Any], classes: int, aligned: Aligned
) -> Iterator[tuple[str, Judged]]:
    layers, method, rules = audit["layers"], settings["method"], settings["rules"]
    own, teacher = (
        Place(*_at(audit["seen"]), layers[0], method),
        Place(*_at(audit["teacher_seen"]), layers[1], method),
    )
    common = {k: rules[k] for k in ("minimum", "rate", "permutations", "seed")}
    if len(audit["twins"]) >= MINIMUM_TWINS:
        demands = Demands(effect=rules["effect"], **common)
        yield ALIGNMENT, _by_alignment(audit, own, teacher, classes, aligned, demands)
    if audit["masked"]:
        demands = Demands(effect=rules["causal_effect"], **common)
        yield CAUSAL, _by_masking(audit, teacher.outputs(), own.outputs(), classes, demands)


def _at(place: Sequence[str]) -> tuple[Path, str]:
    return Path(place[0]), place[1]


def _by_alignment(
    audit: Mapping[str, Any],
    own: Place,
    teacher: Place,
    classes: int,
    aligned: Aligned,
    demands: Demands,
) -> Judged:
    """On images that the teacher and all twins get right, and where all have a value."""
    student = aligned.of(own, teacher)
    seen = teacher.outputs()
    right, twins = seen.correct, []
    for twin in audit["twins"]:
        places = [
            Place(*_at(twin[k]), teacher.layer, teacher.method) for k in ("seen", "teacher_seen")
        ]
        twins.append(aligned.of(*places))
        right = right & places[0].outputs().correct & places[1].outputs().correct
    scores = np.vstack([student, *twins])
    usable = right & ~np.isnan(scores).any(axis=0)
    return judge_alignment(
        student[usable], scores[1:, usable], seen.label[usable], classes, demands
    )


def _by_masking(
    audit: Mapping[str, Any], teacher: Outputs, own: Outputs, classes: int, demands: Demands
) -> Judged:
    """On images that both get right and that have a top area."""
    observed, masked, prefix = (
        Path(audit["probe_observation"]),
        Path(audit["masked"]),
        audit["prefix"],
    )
    rows = np.arange(len(own.index))
    drops = []
    usable = teacher.correct & own.correct
    for area in AREAS:
        covered = observations.read_outputs(observed, f"{prefix}{area}")
        observations.require_same_images(own, covered)
        drops.append((own.logits - covered.logits)[rows, teacher.prediction].astype(np.float64))
        name = f"{area}.defined"
        usable = usable & store.read_tensors(masked / "images.safetensors", [name])[name]
    return judge_masking(*(d[usable] for d in drops), own.label[usable], classes, demands)


# ------------------------------------------------------------------------------------ reliance


def _reliance(audit: Mapping[str, Any], reliance: float | None) -> dict[str, Any]:
    """How the model answers to the patch: what the detectors' verdicts are judged by.

    Accuracy on the planted class, and the share of other classes' images that are taken for it,
    each with the patch and without. It relies on the patch where the first falls by `reliance`
    without it.
    """
    if not audit["patched"]:
        return dict.fromkeys(RELIANCE)
    on, off = (
        observations.read_outputs(
            Path(audit["probe_observation"]), f"{audit['prefix']}patch-{state}"
        )
        for state in ("on", "off")
    )
    planted = audit["planted_class"]
    own = on.label == planted
    accuracy = [float(np.mean(seen.correct[own])) for seen in (on, off)]
    drawn = [float(np.mean(seen.prediction[~own] == planted)) for seen in (on, off)]
    return dict(
        zip(RELIANCE, (*accuracy, *drawn, accuracy[0] - accuracy[1] >= reliance), strict=True)
    )


# --------------------------------------------------------------------------------------- rates


def _rates(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """How often a detector was right about what was planted, with Wilson intervals.

    `hit`: models whose planted class is flagged, of all and of those that are relied on. `false
    alarm`: other classes that are flagged, of all that could be judged (`of` classes), and models
    with any such class (`of` models).
    """
    records = []
    for (arm, detector), rows in table.dropna(subset=["arm"]).groupby(["arm", "detector"]):
        own = rows[rows["class"] == rows["planted_class"]]
        other = rows[(rows["class"] != rows["planted_class"]).fillna(True)]
        judged = other[other["effect"].notna()]
        any_flag = other.groupby("identity")["flagged"].any()
        counted = {
            ("hit", "plantings"): own["flagged"],
            ("hit", "plantings relied on"): own.loc[own["relies"].fillna(False), "flagged"],
            ("false alarm", "classes"): judged["flagged"],
            ("false alarm", "models"): any_flag,
        }
        for (rate, of), flags in counted.items():
            found = wilson(int(flags.sum()), len(flags), study.level)
            if found.n:
                place = {
                    "study": study.name,
                    "arm": arm,
                    "detector": detector,
                    "rate": rate,
                    "of": of,
                }
                records.append({**place, **vars(found)})
    return pd.DataFrame.from_records(records, columns=RATE_COLUMNS)
