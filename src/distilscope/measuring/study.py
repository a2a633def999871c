"""A study as its numbers are made: its models, what they said, and how intervals are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from distilscope import store
from distilscope.data.files import MANIFEST_FILE
from distilscope.measuring import observations
from distilscope.measuring.entries import Compared, Entry
from distilscope.measuring.observations import Outputs
from distilscope.measuring.rows import Rows
from distilscope.planning.conditions import Condition
from distilscope.planning.job import Job
from distilscope.statistics.bootstrap import Resamples

PROBE = "test"
HELD_OUT = "held-out"
LATENCY_BATCH = "batch 1"


@dataclass(frozen=True)
class Study:
    """What all numbers share.

    Attributes:
        name: the study's. job: the tables job.
        entries: its models. conditions: name -> condition.
        classes: number of classes. outputs, held_out: model -> its logits on either probe.
        replicates, level, seed: of intervals over images.
        rows: of `measures.parquet`.
        by_image: (measure, subset) -> (model, reference) -> (N,) values on the probe's images,
            NaN outside the subset: what `seeds.parquet` pools.
    """

    name: str
    job: Job
    entries: tuple[Entry, ...]
    conditions: Mapping[str, Condition]
    classes: int
    outputs: Mapping[str, Outputs]
    held_out: Mapping[str, Outputs]
    replicates: int
    level: float
    seed: int
    rows: Rows
    by_image: dict[tuple[str, str], dict[tuple[str, str | None], np.ndarray]] = field(
        default_factory=dict
    )
    _drawn: dict[int, Resamples] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, job: Job) -> Study:
        """From the settings and inputs of a tables job.

        Raises:
            ValueError: settings that lack a key, a reference that is no model of the study, or
                models that were observed on different images.
        """
        entries = _entries(job.settings)
        outputs = {e.id: observations.read_outputs(e.observation, PROBE) for e in entries}
        held_out = {e.id: found for e in entries if (found := _held_out(e)) is not None}
        first = outputs[entries[0].id]
        for other in outputs.values():
            observations.require_same_images(first, other)
        manifest = store.read_json(job.input("dataset") / MANIFEST_FILE, classes=list)
        statistics = job.settings["statistics"]
        return cls(
            name=job.settings["study"],
            job=job,
            entries=entries,
            conditions={
                name: Condition.of(row) for name, row in job.settings["conditions"].items()
            },
            classes=len(manifest["classes"]),
            outputs=outputs,
            held_out=held_out,
            replicates=statistics["bootstrap"],
            level=statistics["level"],
            seed=statistics["seed"],
            rows=Rows(
                job.settings["study"],
                PROBE,
                tuple(job.settings["analyses"]),
                job.processes,
                unit=job.settings.get("unit", "images"),
            ),
        )

    @property
    def probe(self) -> str:
        """What the models are measured on."""
        return PROBE

    @property
    def index(self) -> np.ndarray:
        """(N,) dataset indices of the probe."""
        return next(iter(self.outputs.values())).index

    @property
    def compared(self) -> list[Compared]:
        """All comparisons, model by model."""
        return [each for entry in self.entries for each in entry.compared]

    def entry(self, name: str) -> Entry:
        """The model of that id."""
        return next(entry for entry in self.entries if entry.id == name)

    def twins(self, each: Compared) -> list[Compared]:
        """The comparisons of the reference's twins with it; of a twin's own, none."""
        if each.relation == "twin":
            return []
        return [
            other
            for other in self.compared
            if other.relation == "twin" and other.reference == each.reference
        ]

    def pool(
        self, measure: str, subset: str, model: str, reference: str | None, values: np.ndarray
    ) -> None:
        """Have a model's values on the probe's images pooled over seeds."""
        self.by_image.setdefault((measure, subset), {})[model, reference] = values

    @cached_property
    def resamples(self) -> Resamples:
        """Of the probe's images: one draw for every number, so that differences are paired."""
        return self.draw(len(self.index))

    def draw(self, images: int) -> Resamples:
        """Resamples of another number of images."""
        if images not in self._drawn:
            self._drawn[images] = Resamples.draw(images, self.replicates, self.seed)
        return self._drawn[images]

    def positions(self, index: np.ndarray) -> np.ndarray:
        """Where dataset indices are among the probe's.

        Raises:
            ValueError: one of them is not there.
        """
        own = self.index
        place = np.minimum(np.searchsorted(own, index), len(own) - 1)
        unknown = own[place] != index
        if unknown.any():
            raise ValueError(
                f"image {index[unknown][0]} of a comparison is not in probe {self.probe!r}; "
                "make the comparison from the same observations as the tables"
            )
        return place

    @cached_property
    def costs(self) -> dict[str, dict[str, float]]:
        """Model -> what the `run.json` of the model and of its observation say it costs."""
        return {entry.id: _recorded(entry) for entry in self.entries}


def _entries(settings: Mapping[str, Any]) -> tuple[Entry, ...]:
    for key in ("study", "models", "conditions", "statistics", "analyses"):
        if key not in settings:
            raise ValueError(f"the settings of the tables lack the key {key!r}")
    entries = tuple(Entry.of(row) for row in settings["models"])
    known = {entry.id for entry in entries}
    if not entries or len(known) < len(entries):
        raise ValueError("the tables need at least one model, each with an id of its own")
    for each in (each for entry in entries for each in entry.compared):
        if each.reference not in known:
            raise ValueError(
                f"model {each.model.id!r} is compared with {each.reference!r}, which is no model "
                f"of the study; it has {', '.join(sorted(known))}"
            )
    return entries


def _held_out(entry: Entry) -> Outputs | None:
    path = entry.observation / HELD_OUT / "logits.parquet"
    return observations.read_outputs(entry.observation, HELD_OUT) if path.exists() else None


def _recorded(entry: Entry) -> dict[str, float]:
    made, seen = (_run(folder) for folder in (entry.folder, entry.observation))
    facts = {**made.get("facts", {}), **seen.get("facts", {})}
    latency = facts.get("latency_ms", np.nan)
    if isinstance(latency, Mapping):
        latency = latency.get(LATENCY_BATCH, np.nan)
    return {
        "parameters": float(facts.get("parameters", np.nan)),
        "trained_parameters": float(facts.get("trained_parameters", np.nan)),
        "multiply_adds": float(facts.get("multiply_adds", np.nan)),
        "latency_ms": float(latency),
        "seconds": float(made.get("seconds", {}).get("total", np.nan)),
        "peak_memory_mb": float(made.get("peak_memory_mb", np.nan)),
    }


def _run(folder: Path) -> dict[str, Any]:
    path = folder / store.RUN_FILE
    return store.read_json(path) if path.exists() else {}
