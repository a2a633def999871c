"""How published weights of a network were meant to see images, where a library says so."""

from __future__ import annotations

import math
from typing import Any

from distilscope import catalog


def known(architecture: str) -> dict[str, Any] | None:
    """The preprocessing of torchvision's or timm's published weights: as an entry spells it.

    It is what was meant for the weights that the library would load. Weights that were trained
    elsewhere may have another, which nothing but their makers can tell.

    Args:
        architecture: `torchvision/<name>` or `timm/<name>`.

    Returns:
        `size`, `resize`, `interpolation`, `mean`, `std`; None where nothing is known.
    """
    prefix, _, name = architecture.partition("/")
    if f"{prefix}/" == catalog.TORCHVISION_PREFIX:
        return _of_torchvision(name)
    if f"{prefix}/" == catalog.TIMM_PREFIX:
        return _of_timm(name)
    return None


def _of_torchvision(name: str) -> dict[str, Any] | None:
    from torchvision.models import get_model_weights

    try:
        meant = get_model_weights(name).DEFAULT.transforms()
        return {
            "size": meant.crop_size[0],
            "resize": meant.resize_size[0],
            "interpolation": meant.interpolation.value,
            "mean": list(meant.mean),
            "std": list(meant.std),
        }
    except (ValueError, AttributeError):  # also those of detection and segmentation
        return None


def _of_timm(name: str) -> dict[str, Any] | None:
    from distilscope.models.timm_nets import library

    found = library().models.get_pretrained_cfg(name)
    if found is None or found.mean is None:
        return None
    size = found.input_size[1]
    return {
        "size": size,
        # timm's own evaluation transform rounds down.
        "resize": math.floor(size / found.crop_pct),
        "interpolation": found.interpolation if found.interpolation != "random" else "bilinear",
        "mean": list(found.mean),
        "std": list(found.std),
    }
