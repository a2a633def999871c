"""Where a network's tensors have their channels: last, but for layers in which that is unsafe."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor, nn

UNSAFE_BELOW = 8
"""Input channels from which on oneDNN's strided 1x1 convolutions are right again."""

log = logging.getLogger("distilscope")


def place(model: nn.Module, device: torch.device | str) -> nn.Module:
    """Move a network to a device, channels last, which is the quickest layout there and on CPUs.

    oneDNN 3.12 (torch 2.14.1) writes outside its buffers in the backward pass of some convolutions
    channels last, on a processor with AVX2 and without AVX-512: see `unsafe_layers`. On every CPU
    these layers take channels first, so that one network computes the same way on all of them.

    Returns:
        the same network; a layer that takes channels first is named in the log.
    """
    model.to(device, memory_format=torch.channels_last)
    if torch.device(device).type == "cpu":
        for name, layer in unsafe_layers(model).items():
            layer.weight.data = _channels_first(layer.weight.data)
            layer.register_forward_pre_hook(_take_channels_first)
            log.info(
                "layer %s (1x1, stride %d, %d channels in) is computed channels first: oneDNN is "
                "not safe there channels last on processors without AVX-512",
                name,
                max(layer.stride),
                layer.in_channels,
            )
    return model


def unsafe_layers(model: nn.Module) -> dict[str, nn.Conv2d]:
    """Name -> convolution with a 1x1 kernel, a stride and fewer than 8 input channels a group."""
    return {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Conv2d)
        and tuple(layer.kernel_size) == (1, 1)
        and max(layer.stride) > 1
        and layer.in_channels // layer.groups < UNSAFE_BELOW
    }


def _take_channels_first(layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(_channels_first(value) if isinstance(value, Tensor) else value for value in inputs)


def _channels_first(tensor: Tensor) -> Tensor:
    """A copy whose strides say so. `contiguous()` keeps a 1x1 kernel's strides, which oneDNN reads
    as channels last."""
    return tensor.clone(memory_format=torch.contiguous_format)
