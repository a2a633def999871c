"""What a study has to say of a model and its file alone doesn't: outputs, layers, preprocessing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from distilscope import catalog
from distilscope.auditing.request import Given
from distilscope.configuration.data import LARGEST_SIDE
from distilscope.configuration.kinds import faults
from distilscope.configuration.networks import Network, Preprocessing
from distilscope.models import preprocessing, programs, weights
from distilscope.models.build import build
from distilscope.models.layers import propose
from distilscope.models.outputs import choose, entries
from distilscope.models.probabilities import are_probabilities
from distilscope.models.weight_files import read
from distilscope.models.weight_names import in_own_names
from distilscope.planning.settings import network_settings

FEW_CLASSES = 3
"""Outputs of the networks that are only built to look at their shapes."""


def sees(given: Given, typed: Mapping[str, Any]) -> Given:
    """The model with how it sees pictures: as typed, else as its library says.

    Raises:
        ValueError: neither says it, or what was typed can't be used.
    """
    if typed:
        try:
            Preprocessing.model_validate(typed)
        except ValidationError as error:
            found = "; ".join(faults(error))
            raise ValueError(f"--preprocessing of {given.name} can't be used: {found}") from None
    own = dict(typed) or preprocessing.known(given.architecture or "")
    if not own:
        raise ValueError(
            f"{given.name}: nothing is known of how {given.architecture or given.weights} sees "
            f"pictures; say it with --preprocessing '{given.name}={{mean: [0.485, 0.456, 0.406], "
            "std: [0.229, 0.224, 0.225], size: 224, resize: 256}' (numbers of this example are "
            "torchvision's)"
        )
    return replace(given, preprocessing=own)


def frame(models: Sequence[Given]) -> dict[str, int]:
    """`image_size` and `resize` of the square of a picture that every model sees.

    It is as large, as a part of the picture, as the smallest that any of them keeps, and as fine
    as the largest input.

    Raises:
        ValueError: that is larger than images may be; known before a network runs on them.
    """
    seen = [model.preprocessing for model in models if model.preprocessing.get("size")]
    if not seen:
        return {}
    share = min(own["size"] / (own.get("resize") or own["size"]) for own in seen)
    side = max(own["size"] for own in seen)
    if side > LARGEST_SIDE:
        raise ValueError(
            f"a model sees {side} pixels a side, and at most {LARGEST_SIDE} are accepted: give a "
            "smaller `size` by --preprocessing"
        )
    return {"image_size": side, "resize": round(side / share)}


def outputs(given: Given, side: int) -> int | None:
    """How many outputs the weights of a model have; None where its network doesn't tell.

    They are where the shape of a tensor follows the number of classes that a network is built for.

    Raises:
        ValueError: the network can't be built, or the file can't be read.
    """
    if given.architecture is None:
        size = _size(given, side)
        with torch.no_grad():
            found = _program(given, size)(torch.zeros(1, 3, size, size))
        return found.shape[1] if isinstance(found, torch.Tensor) and found.ndim == 2 else None
    settings = _settings(given)
    few, more = (build(settings, FEW_CLASSES + n).state_dict() for n in (0, 1))
    following = [name for name in few if few[name].shape != more[name].shape]
    path = Path(given.weights).expanduser()
    state, _, _ = in_own_names(read(path).state, few, path)
    for name in following:
        axis = next(n for n, side in enumerate(few[name].shape) if side != more[name].shape[n])
        if name in state and axis < state[name].ndim:
            return int(state[name].shape[axis])
    return None


def described(given: Given, outputs: int, side: int) -> Given:
    """The model with the layers that are proposed for it, where its network has none of its own,
    and `probabilities` where it ends in a softmax.

    The weights are in it: with those of the start a head may seem to follow from a layer.

    Raises:
        ModelError: it can't take images of that side, or nothing in it puts out a map.
        WeightsError: the file does not fit.
        ValueError: it puts out something else than logits.
    """
    if given.architecture in catalog.ARCHITECTURES:
        return given
    size = _size(given, side)
    if given.architecture is None:
        network = _program(given, size)
    else:
        network = build(_settings(given), outputs)
        weights.load_into(network, Path(given.weights).expanduser())
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    found = propose(network, images).settings()
    if given.architecture is None:
        found.pop("head", None)  # an entry of a program has none: its maps come by the gradient
    with torch.no_grad():
        said = network.eval()(images)
    _require_logits(given, said, outputs)
    softmax = {"probabilities": True} if are_probabilities(said) else {}
    return replace(given, layers=found, further={**softmax, **given.further})


def _require_logits(given: Given, said: Any, outputs: int) -> None:
    """Refuse what is no (images, classes), with the option that takes it out of what there is."""
    if isinstance(said, torch.Tensor):
        if said.ndim != 2:
            shape = _shape(said)
            raise ValueError(f"{given.name} puts out {shape}; expected logits, images x {outputs}")
        return
    known = entries(said)
    fitting = (name for name, each in known.items() if getattr(each, "ndim", 0) == 2)
    which = next(fitting, None)
    way = (
        "none of them is: give a factory, module:function, whose network returns the logits alone"
        if which is None
        else f"say which, such as --entry '{given.name}={{output: {which}}}'"
    )
    among = ", ".join(f"{name!r} ({_shape(each)})" for name, each in known.items())
    raise ValueError(
        f"{given.name} puts out a {type(said).__name__} of {among or 'nothing that is known'}, and "
        f"one entry has to be the logits, images x {outputs}: {way}"
    )


def _shape(said: Any) -> str:
    """`2x16x8x8` of a tensor, and what anything else is."""
    is_tensor = isinstance(said, torch.Tensor)
    return "x".join(map(str, said.shape)) if is_tensor else type(said).__name__


def _program(given: Given, size: int) -> nn.Module:
    """The module of a file that holds all of a model, whose output is the entry that is asked for.

    Raises:
        ModelError: it can't be opened.
    """
    network = programs.looked_at(given.weights, size)
    return choose(network, {"output": given.further.get("output")})


def _size(given: Given, side: int) -> int:
    """Side of the model's input: its own, or that of the images."""
    return given.preprocessing.get("size") or side


def _settings(given: Given) -> dict[str, Any]:
    """What builds the network; of one without layers of its own the names don't matter here."""
    named = given.architecture in catalog.ARCHITECTURES
    open_ended = {} if named else {"layers": {"all": ""}, "explained": ["all"]}
    entry = {"architecture": given.architecture, "weights": given.weights, **open_ended}
    entry["settings"] = dict(given.settings)
    if "output" in given.further:
        entry["output"] = given.further["output"]
    return network_settings(Network.model_validate(entry))
