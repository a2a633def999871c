"""One job: what a model says of its probes, written as an observation.

The contract of the files is in docs/architecture.md under `observations/`. Everything is fp32
in evaluation mode, a function of the settings and the inputs; times are in run.json alone.
"""

from __future__ import annotations

import logging
import pkgutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from distilscope import catalog
from distilscope.data.dataset import Dataset, load
from distilscope.models import sources
from distilscope.models.cost import cost, latencies
from distilscope.models.memory_format import place
from distilscope.observing import written
from distilscope.observing.backward import chosen_positions, explain, work_of
from distilscope.observing.completeness import gap_facts, warn_of_gaps
from distilscope.observing.forward import Passed, Prepare, forward
from distilscope.observing.maptable import MapTable
from distilscope.observing.numerics import exact
from distilscope.observing.probe import Probe, open_probe
from distilscope.observing.request import ProbeRequest, Request
from distilscope.planning.job import Job
from distilscope.workflow import progress, provenance

LOG = logging.getLogger("distilscope")


def observe(job: Job) -> None:
    """Make an observation: a folder a probe, and `run.json`.

    Inputs of the job: `dataset`, `model` (a folder with `weights.safetensors`), `references`
    (observation folders, may be empty), and what the `observers` of analyses read: dotted paths of
    functions that read their inputs from the job, before anything is written, and return a function
    that takes the observer and returns facts. Other settings: see `request.Request`.

    Raises:
        ValueError: settings, layers or references that can't be observed; logits or maps that
            aren't finite.
        DamagedFile: an input's bytes are not those that were written.
    """
    stopwatch = provenance.Stopwatch()
    stopwatch.phase("load")
    request = Request.of(job.settings)
    of_analyses = [pkgutil.resolve_name(name)(job) for name in job.settings.get("observers", ())]
    with exact(request.threads):
        observer = Observer.of(job, request, stopwatch)
        found = cost(observer.model, observer.blank(1))
        facts = {"parameters": found.parameters, "multiply_adds": found.multiply_adds}
        observer.announce_work()
        facts["probes"] = {probe.name: observer.probe(probe) for probe in request.probes}
        for observer_of_analysis in of_analyses:
            facts |= observer_of_analysis(observer)
    if observer.notes:
        facts["notes"] = [f"{job.slug}: {note}" for note in observer.notes]
        for note in facts["notes"]:
            LOG.warning("%s", note)
    stopwatch.phase("latency")
    with exact(threads=1):
        batches = job.settings.get("latency", catalog.LATENCY_BATCHES)
        facts["latency_ms"] = latencies(observer.model, observer.blank, batches)
    provenance.write_run(job, stopwatch, facts)


def _pass(wanted: ProbeRequest) -> str:
    return f"{wanted.name}: pass"


