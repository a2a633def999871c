"""One network is asked, with a few images, what later jobs will ask of it with all of them.

It takes a training step and is observed by the very code of those jobs, on the study's device, in
its precision and memory format. What must hold besides, and no job would notice, is tested here:
in eval mode the logits are the same each time, whatever else is in the batch, and are no
probabilities.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from distilscope.checking.faults import cure, first_line, said
from distilscope.data.dataset import Dataset
from distilscope.models import programs
from distilscope.models.build import ModelError, build, shapes_of
from distilscope.models.cost import cost
from distilscope.models.memory_format import place
from distilscope.models.probabilities import are_log_probabilities, are_probabilities
from distilscope.models.randomised import randomise
from distilscope.observing.backward import explain
from distilscope.observing.capture import frozen
from distilscope.observing.forward import Passed, forward
from distilscope.observing.numerics import exact
from distilscope.observing.probe import Probe
from distilscope.observing.request import Request
from distilscope.planning.job import Job
from distilscope.training.evaluate import evaluate
from distilscope.training.images import prepared
from distilscope.training.loop import rehearse
from distilscope.training.train import begin, task_of

IMAGES = 8
"""Images of a training step, and of a pass."""

EXPLAINED, STEPS = 4, 2
"""Images that are explained, and points of the quadrature of integrated gradients."""

ALONE = 1e-3
"""The largest difference of a logit alone and within a batch, as a part of the largest logit."""


@dataclass
class Findings:
    """What a trial found out.

    Attributes:
        shapes: layer -> (channels, height, width) of its output.
        done: what was tried, in words.
        notes: what is no fault of the network but of the answers that it will give.
    """

    shapes: Mapping[str, tuple[int, int, int]]
    done: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def attempt(
    job: Job, dataset: Dataset, observation: Mapping[str, Any], randomised: Sequence[str] = ()
) -> Findings:
    """Try one network.

    Args:
        job: with the settings and information of a job that makes a model of this network.
        dataset: on the study's device.
        observation: the settings of an observation.
        randomised: paths of modules that later get random weights.

    Raises:
        ModelError: what would fail later, or be silently wrong.
        WeightsError: the weights don't fit.
        ValueError: a request that the data set can't meet.
    """
    request = Request.of(observation)
    model = _model(job, dataset)
    place(model, job.device)
    size, classes = dataset.input_size(request.preprocessing), len(dataset.classes)
    try:
        found = Findings(shapes_of(model, request.layers, size, classes))
    except ModelError as error:
        raise ModelError(f"{str(error).rstrip('.')}{cure(error)}") from error
    trial = _Trial(job, dataset, request, model, found)
    found.notes += _enlarged(request.preprocessing, dataset.share)
    if job.settings.get("recipe"):
        trial.train()
    trial.evaluate()
    with exact(request.threads), frozen(model):
        trial.repeat()
        trial.observe()
    trial.randomise(randomised)
    return found


@dataclass
class _Trial:
    """A network under trial."""

    job: Job
    dataset: Dataset
    request: Request
    model: nn.Module
    found: Findings

    def train(self) -> None:
        """One step of the recipe."""
        task = task_of(self.job, self.dataset)
        batch = min(self.job.settings["recipe"]["batch"], IMAGES)
        with said("a training step failed"), _outputs(self.model) as outputs:
            try:
                rehearse(self.model, task, IMAGES)
            finally:
                self._check_logits(outputs, "while it trains")
        self.found.done.append(f"a training step of {batch} images in {task.precision}")
        self._check_seeds()
        normalised = (isinstance(m, nn.modules.batchnorm._BatchNorm) for m in self.model.modules())
        if batch == 1 and any(normalised):
            self.found.notes.append(
                "it has batch normalisation and is trained with `batch: 1`: each image is "
                "normalised by itself in training and by the mean of all in use"
            )

    def _check_seeds(self) -> None:
        """Seeds are what intervals are over: each must give other weights to begin with."""
        if self.job.settings["init"]["from"] != "random":
            return
        architecture, classes = self.job.settings["architecture"], len(self.dataset.classes)
        first, second = (
            build(architecture, classes, self.dataset.channels, seed).parameters()
            for seed in (0, 1)
        )
        if all(map(torch.equal, first, second)):
            self.found.notes.append(
                "its initial weights are the same for every seed, so that models of several seeds "
                "differ in the order of their images alone. Does it call `torch.manual_seed`?"
            )

    def evaluate(self) -> None:
        """As after an epoch, in the training's precision."""
        some = self.dataset.split("held-out")
        if not len(some):  # pictures may have none
            some = self.dataset.split("test")
        few = [(some.images[:IMAGES], some.labels[:IMAGES].clamp(min=0))]
        normalise = self.dataset.preprocessing(self.job.settings.get("preprocessing"))
        precision = self.job.settings.get("precision", "fp32")
        with said("an evaluation failed"), _outputs(self.model) as outputs:
            try:
                evaluate(self.model, few, partial(prepared, normalise), precision)
            finally:
                self._check_logits(outputs, "in eval mode")

    def _check_logits(self, outputs: Sequence[Any], when: str) -> None:
        """Refuse what is no tensor of logits."""
        classes = len(self.dataset.classes)
        for output in outputs:
            if not isinstance(output, Tensor):
                raise ModelError(
                    f"it returns a {type(output).__name__} {when}; it must return the logits "
                    "alone (without auxiliary heads, in training too)"
                )
            if output.ndim != 2 or output.shape[1] != classes:
                raise ModelError(
                    f"it returns {tuple(output.shape)} {when}; logits (images, {classes}) are "
                    "needed, one row for each image"
                )

    # ---------------------------------------------------------------------------- eval mode

    def repeat(self) -> None:
        """Pass the same images twice, and some of them alone."""
        images = self._inputs(IMAGES)
        with torch.no_grad(), said("a pass in eval mode failed"):
            first, again = self.model(images.clone()), self.model(images.clone())
        if not torch.isfinite(first).all():
            raise ModelError("its logits are not finite: its weights or `preprocessing` are wrong")
        if not torch.equal(first, again):
            raise ModelError(
                "it gives other logits each time it sees the same images in eval mode, so that no "
                "measure of it means anything. Likely causes: `F.dropout(h)`, which always drops, "
                "for `F.dropout(h, training=self.training)`; a program that was exported in "
                "training mode; noise, or a state that it keeps between passes"
            )
        self._check_alone(images, first)
        self._check_probabilities(first)
        self.found.done.append(
            "in eval mode the same logits twice, the same alone and within a batch"
        )

    def _inputs(self, most: int) -> Tensor:
        images = self.dataset.split("test").images[:most]
        return self._prepare(images)

    def _prepare(self, images: Tensor) -> Tensor:
        """As an observation does: with the model's own normalisation."""
        return self.dataset.preprocessing(self.request.preprocessing)(images)

    def _check_alone(self, images: Tensor, together: Tensor) -> None:
        if len(images) < 2:
            return
        causes = (
            "Likely causes: batch normalisation without running statistics "
            "(`track_running_stats=False`), a mean over the batch, or a program that was exported "
            "in training mode: call `model.eval()` before"
        )
        try:
            with torch.no_grad():
                alone = torch.cat([self.model(image[None].clone()) for image in images[:EXPLAINED]])
        except Exception as error:
            raise ModelError(
                f"it takes a batch in eval mode and no image alone ({first_line(error)}). {causes}"
            ) from error
        difference = (alone - together[: len(alone)]).abs().max()
        if not difference <= ALONE * together.abs().max():
            raise ModelError(
                "in eval mode its logits of an image depend on the other images in the batch "
                f"(by up to {float(difference):.2g}). {causes}"
            )

    def _check_probabilities(self, logits: Tensor) -> None:
        if are_probabilities(logits):
            raise ModelError(
                "it returns probabilities (no number is negative and each row sums to 1), of which "
                "the softmax would be taken again: calibration, NLL and KL would be wrong. Return "
                "what goes into the softmax; of a given network that can't be changed say "
                "`probabilities: true` in its entry, and their logarithm is taken"
            )
        given = self.job.settings["kind"] in ("given", "program")
        if given and logits.min() >= 0 and logits.max() <= 1:
            self.found.notes.append(
                "all its outputs are between 0 and 1, as those of a sigmoid are: the measures take "
                "them for logits, and their softmax for probabilities"
            )
        elif are_log_probabilities(logits):
            self.found.notes.append(
                "it returns log-probabilities: the measures are right, but a map explains the "
                "logarithm of a probability, in which all classes are mixed, and no logit"
            )

    def observe(self) -> None:
        """Layers, head, maps at the layers and at the input, and the cost."""
        request = replace(
            self.request, gram_batch=EXPLAINED, subset_images=EXPLAINED, ig_steps=STEPS,
            ig_maximum_steps=None,
        )  # fmt: skip
        probe = self._probe()
        with said("an observation failed"):
            passed = forward(self.model, probe, _contents(request), request, self._prepare)
        self._warn_of_grids(passed)
        self.found.done.append(
            f"layers {', '.join(request.layers)}, maps at {', '.join(request.explained)}"
            + (f" with the closed form over the head {request.head}" if request.head else "")
        )
        for method in request.methods_at("input"):
            with said(f"{method} at the input failed"):
                explain(method, self.model, probe, passed.predictions, request, self._prepare)
            self.found.done.append(method)
        with said("its multiply-adds can't be counted"):
            cost(self.model, self.dataset.blank(1, self.request.preprocessing))

    def _probe(self) -> Probe:
        test = self.dataset.split("test")
        rows = np.arange(min(EXPLAINED, len(test)))
        return Probe(
            name="test",
            indices=rows,
            labels=test.labels[: len(rows)].cpu().numpy(),
            references=np.empty((len(rows), 0), dtype=np.int64),
            unit=self.dataset.unit,
            _examples=test.examples,
            _rows=torch.from_numpy(rows).to(test.examples.device),
        )

    def _warn_of_grids(self, passed: Passed) -> None:
        found = next(iter(passed.maps.values()), None)
        for layer, grid in (found.grids if found else {}).items():
            if grid == (1, 1):
                self.found.notes.append(
                    f"layer {layer!r} is a single cell at {self.dataset.image_size} pixels: its "
                    "maps are one number, so that no consistency can be measured there; explain "
                    "an earlier layer or give larger images"
                )

    def randomise(self, modules: Sequence[str]) -> None:
        """Give random weights to what the check of explanations will."""
        if modules:
            randomise(self.model, self.model, modules)
            self.found.done.append(f"random weights in {', '.join(modules)}")


def _model(job: Job, dataset: Dataset) -> nn.Module:
    """The network of a job's settings: built, with weights or without, or a program's."""
    if job.settings["kind"] == "program":
        return programs.opened(Path(job.information["program_file"]), job.settings["program"])
    return begin(job, dataset)[0]


def _enlarged(own: Mapping[str, Any] | None, share: float) -> list[str]:
    """What is to be said where a model's own transform keeps more of a picture than the frame."""
    if not own or not own.get("size"):
        return []
    meant = own["size"] / (own.get("resize") or own["size"])
    if meant <= share * (1 + 2 / own["size"]):
        return []
    return [
        f"its own transform keeps the centre {meant:.3g} of a picture, and the frame that all "
        f"models see is {share:.3g}: objects are larger by {meant / share - 1:.0%} than it is "
        "used to"
    ]


def _contents(request: Request) -> tuple[str, ...]:
    return tuple(dict.fromkeys(kind for probe in request.probes for kind in probe.contents))


@contextlib.contextmanager
def _outputs(model: nn.Module) -> Iterator[list[Any]]:
    """What the network returns while the block runs."""
    outputs: list[Any] = []
    hook = model.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    try:
        yield outputs
    finally:
        hook.remove()
