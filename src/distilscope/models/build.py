"""Networks from their description: a builder by its dotted path, and its settings."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from distilscope import catalog
from distilscope.models.layout import LayoutError, channels_first
from distilscope.models.outputs import asked_for, choose


class ModelError(ValueError):
    """A network that can't be built, or that has not the layers it is said to have."""


def build(
    architecture: Mapping[str, Any], classes: int, channels: int = 3, seed: int = 0
) -> nn.Module:
    """The network, on the CPU (or on the device of a `torch.device` context).

    Its initial weights are a function of (architecture, classes, channels, seed) alone, and the
    global generators are left as they were.

    Args:
        architecture: `builder` (`package.module:function`), its `settings`, and perhaps `logits`,
            how many it has where that is not `classes`, and what `models.outputs.choose` takes.
        classes: length of the logits.
        channels: of the input image.
        seed: of the initial weights.

    Raises:
        ModelError: there is no such builder, it doesn't take these settings, or it returned
            something else than a network.
    """
    path = architecture["builder"]
    settings = dict(architecture.get("settings") or {})
    factory = _factory(path)
    _check_settings(path, factory, settings)
    with torch.random.fork_rng(devices=_cuda_devices()):
        torch.manual_seed(seed)
        model = factory(classes=architecture.get("logits", classes), channels=channels, **settings)
    if not isinstance(model, nn.Module):
        raise ModelError(f"{path} returned a {type(model).__name__}; it must return an nn.Module")
    return choose(model, architecture)


def _cuda_devices() -> list[int]:
    return list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []


def _factory(path: str) -> Callable[..., nn.Module]:
    module_name, colon, function_name = path.partition(":")
    if not colon:
        raise ModelError(f"builder {path!r} is not of the form 'package.module:function'")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"builder {path!r}: there is no module {error.name!r}; it must be installed or lie "
            "on PYTHONPATH"
        ) from None
    factory = getattr(module, function_name, None)
    if not callable(factory):
        functions = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise ModelError(
            f"builder {path!r}: module {module_name} has no function {function_name!r}; "
            f"{catalog.suggest(function_name, functions)}"
        )
    return factory


def _check_settings(path: str, factory: Callable[..., nn.Module], settings: dict[str, Any]) -> None:
    try:
        inspect.signature(factory).bind(classes=0, channels=0, **settings)
    except TypeError as error:
        raise ModelError(
            f"builder {path!r} can't be called with classes, channels and "
            f"{sorted(settings) or 'no settings'}: {error}"
        ) from None


# ------------------------------------------------------------------------------------- layers


def check_layers(model: nn.Module, layers: Mapping[str, str]) -> None:
    """Check that each layer (name -> module path) is a module of the network.

    Raises:
        ModelError: a path that there isn't; the nearest paths are named.
    """
    paths = [path for path, _ in model.named_modules() if path]
    for name, path in layers.items():
        if path not in paths:
            raise ModelError(
                f"layer {name!r}: {type(model).__name__} has no module {path!r}; "
                f"{catalog.suggest(path, paths)} (`layers` of the network says which are compared)"
            )


def shapes_of(
    model: nn.Module, layers: Mapping[str, str], image_size: int, classes: int, channels: int = 3
) -> dict[str, tuple[int, int, int]]:
    """Check the layers of a network in a pass of two black images, in eval mode.

    Args:
        model: on any device, also on `meta`, where shapes alone are worked out.
        layers: name -> module path.

    Returns:
        for each layer, the shape (channels, height, width) of its output.

    Raises:
        ModelError: a layer that there isn't, that does not run or runs twice, or whose output is
            neither (B, C, H, W) nor certainly (B, H, W, C); images too small for the network;
            logits not (B, classes).
    """
    check_layers(model, layers)
    shape = (2, channels, image_size, image_size)
    device = next((parameter.device for parameter in model.parameters()), None)
    outputs: dict[str, list[Any]] = {}

    def record(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            outputs.setdefault(name, []).append(output)

        return hook

    hooks = [
        model.get_submodule(path).register_forward_hook(record(name))
        for name, path in layers.items()
    ]
    try:
        with torch.no_grad():
            logits = model.eval()(torch.zeros(shape, device=device))
    except Exception as error:
        size = "x".join(map(str, shape[1:]))
        raise ModelError(
            f"{type(model).__name__} can't take images of {size}: {_first_line(error)}"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    if not isinstance(logits, Tensor) or tuple(logits.shape) != (shape[0], classes):
        raise ModelError(
            f"{type(model).__name__} must return logits (images, {classes}), got "
            f"{_kind(logits)}{asked_for(logits)}"
        )
    return {
        name: _feature_map(f"layer {name!r} ({path})", model.get_submodule(path), outputs.get(name))
        for name, path in layers.items()
    }


def _feature_map(where: str, module: nn.Module, outputs: list[Any] | None) -> tuple[int, int, int]:
    if outputs is None:
        raise ModelError(f"{where} is not used when the network runs")
    if len(outputs) > 1:
        raise ModelError(
            f"{where} is called {len(outputs)} times when the network runs, so that its output is "
            "ambiguous; name a module that is called once, such as the block around it"
        )
    output = outputs[0]
    if not isinstance(output, Tensor) or output.ndim not in (3, 4):
        raise ModelError(
            f"{where} must give a feature map (images, channels, height, width) or tokens, "
            f"got {_kind(output)}"
        )
    try:
        return tuple(channels_first(module, output).shape[1:])
    except LayoutError as error:
        raise ModelError(f"{where} {error}") from None


def _kind(value: Any) -> str:
    return f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
