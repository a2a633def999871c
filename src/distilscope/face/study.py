"""Two observed networks as a study of a moment: the pipeline's own jobs make its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from distilscope import registry, store
from distilscope.analyses.alignment.plan import EXPLAINED
from distilscope.analyses.alignment.shares import IOU_CURVE
from distilscope.configuration.kinds import ConfigurationError, faults
from distilscope.data.files import MANIFEST_FILE
from distilscope.measuring import compare, tables
from distilscope.measuring.study import PROBE
from distilscope.models.cost import parameters
from distilscope.observing import written
from distilscope.observing.forward import Passed
from distilscope.observing.request import Request
from distilscope.planning.conditions import Condition
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run

TEACHER, STUDENT = "teacher", "student"
ANALYSES = ("outputs", "alignment", "representation")
NO_IDENTITY = "0" * 12


@dataclass(frozen=True)
class Observed:
    """What a network said of the images. `request`: what was asked of it."""

    called: str
    network: Any
    request: Request
    passed: Passed


@dataclass(frozen=True)
class Rules:
    """How the numbers are made.

    Attributes:
        resolution: `native` or `input`, with `image_size` pixels a side.
        labelled: whether the labels are known.
        replicates, level, seed: of the intervals over images.
        changes: analysis -> settings that are not the usual ones.
    """

    resolution: str
    image_size: int
    labelled: bool
    replicates: int
    level: float
    seed: int
    changes: Mapping[str, Mapping[str, Any]]

    def settings(self, analysis: str) -> dict[str, Any]:
        """Those of an analysis, as a study has them, with the changes."""
        return settings_of(analysis, self.changes)


def settings_of(analysis: str, changes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Those of an analysis, as a study has them, with the changes.

    Raises:
        ConfigurationError: a setting that the analysis does not have, or a value that it can't
            have.
    """
    try:
        return registry.analysis(analysis).section(**changes.get(analysis, {})).model_dump()
    except ValidationError as error:
        raise ConfigurationError(f"settings of {analysis}: {'; '.join(faults(error))}") from None


def measured(
    place: Path, labels: np.ndarray, sides: tuple[Observed, Observed], rules: Rules
) -> dict[str, pd.DataFrame]:
    """Every table of the comparison and of the study, by name.

    Args:
        place: an empty folder for the files of its jobs.
        labels: (N,) int64; -1 where there are none. sides: the teacher and the student.
    """
    teacher, student = sides
    classes = teacher.passed.logits.shape[1]
    names = {"classes": [f"class {number}" for number in range(classes)]}
    store.write_json(place / "dataset" / MANIFEST_FILE, names)
    for side in sides:
        _write(place, labels, side, rules)
    comparison = Job(
        kind="comparison",
        slug=STUDENT,
        identity=NO_IDENTITY,
        settings=_comparison(teacher, student, rules),
        inputs={
            "dataset": str(place / "dataset"),
            "observation": str(place / STUDENT),
            "reference": str(place / TEACHER),
            "common": [str(place / TEACHER)],
        },
        folder=place / "comparison",
    )
    compare.compare(comparison)
    study = Job(
        kind="tables",
        slug="comparison",
        identity=NO_IDENTITY,
        settings=_study(place, teacher, student, rules),
        inputs={"dataset": str(place / "dataset")},
        folder=place / "tables",
    )
    tables.measure(study)
    return {
        path.stem: store.read_table(path)
        for folder in (comparison.folder, study.folder)
        for path in sorted(folder.glob("*.parquet"))
    }


def _write(place: Path, labels: np.ndarray, side: Observed, rules: Rules) -> None:
    """The observation that a job would have written."""
    folder, index = place / side.called / PROBE, np.arange(len(labels))
    written.write_logits(folder, PROBE, index, labels, side.passed)
    written.write_features(folder, PROBE, index, side.passed, side.request)
    more = {"image_size": rules.image_size, "classes": written.AT_LAYERS}
    for method, table in side.passed.maps.items():
        written.write_maps(folder, PROBE, method, table, more)
    job = Job("observation", side.called, NO_IDENTITY, {}, {}, place / side.called)
    write_run(job, Stopwatch(), {"parameters": parameters(side.network)})


def _comparison(teacher: Observed, student: Observed, rules: Rules) -> dict[str, Any]:
    pairs = zip(student.request.explained, teacher.request.explained, strict=True)
    return {
        "probe": PROBE,
        "methods": list(teacher.request.methods),
        "layers": [list(pair) for pair in pairs],
        "layer_names": list(student.request.layers),
        "reference_layer_names": list(teacher.request.layers),
        "reductions": ["gap"],
        "image_size": rules.image_size,
        "analyses": {
            "alignment": {
                "curve": list(IOU_CURVE),
                "resolutions": [rules.resolution],
                "explained": [each for each in EXPLAINED if rules.labelled or each != "label"],
                "object": None,
                **rules.settings("alignment"),
            },
            "representation": rules.settings("representation"),
        },
    }


def _study(place: Path, teacher: Observed, student: Observed, rules: Rules) -> dict[str, Any]:
    beside = [
        {"reference": TEACHER, "relation": "teacher", "folder": str(place / "comparison")},
    ]
    conditions = {
        TEACHER: Condition(TEACHER, TEACHER, source="given"),
        STUDENT: Condition(STUDENT, STUDENT, source="given", teachers=(TEACHER,)),
    }
    method = {"method": teacher.request.methods[0]}
    more = {"alignment": {"curve": list(IOU_CURVE), "divergent": 1, "trivial": False, **method}}
    return {
        "study": "comparison",
        "models": [_model(place, teacher, [], []), _model(place, student, [TEACHER], beside)],
        "conditions": {
            name: {**each.record(), "label": name, "derived": {}}
            for name, each in conditions.items()
        },
        "statistics": {"bootstrap": rules.replicates, "level": rules.level, "seed": rules.seed},
        "methods": list(teacher.request.methods),
        "claims": None,
        "analyses": {name: {**rules.settings(name), **more.get(name, {})} for name in ANALYSES},
    }


def _model(
    place: Path, side: Observed, teachers: Sequence[str], comparisons: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    return {
        "id": side.called,
        "condition": side.called,
        "role": side.called,
        "network": side.called,
        "source": "given",
        "architecture": None,
        "seed": 0,
        "teachers": list(teachers),
        "identity": NO_IDENTITY,
        "explained": list(side.request.explained),
        "model": str(place / f"{side.called}-model"),
        "observation": str(place / side.called),
        "comparisons": list(comparisons),
    }
