"""What a network costs: parameters, multiply-adds and milliseconds."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from distilscope.models.halving import of_memory

WARM_UP = 2
ONE, SEVERAL = 10, 3
"""How often a batch of one is timed, and a larger one."""


@dataclass(frozen=True)
class Cost:
    """Numbers of trainable and frozen parameters together, and multiply-adds of one example."""

    parameters: int
    multiply_adds: int


def parameters(model: nn.Module) -> int:
    """The number of parameters; buffers such as running means don't count."""
    return sum(parameter.numel() for parameter in model.parameters())


def cost(model: nn.Module, example: torch.Tensor) -> Cost:
    """Parameters, and multiply-adds of a forward pass of one example, a batch of 1 on its device.

    torch counts two operations (a multiplication and an addition) for each term of a convolution
    or a matrix product, and nothing for the rest; half of that is the number of multiply-adds.
    """
    with _evaluating(model), _Operations() as counted:
        model(example)
    return Cost(parameters(model), counted.total // 2)


class _Operations(TorchDispatchMode):
    """Counts as `FlopCounterMode` does, without its import of torch's compiler (a second a job)."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch would import its compiler only to tell it to leave this class alone."""
        return False

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None) -> Any:
        """Run an operation, and add what torch's formula says that it takes."""
        kwargs = kwargs or {}
        found = operation(*args, **kwargs)
        if operation.overloadpacket in flop_registry:
            formula = flop_registry[operation.overloadpacket]
            self.total += formula(*args, **kwargs, out_val=found)
        return found


def latency(model: nn.Module, batch: torch.Tensor, repeats: int = 10) -> float:
    """Median milliseconds of a forward pass of a batch, on the model's device."""
    seconds = []
    with _evaluating(model):
        for _ in range(WARM_UP + repeats):
            started = time.perf_counter()
            model(batch)
            if batch.is_cuda:
                torch.cuda.synchronize(batch.device)
            seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds[WARM_UP:])


def latencies(
    model: nn.Module, blank: Callable[[int], torch.Tensor], batches: Iterable[int]
) -> dict[str, float]:
    """`batch 64` -> its latency, without a batch that does not fit in memory.

    Args:
        blank: an example batch of so many.
    """
    found = {}
    for batch in batches:
        try:
            found[f"batch {batch}"] = latency(model, blank(batch), ONE if batch == 1 else SEVERAL)
        except (RuntimeError, MemoryError) as error:
            if not of_memory(error):
                raise
    return found


@contextlib.contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode and no gradients; the model's own mode comes back."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)
