"""The training loop: one for teachers, students and controls, on a CPU or a GPU.

What an example is, and how it is shown, is the modality's (see `inputs`). Nothing is read back from
the device but every `CHECK_EVERY` steps, when a checkpoint is written, and once an epoch.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from distilscope.training import runtime, schedule
from distilscope.training.batches import BatchPlan
from distilscope.training.checkpoint import Keeper, State
from distilscope.training.evaluate import evaluate
from distilscope.training.inputs import Inputs, OnPolicy
from distilscope.training.optimiser import Optimiser
from distilscope.training.signals import EpochSignal, Loss, Signal
from distilscope.workflow import interrupt, progress

CHECK_EVERY = 100
TRAINING_WORK, FORWARD_WORK = 3.0, 1.0
"""What an example costs where the network learns from it (a pass forward, two back), and where not;
for telling how far a training is, and for nothing else."""

HISTORY = ("lr", "loss", "train_accuracy", "held_out_accuracy", "held_out_nll")

log = logging.getLogger("distilscope")


class TrainingError(ValueError):
    """A training that went wrong: the message names the model, the epoch and what to change."""


Part = tuple[Tensor, Any, Tensor]
"""Rows of some examples, these as they are shown, and their labels."""


@dataclass(frozen=True, eq=False)
class Task:
    """What a model learns, from what and how.

    Attributes:
        name: the model's, for messages.
        inputs: its examples, on the device.
        plan: the batches and views of each epoch.
        objective: the loss, with a committee's teachers combined.
        signals: a teacher each.
        recipe: `epochs`, `optimizer`, `schedule`, perhaps `accumulate`.
        seed: of what the network draws while it runs (dropout).
        precision: `fp32` or `bf16`.
        own: examples that the model makes itself; None where all are given.
    """

    name: str
    inputs: Inputs
    plan: BatchPlan
    objective: Loss
    signals: Sequence[Signal]
    recipe: Mapping[str, Any]
    seed: int
    precision: str
    own: OnPolicy | None = None


def fit(model: nn.Module, task: Task, keeper: Keeper) -> tuple[State, str | None]:
    """Train the model, from its checkpoint where there is one, to the end of its last epoch.

    Args:
        model: on the device of the examples; its weights are changed.
        task: what it learns.
        keeper: of its checkpoints.

    Returns:
        the state at the end, with a row of `HISTORY` for each epoch; and where it was resumed,
        such as `epoch 3, batch 120`, or None.

    Raises:
        TrainingError: the loss or a held-out output is not finite.
        Interrupted: SIGTERM or SIGINT came; a checkpoint is written.
        CheckpointError: the checkpoint is another model's, or can't be written.
    """
    device = task.inputs.device
    with runtime.generators_restored(device), interrupt.watching() as stop:
        run = _Run(model, task, keeper, stop)
        resumed = run.resume()
        run.announce_work()
        while run.state.epoch < task.recipe["epochs"]:
            run.epoch()
    return run.state, resumed


def rehearse(model: nn.Module, task: Task, most: int) -> None:
    """Take the first step of a training, with the first examples of its batch.

    Args:
        model: on the device of the examples; its weights are changed.
        task: what it learns.
        most: so many are taken.

    Raises:
        TrainingError: the loss is not finite.
    """
    with runtime.generators_restored(task.inputs.device):
        _Run(model, task, None, interrupt.Stop()).rehearse(most)


class _Run:
    """A training under way, or, without a keeper, rehearsed."""

    def __init__(
        self, model: nn.Module, task: Task, keeper: Keeper | None, stop: interrupt.Stop
    ) -> None:
        self.model, self.task, self.keeper, self.stop = model, task, keeper, stop
        self.device = task.inputs.device
        self.held_out = sum(len(labels) for _, labels in task.inputs.held_out)
        self.optimiser = Optimiser(model, task.recipe["optimizer"])
        self.state = State(self._no_sums())

    def _no_sums(self) -> Tensor:
        return torch.zeros(4, dtype=torch.float64, device=self.device)

    def resume(self) -> str | None:
        found = self.keeper.load(self.model, self.optimiser, self.device)
        if found is None:
            return None
        self.state = found
        where = f"epoch {found.epoch + 1}, batch {found.step}"
        log.info("%s: goes on from its checkpoint (%s)", self.task.name, where)
        return where

    def announce_work(self) -> None:
        """Say what work there is, epochs that are done already included."""
        learning = self.task.plan.examples * TRAINING_WORK
        held_out = self.held_out * FORWARD_WORK
        work: dict[str, float] = {}
        for epoch in range(self.task.recipe["epochs"]):
            work |= {self._where(epoch): learning, self._where_held_out(epoch): held_out}
        progress.expect(work, (learning + held_out) * self.state.epoch)

    def epoch(self) -> None:
        """From the state's step to the end of its epoch, evaluation included."""
        state, task = self.state, self.task
        stage = progress.stage(
            *(self._where(state.epoch), task.plan.examples, task.inputs.unit, TRAINING_WORK),
            self._mean_loss,
        )
        stage.resume(min(state.step * task.recipe["batch"], task.plan.examples))
        started = time.perf_counter() - state.spent
        plan = task.plan.epoch(state.epoch, self.device)
        signals = [signal.at_epoch(plan.columns) for signal in task.signals]
        self.model.train()
        while state.step < task.plan.steps:
            rows = plan.batches[state.step]
            self._step(rows, plan.view_ids[rows], signals)
            state.step += 1
            stage.advance(len(rows))
            state.spent = time.perf_counter() - started
            self._after_step()
        self._close(time.perf_counter() - started)

    def rehearse(self, most: int) -> None:
        """The first step with the first examples of its batch."""
        plan = self.task.plan.epoch(0, self.device)
        rows = plan.batches[0][:most]
        signals = [signal.at_epoch(plan.columns) for signal in self.task.signals]
        self.model.train()
        self._step(rows, plan.view_ids[rows], signals)
        self._check_loss()

    def _rate(self, step: int) -> float:
        recipe, plan = self.task.recipe, self.task.plan
        taken = self.state.epoch * plan.steps + step
        base = recipe["optimizer"]["lr"]
        return base * schedule.factor(recipe["schedule"], taken, plan.steps, recipe["epochs"])

    def _step(self, rows: Tensor, view_ids: Tensor, signals: Sequence[EpochSignal]) -> None:
        task, state = self.task, self.state
        taken = state.epoch * task.plan.steps + state.step
        runtime.seed_step(task.seed, taken, self.device)
        parts = self._parts(rows, view_ids, taken)
        every = sum(len(labels) for _, _, labels in parts)
        self.optimiser.forget_gradients()
        for some, examples, labels in parts:
            teachers = [signal(some, examples) for signal in signals]
            with runtime.autocast(task.precision, self.device):
                logits = self.model(task.inputs.to_model(examples))
            loss = task.objective(logits, labels, teachers)
            (loss * (len(labels) / every)).backward()  # a loss is the mean over its own part
            self._count(loss, logits, labels)
        self.optimiser.step(self._rate(state.step))

    def _parts(self, rows: Tensor, view_ids: Tensor, taken: int) -> list[Part]:
        """The parts of a batch, whose gradients are added up.

        A part has two examples or more, which batch normalisation needs.
        """
        inputs, own = self.task.inputs, self.task.own
        count = min(self.task.recipe.get("accumulate", 1), max(1, len(rows) // 2))
        cut = rows.tensor_split(count)
        if own is not None and own.due(taken):
            written = own.written(self.model, rows)
            places = torch.arange(len(rows), device=self.device).tensor_split(count)
            shown = [written.at(some) for some in places]
            return [(r, s, own.labels_of(s)) for r, s in zip(cut, shown, strict=True)]
        views = view_ids.tensor_split(count)
        return [
            (some, inputs.shown(some, seen), inputs.labels_of(some))
            for some, seen in zip(cut, views, strict=True)
        ]

    def _count(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add a part to the state's sums."""
        sums = self.state.sums
        sums[0] += loss.detach() * len(labels)
        sums[1] += (logits.detach().argmax(dim=1) == labels).sum()
        sums[2] += len(labels)
        sums[3] += (labels >= 0).sum()

    def _mean_loss(self) -> str:
        loss, _, examples, _ = self.state.sums.tolist()
        return f"loss {loss / examples:.4f}"

    def _after_step(self) -> None:
        if self.state.step % CHECK_EVERY == 0:
            self._check_loss()
        if self.stop.asked_by:
            self._leave()
        if self.keeper.due(epoch_ended=False):
            self._save()

    def _save(self) -> None:
        self._check_loss()
        self.keeper.save(self.model, self.optimiser, self.state)

    def _leave(self) -> None:
        self._save()
        by = self.stop.asked_by
        sentence = (
            f"{self.task.name}: stopped by {by.name} in {self._where(self.state.epoch)} after "
            f"batch {self.state.step} of {self.task.plan.steps}. Its checkpoint is in "
            f"{self.keeper.folder}: run the same command to go on"
        )
        log.warning("%s", sentence)
        raise interrupt.Interrupted(by, sentence)

    def _leave_if_asked(self) -> None:
        if self.stop.asked_by:
            self._leave()

    def _where(self, epoch: int) -> str:
        return f"epoch {epoch + 1} of {self.task.recipe['epochs']}"

    def _where_held_out(self, epoch: int) -> str:
        return f"{self._where(epoch)}, held-out {self.task.inputs.unit}"

    def _check_loss(self) -> None:
        total = self.state.sums[0].item()
        if not math.isfinite(total):
            self._fail(f"the loss became {total:g}")

    def _fail(self, what: str) -> None:
        lr = self.task.recipe["optimizer"]["lr"]
        cure = f"lower the recipe's `optimizer.lr` (now {lr:g}) or give its schedule a warm-up"
        if self.task.precision == "bf16":
            cure += ", or set `precision: fp32`"
        raise TrainingError(f"{self.task.name}: {what} in {self._where(self.state.epoch)}; {cure}")

    def _close(self, seconds: float) -> None:
        """Evaluate, note the epoch, go on to the next."""
        state, task = self.state, self.task
        self._check_loss()
        where, unit = self._where_held_out(state.epoch), task.inputs.unit
        progress.stage(where, self.held_out, unit, FORWARD_WORK)
        held_out = evaluate(
            *(self.model, task.inputs.held_out, task.inputs.to_model, task.precision),
            self._leave_if_asked,
        )
        if self.held_out and not math.isfinite(held_out.nll):
            self._fail(f"the held-out NLL became {held_out.nll:g}")
        loss, right, examples, labelled = state.sums.tolist()
        state.history.append(
            [
                self._rate(task.plan.steps - 1),
                loss / examples,
                right / labelled if labelled else math.nan,
                held_out.accuracy,
                held_out.nll,
            ]
        )
        state.epoch, state.step, state.spent = state.epoch + 1, 0, 0.0
        state.sums = self._no_sums()
        state.seconds.append(seconds)
        self._report()
        if state.epoch < task.recipe["epochs"]:
            if self.keeper.due(epoch_ended=True):
                self._save()
            self._leave_if_asked()

    def _report(self) -> None:
        state, epochs = self.state, self.task.recipe["epochs"]
        _, loss, _, accuracy, _ = state.history[-1]
        left = (epochs - state.epoch) * sum(state.seconds) / len(state.seconds)
        speed = f"{self.task.plan.examples / state.seconds[-1]:,.0f} {self.task.inputs.unit}/s"
        log.info(
            progress.epoch_line(self.task.name, state.epoch, epochs, loss, accuracy, speed, left)
        )
