"""Checkpoints: all that a run needs to go on and end with the same bits.

A checkpoint is a safetensors file of its own name, written whole (see `store`) before the older
ones are removed, so that at any moment the newest readable one is right. There are no generator
states in it: every random choice is a function of (seed, epoch, step).
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from distilscope import store
from distilscope.training.optimiser import Optimiser

FORMAT = 1
LARGEST_SHARE_OF_TIME = 0.05

log = logging.getLogger("distilscope")


class CheckpointError(RuntimeError):
    """A checkpoint of another model, or one that can't be written."""


@dataclass
class State:
    """Where a run is.

    Attributes:
        sums: float64 (4,) on the device: loss times examples, right answers, examples, and those of
            them that have a label, of the epoch so far.
        epoch, step: epochs finished, and batches finished of the one under way.
        history: a row (lr, loss, train accuracy, held-out accuracy, held-out NLL) a finished epoch.
        seconds: of each finished epoch; `spent` of the one under way. Information only.
    """

    sums: Tensor
    epoch: int = 0
    step: int = 0
    history: list[list[float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    spent: float = 0.0


class Keeper:
    """The checkpoints of one model.

    Attributes:
        folder: where they are: `<slug>.<identity>` in the place that it is given.
    """

    def __init__(
        self,
        place: Path,
        slug: str,
        identity: str,
        interval: float = 60.0,
        confirm: Callable[[], None] | None = None,
    ) -> None:
        """A keeper that has a checkpoint written at the end of epochs and every `interval` s.

        `confirm` is called before each: it raises where the job uses something else than its plan
        saw, so that no later run goes on from what an edited source made.
        """
        self._confirm = confirm
        self.folder = Path(place) / f"{slug}.{identity}"
        self._slug, self._identity, self._interval = slug, identity, interval
        self._written: tuple[int, int] | None = None
        self._at, self._cost = time.monotonic(), 0.0

    def due(self, *, epoch_ended: bool) -> bool:
        """Whether to write now.

        An epoch's end is left out only where it comes so soon after the last checkpoint that
        writing would take more than a twentieth of the time.
        """
        since = time.monotonic() - self._at
        soonest = self._cost / LARGEST_SHARE_OF_TIME if epoch_ended else self._interval
        return since >= soonest

    def save(self, model: nn.Module, optimiser: Optimiser, state: State) -> None:
        """Write a checkpoint, then remove the older ones.

        Raises:
            CheckpointError: it can't be written.
            ChangedSincePlan: see `confirm`.
        """
        position = (state.epoch, state.step)
        if position == self._written:
            return
        if self._confirm is not None:
            self._confirm()
        started = time.monotonic()
        name = f"{state.epoch:06d}-{state.step:08d}.safetensors"
        try:
            store.write_tensors(
                self.folder / name, _arrays(model, optimiser, state), self._metadata(state)
            )
            self._remove_all_but(name)
        except OSError as error:
            raise CheckpointError(
                f"{self._slug}: the checkpoint can't be written to {self.folder} "
                f"({error.strerror or error}). Make room or make it writable and run again"
            ) from error
        self._written = position
        self._at = time.monotonic()
        self._cost = self._at - started

    def load(self, model: nn.Module, optimiser: Optimiser, device: torch.device) -> State | None:
        """Put the newest readable checkpoint into model and optimiser; None where there is none.

        Raises:
            CheckpointError: it belongs to another model.
        """
        for path in sorted(self.folder.glob("*.safetensors"), reverse=True):
            try:
                metadata = store.read_tensors_metadata(path)
                arrays = store.read_tensors(path)
            except store.DamagedFile as error:
                log.warning("%s: an unfinished checkpoint is passed over (%s)", self._slug, error)
                continue
            self._check_owner(path, metadata)
            if metadata["format"] != FORMAT:
                log.warning("%s: a checkpoint of another version is passed over", self._slug)
                continue
            _restore(model, optimiser, arrays)
            state = State(
                sums=torch.from_numpy(arrays["sums"]).to(device),
                epoch=metadata["epoch"],
                step=metadata["step"],
                history=arrays["history"].tolist(),
                seconds=[float(seconds) for seconds in metadata["seconds"]],
                spent=float(metadata["spent"]),
            )
            self._written = (state.epoch, state.step)
            return state
        return None

    def clear(self) -> None:
        """Remove the checkpoints: the model is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _metadata(self, state: State) -> dict[str, object]:
        return {
            "format": FORMAT,
            "slug": self._slug,
            "identity": self._identity,
            "epoch": state.epoch,
            "step": state.step,
            "seconds": state.seconds,
            "spent": state.spent,
        }

    def _check_owner(self, path: Path, metadata: dict[str, object]) -> None:
        if metadata.get("identity") != self._identity:
            raise CheckpointError(
                f"{path} is a checkpoint of {metadata.get('slug')} (identity "
                f"{metadata.get('identity')}), not of {self._slug} (identity {self._identity}); "
                f"remove it: rm -r '{self.folder}'"
            )

    def _remove_all_but(self, name: str) -> None:
        kept = {name, name + store.DIGEST_SUFFIX}
        for path in self.folder.iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)


def _arrays(model: nn.Module, optimiser: Optimiser, state: State) -> dict[str, np.ndarray]:
    tensors = _tensors(model, optimiser)
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    arrays["sums"] = state.sums.cpu().numpy()
    arrays["history"] = np.array(state.history, dtype=np.float64)
    return arrays


def _restore(model: nn.Module, optimiser: Optimiser, arrays: dict[str, np.ndarray]) -> None:
    with torch.no_grad():
        for name, tensor in _tensors(model, optimiser).items():
            tensor.copy_(torch.from_numpy(arrays[name]).reshape(tensor.shape))


def _tensors(model: nn.Module, optimiser: Optimiser) -> dict[str, Tensor]:
    """All that training changes, by the names that a checkpoint has for it."""
    every = model.named_parameters(remove_duplicate=False)
    frozen = {name for name, parameter in every if not parameter.requires_grad}
    learnt = {name: tensor for name, tensor in model.state_dict().items() if name not in frozen}
    kinds = {"model": learnt, **optimiser.state}
    return {f"{kind}.{name}": t for kind, tensors in kinds.items() for name, t in tensors.items()}
