"""A small language model whose weights are a formula, so that they are the same everywhere."""

from __future__ import annotations

import torch

from distilscope import catalog
from distilscope.models.build import build

ARCHITECTURE = {
    "builder": catalog.ARCHITECTURES["qwen2"].builder,
    "settings": {"width": 16, "layers": 2, "heads": 2, "mlp": 2.0, "context": 64, "tied": True},
}


def made(vocabulary, scale=0.5):
    """A Qwen2 in evaluation mode; matrices are sines of their places, vectors as they begin."""
    model = build(ARCHITECTURE, vocabulary).eval()
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            if parameter.ndim == 2:
                places = torch.arange(parameter.numel(), dtype=torch.float64)
                values = scale * torch.sin(places * (1.7 + number) + number)
                parameter.copy_(values.reshape(parameter.shape))
    return model
