"""Weights to and from files, and where a network's weights begin.

A file that doesn't fit is refused with the tensors named. What is taken off its names, and what of
it is no part of the network and is left, is said. The one exception is fine-tuning from ImageNet
weights: a 7x7 stem onto a 3x3 one, and a 1,000-way head, are *replaced* (the network keeps its own
random values there) and reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from distilscope import store
from distilscope.models.build import build
from distilscope.models.memory_format import place
from distilscope.models.weight_files import Contents, WeightsError, listed, read
from distilscope.models.weight_names import in_own_names, tied, without_masks

__all__ = ["Loaded", "WeightsError", "initialise", "load_into", "load_model", "save"]

IMAGENET_CLASSES = 1000
IMAGENET_STEM, SMALL_STEM = (7, 7), (3, 3)


@dataclass(frozen=True)
class Loaded:
    """What was done to make a file's tensors fit.

    Attributes:
        replaced: names of tensors that were not taken and keep their random initial values.
        unwrapped: keys and prefixes that were taken off (`state_dict`, `module.` ...).
        left: what of the file was not taken: other state dicts, and tensors that are no part of
            the network (`n_averaged`, `criterion.*`, `aux1.*` ...).
        masked: names of tensors that a mask of the file was applied to, as pruning leaves them.
    """

    replaced: tuple[str, ...] = ()
    unwrapped: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """What is to be said of it, but for what was replaced."""
        found = [f"weights were found under {' '.join(self.unwrapped)}"] if self.unwrapped else []
        if self.masked:
            found.append(
                f"masks of pruning were applied to {len(self.masked)} tensors: "
                f"{listed(self.masked)}"
            )
        return found


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
    return _take(model, path, read(Path(path)), replacing=False)


def load_model(folder: Path, classes: int, device: str = "cpu") -> nn.Module:
    """The model of an artefact's folder, in eval mode, its parameters frozen.

    The architecture is the one in the folder's `run.json`.
    """
    folder = Path(folder)
    model = build(
        store.read_json(folder / "run.json", settings=dict)["settings"]["architecture"], classes
    )
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
        return _take(model, file, read(Path(file)), replacing=True)
    if origin == "file":
        raise WeightsError("`init` is from a file but no file is given")
    return _take(model, init["weights"], _downloaded(init["weights"]), replacing=True)


def _downloaded(name: str) -> Contents:
    """torchvision's best weights of a network, from its cache or the network; the hash is checked.

    torchvision takes longer to import than torch, so it is not imported for other weights.
    """
    from torchvision.models import get_model_weights

    chosen = get_model_weights(name).DEFAULT
    try:
        return Contents(chosen.get_state_dict(progress=False, check_hash=True))
    except (OSError, RuntimeError) as error:
        cache = Path(torch.hub.get_dir()) / "checkpoints"
        raise WeightsError(
            f"{chosen} could not be downloaded from {chosen.url} ({error}); put that file into "
            f"{cache}, or set `init` to the path of a weights file, or to random"
        ) from error


# ------------------------------------------------------------------------------------- fitting


def _take(model: nn.Module, origin: Path | str, contents: Contents, *, replacing: bool) -> Loaded:
    own = model.state_dict()
    named = model.own_names(contents.state) if hasattr(model, "own_names") else contents.state
    acting, masked = without_masks(named, own)
    state, unwrapped, left = in_own_names(acting, own, origin)
    replaced = _replaceable(own, state) if replacing else ()
    faults = _faults(own, state, replaced)
    if faults:
        raise WeightsError(
            f"{origin} does not fit {type(model).__name__}: {'; '.join(faults)}. The file has "
            f"{listed(list(contents.state))}; the network has {listed(list(own))}"
        )
    with torch.no_grad():
        for name, tensor in own.items():
            if name in state and name not in replaced:
                tensor.copy_(state[name].reshape(tensor.shape))
    return Loaded(replaced, (*contents.under, *unwrapped), (*contents.beside, *left), masked)


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
    """What does not fit. Files older than `num_batches_tracked` may lack it: nothing reads it.

    Values are looked at last, where shapes fit: a tensor of a file may claim any shape (stride 0).
    """
    missing = [n for n in own if n not in state and not n.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in own]
    shared = [name for name in state if name in own and name not in replaced]
    fitting = [name for name in shared if _fits(state[name], own[name])]
    shapes = [
        f"{name} (file {_by(state[name])}, network {_by(own[name])})"
        for name in shared
        if name not in set(fitting)
    ]
    special = [n for n in fitting if not _is_plain(state[n])]
    plain = [n for n in fitting if _is_plain(state[n])]
    kinds = [n for n in plain if state[n].is_floating_point() != own[n].is_floating_point()]
    alike = [n for n in plain if n not in set(kinds)]
    bad = [n for n in alike if not torch.isfinite(state[n].to(own[n].dtype)).all()]
    untied = [
        name
        for names in tied(own, {name: name for name in own})
        for name in names[1:]
        if {name, names[0]} <= set(alike) and not _same(state[name], state[names[0]])
    ]
    found = {
        "missing": missing,
        "unexpected": unexpected,
        "of another shape": shapes,
        "sparse, quantised or without values": special,
        "of another kind of number": kinds,
        "with values that are not finite": bad,
        "one tensor in the network and several in the file": untied,
    }
    return [f"{what}: {listed(names)}" for what, names in found.items() if names]


def _fits(given: Tensor, own: Tensor) -> bool:
    """One shape; a number may be a list of one number, as torch too accepts it."""
    return given.shape == own.shape or (own.ndim == 0 and given.shape == (1,))


def _is_plain(tensor: Tensor) -> bool:
    return tensor.layout == torch.strided and not tensor.is_quantized and not tensor.is_meta


def _same(one: Tensor, other: Tensor) -> bool:
    return one is other or torch.equal(one, other)


def _by(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
