"""What ways of compressing share: the weights that are compressed, and files of plain weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from distilscope.models import weights

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
"""The layers whose weights are compressed. Norms and biases are left: they are small."""

FLOAT_BYTES = 4

Facts = Mapping[str, Any]
"""What `run.json` says of a compression; `weight_bytes` is how much its weights take."""


def layers(model: nn.Module) -> dict[str, nn.Module]:
    """Path -> each layer whose weight is compressed; a weight that two layers share counts once.

    Raises:
        ValueError: the model has no convolution and no linear layer.
    """
    found: dict[int, tuple[str, nn.Module]] = {}
    for path, module in model.named_modules():
        if isinstance(module, LAYERS):
            found.setdefault(id(module.weight), (path, module))
    if not found:
        raise ValueError(
            f"{type(model).__name__} has no convolution and no linear layer: there is nothing to "
            "compress"
        )
    return dict(found.values())


def bytes_of_others(model: nn.Module) -> int:
    """How much what is no compressed weight takes, in fp32: biases, norms, running statistics."""
    total = sum(tensor.numel() for tensor in model.state_dict().values())
    return FLOAT_BYTES * (total - sum(m.weight.numel() for m in layers(model).values()))


def matrix(weight: Tensor) -> Tensor:
    """A weight as the matrix (outputs, inputs times kernel) that patches are multiplied with."""
    return weight.reshape(weight.shape[0], -1)


def save(model: nn.Module, path: Path) -> None:
    """Write the state dict."""
    weights.save(model, path)


def restore(model: nn.Module, value: Any, path: Path) -> nn.Module:
    """A freshly built network with the weights of the file."""
    weights.load_into(model, path)
    return model
