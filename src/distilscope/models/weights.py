"""Weights to and from files, and where a network's weights begin.

Only tensors are read: safetensors, or a state dict that `torch.load` accepts with
`weights_only=True`. A file that doesn't fit is refused with the tensors named. The one exception
is fine-tuning from ImageNet weights: a 7x7 stem onto a 3x3 one, and a 1,000-way head, are
*replaced* (the network keeps its own random values there) and reported.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from distilscope import store
from distilscope.models.build import build
from distilscope.models.memory_format import place

NESTED_UNDER = ("state_dict", "model_state_dict", "model")
PREFIXES = ("module.", "model.", "_orig_mod.")
IMAGENET_CLASSES = 1000
IMAGENET_STEM, SMALL_STEM = (7, 7), (3, 3)
NAMED_IN_MESSAGES = 6


class WeightsError(ValueError):
    """A weights file that can't be read or doesn't fit; the message names the tensors."""


@dataclass(frozen=True)
class Loaded:
    """What was done to make a file's tensors fit.

    Attributes:
        replaced: names of tensors that were not taken and keep their random initial values.
        unwrapped: keys and prefixes that were taken off (`state_dict`, `module.` ...).
    """

    replaced: tuple[str, ...] = ()
    unwrapped: tuple[str, ...] = ()


def save(model: nn.Module, path: Path) -> None:
    """Write the state dict as safetensors, floating-point tensors in fp32, with its digest."""
    state = {name: _plain(tensor) for name, tensor in model.state_dict().items()}
    store.write_tensors(path, {name: tensor.numpy() for name, tensor in state.items()})


def _plain(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu()
    return tensor.float() if tensor.is_floating_point() else tensor


def load_into(model: nn.Module, path: Path) -> Loaded:
    """Take all of a file's tensors into the network; each must fit.

    Raises:
        WeightsError: it can't be read, or a tensor is missing, unexpected or of another shape.
        DamagedFile: a file of this program's own whose digest differs.
    """
    return _take(model, path, *_read(Path(path)), replacing=False)


def load_model(folder: Path, classes: int, device: str = "cpu") -> nn.Module:
    """The model of an artefact's folder, in eval mode, its parameters frozen.

    The architecture is the one in the folder's `run.json`.
    """
    folder = Path(folder)
    model = build(store.read_json(folder / "run.json")["settings"]["architecture"], classes)
    load_into(model, folder / "weights.safetensors")
    return place(model.eval().requires_grad_(False), device)


# ---------------------------------------------------------------------------- where they begin


def initialise(model: nn.Module, init: Mapping[str, Any], file: Path | None = None) -> Loaded:
    """Set a freshly built network's weights as `init` says.

    Args:
        model: just built, with its random weights.
        init: `{from: random}` leaves it; `{from: file}` takes `file`; `{from: imagenet}` takes
            torchvision's of the network named in `weights`, or `file` where that is given.
        file: a weights file.

    Raises:
        WeightsError: tensors don't fit, other than a 7x7 stem and a 1,000-way head; or there is
            no such file, or no way to download it.
    """
    origin = init["from"]
    if origin == "random":
        return Loaded()
    if origin not in ("file", "imagenet"):
        raise WeightsError(f"`init` is {origin!r}; accepted are random, imagenet and file")
    if file is not None:
        return _take(model, file, *_read(Path(file)), replacing=True)
    if origin == "file":
        raise WeightsError("`init` is from a file but no file is given")
    return _take(model, init["weights"], _downloaded(init["weights"]), (), replacing=True)


def _downloaded(name: str) -> Mapping[str, Tensor]:
    """torchvision's best weights of a network, from its cache or the network; the hash is checked.

    torchvision takes longer to import than torch, so it is not imported for other weights.
    """
    from torchvision.models import get_model_weights

    chosen = get_model_weights(name).DEFAULT
    try:
        return chosen.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        cache = Path(torch.hub.get_dir()) / "checkpoints"
        raise WeightsError(
            f"{chosen} could not be downloaded from {chosen.url} ({error}); put that file into "
            f"{cache}, or set `init` to the path of a weights file, or to random"
        ) from error


# ------------------------------------------------------------------------------------- reading


def _read(path: Path) -> tuple[Mapping[str, Tensor], tuple[str, ...]]:
    """The tensors of a file, and the keys that they were nested under."""
    if not path.is_file():
        raise WeightsError(f"there is no weights file at {path}")
    if store.artefact_of(path) or path.with_name(path.name + store.DIGEST_SUFFIX).is_file():
        store.verify(path)
    with open(path, "rb") as handle:
        start = handle.read(9)
    if start[8:9] == b"{":
        return _read_safetensors(path), ()
    return _unnested(path, _read_pickled_tensors(path))


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except Exception as error:
        raise WeightsError(f"{path} is a damaged safetensors file: {error}") from error


def _read_pickled_tensors(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} is not a file of tensors: it is a pickle that would run code, or no weights "
            "file at all, and is not opened. Save the weights with "
            "torch.save(model.state_dict(), path) or as safetensors"
        ) from error
    except Exception as error:
        raise WeightsError(
            f"{path} can't be read as weights ({type(error).__name__}); accepted are safetensors "
            "and state dicts saved by torch.save: the file may be truncated"
        ) from error


def _unnested(path: Path, content: Any) -> tuple[Mapping[str, Tensor], tuple[str, ...]]:
    keys: list[str] = []
    while isinstance(content, Mapping):
        nested = next((k for k in NESTED_UNDER if isinstance(content.get(k), Mapping)), None)
        if nested is None:
            break
        keys.append(nested)
        content = content[nested]
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{path} holds no state dict (a mapping of names to tensors)")
    other = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    if other:
        raise WeightsError(f"{path}: {_listed(other)} in its state dict are not tensors")
    return content, tuple(keys)


# ------------------------------------------------------------------------------------- fitting


def _take(
    model: nn.Module,
    origin: Path | str,
    state: Mapping[str, Tensor],
    unwrapped: tuple[str, ...],
    *,
    replacing: bool,
) -> Loaded:
    own = model.state_dict()
    state, prefixes = _without_prefixes(state, own)
    replaced = _replaceable(own, state) if replacing else ()
    faults = _faults(own, state, replaced)
    if faults:
        raise WeightsError(f"{origin} does not fit {type(model).__name__}: {'; '.join(faults)}")
    with torch.no_grad():
        for name, tensor in own.items():
            if name in state and name not in replaced:
                tensor.copy_(state[name].reshape(tensor.shape))
    return Loaded(replaced, (*unwrapped, *prefixes))


def _without_prefixes(
    state: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> tuple[Mapping[str, Tensor], tuple[str, ...]]:
    """Take a prefix off while all names have it and none is a name of the network's."""
    taken: list[str] = []
    while not any(name in own for name in state):
        prefix = next((p for p in PREFIXES if all(name.startswith(p) for name in state)), None)
        if prefix is None:
            break
        taken.append(prefix)
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state, tuple(taken)


