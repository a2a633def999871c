"""The optimisers of a recipe: torch's own arithmetic, with the state by parameters' names.

The functions of `torch.optim` are called and not its classes: making one of these imports torch's
compiler, which takes as long as `import torch` and would be paid by every training job. All
parameters are moved at once (`foreach`), by the same operations on a processor and on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

Tensors = Sequence[Tensor]
Move = Callable[[Tensors, Tensors, Sequence[Tensors], float, Mapping[str, Any]], None]
"""(parameters, gradients, a list of tensors for each kind of state, rate, settings): one step."""


class Optimiser:
    """Moves a model's parameters down their gradients; the decay is on all of them.

    Attributes:
        state: kind -> parameter's name -> tensor; zeros at first.
    """

    def __init__(self, model: nn.Module, settings: Mapping[str, Any]) -> None:
        """For a model on its device, with the settings of a recipe's `optimizer`."""
        kinds, self._move = OPTIMISERS[settings["name"]]
        self._settings = settings
        self._parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self.state = {
            kind: {name: start(p) for name, p in self._parameters.items()}
            for kind, start in kinds.items()
        }

    def forget_gradients(self) -> None:
        """Drop the gradients of the last step."""
        for parameter in self._parameters.values():
            parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every parameter that has a gradient."""
        named = {name: p for name, p in self._parameters.items() if p.grad is not None}
        gradients = [p.grad for p in named.values()]
        state = [[tensors[name] for name in named] for tensors in self.state.values()]
        self._move(list(named.values()), gradients, state, rate, self._settings)


def _sgd(
    parameters: Tensors,
    gradients: Tensors,
    state: Sequence[Tensors],
    rate: float,
    settings: Mapping[str, Any],
) -> None:
    """`torch.optim.SGD`: stochastic gradient descent with momentum (Sutskever et al. 2013)."""
    taken = {key: settings[key] for key in ("momentum", "weight_decay", "nesterov")}
    sgd(parameters, gradients, *state, foreach=True, lr=rate, dampening=0, maximize=False, **taken)


def _adamw(
    parameters: Tensors,
    gradients: Tensors,
    state: Sequence[Tensors],
    rate: float,
    settings: Mapping[str, Any],
) -> None:
    """`torch.optim.AdamW`: Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""
    mean, square, steps = state
    beta1, beta2 = settings["betas"]
    taken = {key: settings[key] for key in ("weight_decay", "eps")}
    adamw(
        *(parameters, gradients, mean, square, [], steps),
        foreach=True,
        amsgrad=False,
        maximize=False,
        lr=rate,
        beta1=beta1,
        beta2=beta2,
        **taken,
    )


def _count(parameter: Tensor) -> Tensor:
    """Steps taken, which torch counts for each parameter, on the processor."""
    return torch.zeros(())


OPTIMISERS: dict[str, tuple[dict[str, Callable[[Tensor], Tensor]], Move]] = {
    "sgd": ({"momentum": torch.zeros_like}, _sgd),
    "adamw": ({"mean": torch.zeros_like, "square": torch.zeros_like, "steps": _count}, _adamw),
}
"""Name in a recipe -> the kinds of state with how each begins, and the step."""
