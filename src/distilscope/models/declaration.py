"""What a network declares of itself: read while the plan is made, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Architecture:
    """A network family as the engine sees it.

    Attributes:
        builder: dotted path `module:function`; called with `classes`,
            `channels` and the settings.
        settings: what a configuration may set, with its default.
        layers: the layers whose features are compared, as name -> module path, input to output.
        explained: names out of `layers` whose maps are extracted: the last block first.
        head: path of the linear layer behind global average pooling over `explained[0]`, which
            gives GradCAM in closed form; None where the gradient is needed.
        parameters: count at 10 classes, 3 channels and default settings (tests build and count).
        pretrained: torchvision's name of the weights that `init: imagenet` loads.
        modality: `images` or `texts`, what it takes.
        described: dotted path of the function that makes the builder's settings of a
            configuration's, where these name a folder; it reads that without torch.
        counted: dotted path of the function that counts the parameters by the builder's settings,
            for the memory that a job asks for; None where jobs ask for the usual, or a given
            file's size tells.
    """

    builder: str
    layers: Mapping[str, str]
    explained: tuple[str, ...]
    head: str | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    parameters: int | None = None
    pretrained: str | None = None
    modality: str = "images"
    described: str | None = None
    counted: str | None = None