def _replaceable(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The names of a 7x7 stem that meets a 3x3 one, and of a 1,000-way head that meets another."""
    kernels = [name for name, tensor in own.items() if tensor.ndim >= 2]
    if not kernels:
        return ()
    replaced = []
    stem, head = kernels[0], kernels[-1]
    if _shape(state, stem) == (*own[stem].shape[:2], *IMAGENET_STEM) and (
        tuple(own[stem].shape[2:]) == SMALL_STEM
    ):
        replaced.append(stem)
    if _shape(state, head) == (IMAGENET_CLASSES, *own[head].shape[1:]) and (
        len(own[head]) != IMAGENET_CLASSES
    ):
        bias = head.removesuffix("weight") + "bias"
        replaced += [name for name in (head, bias) if name in own]
    return tuple(replaced)


def _shape(state: Mapping[str, Tensor], name: str) -> tuple[int, ...] | None:
    return tuple(state[name].shape) if name in state else None


def _faults(
    own: Mapping[str, Tensor], state: Mapping[str, Tensor], replaced: tuple[str, ...]
) -> list[str]:
    """What does not fit. Files older than `num_batches_tracked` may lack it: nothing reads it."""
    missing = [n for n in own if n not in state and not n.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in own]
    shared = [name for name in state if name in own and name not in replaced]
    shapes = [
        f"{name} (file {_by(state[name])}, network {_by(own[name])})"
        for name in shared
        if not _fits(state[name], own[name])
    ]
    kinds = [n for n in shared if state[n].is_floating_point() != own[n].is_floating_point()]
    bad = [n for n in shared if not torch.isfinite(state[n]).all()]
    found = {
        "missing": missing,
        "unexpected": unexpected,
        "of another shape": shapes,
        "of another kind of number": kinds,
        "with values that are not finite": bad,
    }
    return [f"{what}: {_listed(names)}" for what, names in found.items() if names]


def _fits(given: Tensor, own: Tensor) -> bool:
    """One shape; a number may be a list of one number, as torch too accepts it."""
    return given.shape == own.shape or (own.ndim == 0 and given.shape == (1,))


def _by(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED_IN_MESSAGES
    return ", ".join(names[:NAMED_IN_MESSAGES]) + (f" and {more} more" if more > 0 else "")
