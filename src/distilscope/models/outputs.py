"""The logits of a network that returns more than them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class _Entry:
    """A forward hook: the one entry of an output, in the output's place."""

    which: str | int

    def __call__(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        found = entries(output)
        if self.which not in found:
            known = ", ".join(map(repr, found)) or "none: it returns one tensor"
            raise ValueError(f"`output` is {self.which!r}; the network's entries are {known}")
        return found[self.which]


def _logarithm(module: nn.Module, inputs: Any, output: Any) -> Any:
    """A forward hook: logits whose softmax are the probabilities that a network returns."""
    return output.clamp_min(torch.finfo(output.dtype).tiny).log()


@dataclass(frozen=True)
class _Columns:
    """A forward hook: some of the logits, in an order."""

    places: tuple[int, ...]

    def __call__(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        known = output.shape[1]
        if max(self.places) >= known:
            raise ValueError(
                f"`classes` are of a network with {max(self.places) + 1} logits or more, and it "
                f"has {known}"
            )
        return output[:, list(self.places)]


def choose(model: nn.Module, asked: Mapping[str, Any]) -> nn.Module:
    """The network itself, whose output is made the logits of the classes. Paths and weights stay.

    Args:
        asked: perhaps `output`, the entry that is taken; `probabilities`, of which the logarithm
            is; `columns`, those of the classes, in their order.
    """
    if asked.get("output") is not None:
        model.register_forward_hook(_Entry(asked["output"]))
    if asked.get("probabilities"):
        model.register_forward_hook(_logarithm)
    if asked.get("columns") is not None:
        model.register_forward_hook(_Columns(tuple(asked["columns"])))
    return model


def entries(output: Any) -> dict[str | int, Any]:
    """What an output holds, by key, position or field; nothing of a tensor."""
    if isinstance(output, Mapping):
        return dict(output.items())
    if isinstance(output, (tuple, list)):
        named = dict(zip(getattr(output, "_fields", ()), output, strict=False))
        return {**named, **dict(enumerate(output))}
    if is_dataclass(output):
        return {each.name: getattr(output, each.name) for each in fields(output)}
    return {}


def asked_for(output: Any) -> str:
    """What to do about an output that is no tensor, as a clause; empty where nothing is known."""
    known = entries(output)
    if not known:
        return ""
    first = next(iter(known))
    return f"; say by `output` which entry holds them, such as `output: {first}`, of " + ", ".join(
        map(repr, known)
    )
