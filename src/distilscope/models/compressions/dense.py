"""What ways of compressing share: the weights that are compressed, and files of plain weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from distilscope.models import weights

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
"""The layers whose weights are compressed. Norms and biases are left: they are small."""

PROJECTIONS = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
"""Weights that torch's attention has beside those of its layers, as one module has or hasn't."""

FLOAT_BYTES = 4

Facts = Mapping[str, Any]
"""What `run.json` says of a compression; `weight_bytes` is how much its weights take."""


def layers(model: nn.Module) -> dict[str, nn.Module]:
    """Path -> each convolution and linear layer; of those that share a weight the first."""
    found: dict[int, tuple[str, nn.Module]] = {}
    for path, module in model.named_modules():
        if isinstance(module, LAYERS):
            found.setdefault(id(module.weight), (path, module))
    return dict(found.values())


def weights_of(model: nn.Module) -> dict[str, nn.Parameter]:
    """Path -> each weight that is compressed: of layers by their path, of attention by its own.

    A weight that two layers share counts once.

    Raises:
        ValueError: the model has no convolution and no linear layer.
    """
    found = {path: layer.weight for path, layer in layers(model).items()}
    for path, module in model.named_modules():
        if isinstance(module, nn.MultiheadAttention):
            own = {name: getattr(module, name) for name in PROJECTIONS}
            found |= {
                f"{path}.{name}": weight for name, weight in own.items() if weight is not None
            }
    if not found:
        raise ValueError(
            f"{type(model).__name__} has no convolution and no linear layer: there is nothing to "
            "compress"
        )
    return found


def bytes_of_others(model: nn.Module) -> int:
    """How much what is no compressed weight takes, in fp32: biases, norms, running statistics."""
    total = sum(tensor.numel() for tensor in model.state_dict().values())
    return FLOAT_BYTES * (total - sum(weight.numel() for weight in weights_of(model).values()))


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