@dataclass
class Observer:
    """The model with what all its probes share."""

    job: Job
    request: Request
    stopwatch: provenance.Stopwatch
    dataset: Dataset
    model: nn.Module
    prepare: Prepare
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, job: Job, request: Request, stopwatch: provenance.Stopwatch) -> Observer:
        dataset = load(job.input("dataset"), job.device)
        model = sources.load(job.input("model"), len(dataset.classes))
        prepare = dataset.preprocessing(request.preprocessing)
        model = place(model.eval(), job.device)
        return cls(job, request, stopwatch, dataset, model, prepare)

    def blank(self, batch: int) -> Tensor:
        """So many black images of the model's own size."""
        return self.dataset.blank(batch, self.request.preprocessing)

    def announce_work(self) -> None:
        """Say what work there is, about: a map for each example and reference."""
        work = {}
        for wanted in self.request.probes:
            labels = self.dataset.split(wanted.split).labels
            work[_pass(wanted)] = len(labels) * self._work_of_pass(wanted)
            if "saliency" in wanted.contents:
                for method in self.request.methods_at("input"):
                    explained = len(labels)
                    if not catalog.METHODS[method].whole_probe:
                        explained = min(explained, self.request.subset_images)
                    maps = explained * max(1, len(self.job.inputs_of("references")))
                    work[f"{wanted.name}: {method}"] = maps * work_of(method, self.request)
        progress.expect(work)

    def _work_of_pass(self, wanted: ProbeRequest) -> float:
        """Passes of one example: forward, and back for each layer that needs a gradient."""
        explaining = "saliency" in wanted.contents and self.request.methods_at("layers")
        layers = set(self.request.explained) - {self.request.closed()} if explaining else ()
        return 1.0 + len(layers)

    def probe(self, wanted: ProbeRequest) -> dict[str, Any]:
        """Observe one probe, write its folder, and return its facts."""
        references = self.job.inputs_of("references") if "saliency" in wanted.contents else []
        probe = open_probe(self.dataset, wanted.name, wanted.split, references)
        folder = self.job.folder / wanted.name
        self.stopwatch.phase(_pass(wanted))
        progress.stage(_pass(wanted), len(probe), work=self._work_of_pass(wanted))
        passed = forward(self.model, probe, wanted.contents, self.request, self.prepare)
        if passed.most is not None:
            self.notes.append(
                f"{wanted.name}: a batch did not fit in memory: the model took {passed.most} "
                f"{probe.unit} at once"
            )
        labelled = bool((probe.labels >= 0).all())
        accuracy = float((passed.predictions == probe.labels).mean()) if labelled else None
        words = f"accuracy {accuracy:.4f}" if labelled else "no labels"
        facts: dict[str, Any] = {
            "images": len(probe),
            "accuracy": accuracy,
            "images_per_second": self._end(wanted.name, "pass", len(probe), words),
            "maps": {},
        }
        if "logits" in wanted.contents:
            written.write_logits(folder, probe.name, probe.indices, probe.labels, passed)
        if "features" in wanted.contents:
            written.write_features(folder, probe.name, probe.indices, passed, self.request)
            self._warn_of_missing_grams(probe)
        for method, maps in passed.maps.items():
            facts["maps"][method] = maps.facts()
            self._write_maps(folder, method, maps, probe, self._layers_metadata())
        if "saliency" in wanted.contents:
            for method in self.request.methods_at("input"):
                facts["maps"][method] = self._explain(method, probe, passed, folder)
        return facts

    def _explain(self, method: str, probe: Probe, passed: Passed, folder: Path) -> dict[str, Any]:
        self.stopwatch.phase(f"{probe.name}: {method}")
        table = explain(method, self.model, probe, passed.predictions, self.request, self.prepare)
        frame = table.frame()
        explained = len(chosen_positions(method, probe, self.request))
        facts: dict[str, Any] = table.facts()
        facts["images_per_second"] = self._end(probe.name, method, explained, f"{len(frame)} maps")
        metadata: dict[str, Any] = {
            "classes": ["references"] if probe.references.shape[1] else ["own"],
            "subset": {"images": explained, "seed": self.request.subset_seed},
        }
        if "completeness_gap" in frame:
            metadata |= {
                "steps": self.request.ig_steps,
                "most_steps": self.request.ig_maximum_steps,
            }
            metadata["baseline"] = "black"
            facts["completeness_gap"] = gap_facts(frame["completeness_gap"].to_numpy())
            warn_of_gaps(facts["completeness_gap"], self.job.slug, probe.name, method)
        self._write_maps(folder, method, table, probe, metadata)
        return facts

    def _warn_of_missing_grams(self, probe: Probe) -> None:
        if len(probe) < self.request.gram_batch:
            LOG.warning(
                "%s: %s: %d %s are fewer than `gram_batch` (%d): no Grams, hence no CKA",
                self.job.slug, probe.name, len(probe), probe.unit, self.request.gram_batch,
            )  # fmt: skip

    def _layers_metadata(self) -> dict[str, Any]:
        closed = self.request.closed()
        return {
            "classes": written.AT_LAYERS,
            "route": {
                name: "closed form" if name == closed else "gradient"
                for name in self.request.explained
            },
        }

    def _write_maps(
        self, folder: Path, method: str, table: MapTable, probe: Probe, metadata: dict[str, Any]
    ) -> None:
        more = {"image_size": self.dataset.image_size, **metadata}
        written.write_maps(folder, probe.name, method, table, more)

    def _end(self, probe: str, what: str, count: int, more: str) -> float:
        """End the phase, log a line, and return examples a second."""
        self.stopwatch.phase("write")
        seconds = self.stopwatch.seconds[f"{probe}: {what}"]
        speed, unit = count / max(seconds, 1e-9), self.dataset.unit
        LOG.info(
            "%s: %s: %s of %d %s in %.1f s (%.0f %s/s), %s",
            self.job.slug, probe, what, count, unit, seconds, speed, unit, more,
        )  # fmt: skip
        return speed
