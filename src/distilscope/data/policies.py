"""Random view policies by name: which there are, and what each takes. Read without torch.

Their draws are rendered once (`data.drawn`); a finite policy, of which every view can be numbered,
is in `catalog.VIEW_POLICIES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PREFIX = "torchvision/"
_HERE = "distilscope.data.transforms"


@dataclass(frozen=True)
class DrawnPolicy:
    """A policy of which each image gets some draws.

    Attributes:
        transform: dotted path of `make(image_size, **arguments) -> torchvision.transforms.v2
            transform`.
        arguments: what it always takes.
        takes: settings of a recipe's `views` that it takes too.
        settings: what may be set under `settings`, where it takes these.
    """

    transform: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    takes: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


PUBLISHED: dict[str, DrawnPolicy] = {
    "resized-crop": DrawnPolicy(f"{_HERE}:resized_crop"),
    "weak": DrawnPolicy(f"{_HERE}:graded", {"strength": 0.0}),
    "strong": DrawnPolicy(f"{_HERE}:graded", {"strength": 1.0}),
    "graded": DrawnPolicy(f"{_HERE}:graded", takes=("strength",)),
}
"""Those of the published study of attention and fidelity; `graded` lies between weak and strong."""

TORCHVISION: dict[str, tuple[str, ...]] = {
    "AugMix": ("severity", "mixture_width", "chain_depth", "alpha", "all_ops", "fill"),
    "AutoAugment": ("policy", "fill"),
    "ColorJitter": ("brightness", "contrast", "saturation", "hue"),
    "ElasticTransform": ("alpha", "sigma", "fill"),
    "GaussianBlur": ("kernel_size", "sigma"),
    "RandAugment": ("num_ops", "magnitude", "num_magnitude_bins", "fill"),
    "RandomAdjustSharpness": ("sharpness_factor", "p"),
    "RandomAffine": ("degrees", "translate", "scale", "shear", "fill", "center"),
    "RandomAutocontrast": ("p",),
    "RandomChannelPermutation": (),
    "RandomCrop": ("size", "padding", "pad_if_needed", "fill", "padding_mode"),
    "RandomEqualize": ("p",),
    "RandomErasing": ("p", "scale", "ratio", "value"),
    "RandomGrayscale": ("p",),
    "RandomHorizontalFlip": ("p",),
    "RandomInvert": ("p",),
    "RandomPerspective": ("distortion_scale", "p", "fill"),
    "RandomPhotometricDistort": ("brightness", "contrast", "saturation", "hue", "p"),
    "RandomPosterize": ("bits", "p"),
    "RandomResizedCrop": ("size", "scale", "ratio", "antialias"),
    "RandomRotation": ("degrees", "expand", "center", "fill"),
    "RandomSolarize": ("threshold", "p"),
    "RandomVerticalFlip": ("p",),
    "TrivialAugmentWide": ("num_magnitude_bins", "fill"),
}
"""Transforms of torchvision.transforms.v2 that change one picture at random -> what may be set."""

DRAWN: dict[str, DrawnPolicy] = {
    **PUBLISHED,
    **{
        f"{PREFIX}{name}": DrawnPolicy(
            f"{_HERE}:torchvision", {"name": name}, ("settings",), settings
        )
        for name, settings in TORCHVISION.items()
    },
}
"""Name in a configuration -> the policy."""
