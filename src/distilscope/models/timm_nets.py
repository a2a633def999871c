"""Any network of timm (Wightman 2019), an optional extra, for as many classes as there are."""

from __future__ import annotations

from types import ModuleType

from torch import nn

from distilscope import catalog, optional


def library() -> ModuleType:
    """timm itself.

    Raises:
        ValueError: it is not installed.
    """
    return optional.load(
        "timm", "networks `timm/<name>` need timm", "pip install 'distilscope[timm]'"
    )


def build(classes: int, channels: int, name: str, **settings: object) -> nn.Module:
    """timm's network `name` with untrained weights; nothing is downloaded.

    Args:
        classes: length of the logits.
        channels: of the input image.
        name: as in `timm.list_models`.
        settings: passed to `timm.create_model` (`img_size`, `drop_rate` ...).

    Raises:
        UnknownName: timm has no such network; the nearest are named.
        ValueError: timm is not installed, or the network doesn't have a setting.
    """
    timm = library()
    known = timm.list_models()
    if name not in known:
        near = catalog.suggest(name, known)
        raise catalog.UnknownName(f"unknown network {name!r} of timm; {near}")
    try:
        return timm.create_model(
            name, pretrained=False, num_classes=classes, in_chans=channels, **settings
        )
    except TypeError as error:
        raise ValueError(f"timm's {name} can't be built so: {error}") from None
