"""Which tensors of a file are those of a network, whatever wrapped it when it was saved."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from distilscope.models.weight_files import AVERAGED, WeightsError, listed

PREFIXES = ("module.", "model.", "net.")
WRAPPERS = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
"""Modules that torch.compile, FSDP and checkpointing put into names, anywhere."""
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
"""Heads of GoogLeNet and Inception that are for their training alone."""
UNMASKED, MASK = "_orig", "_mask"
"""How torch.nn.utils.prune calls a weight that it masks, and the mask."""
COUNTERS = re.compile(r"(^|\.)total_(ops|params)$")
"""Buffers that the profiler thop leaves in every module."""


def in_own_names(
    state: Mapping[str, Tensor], own: Mapping[str, Tensor], origin: Path | str
) -> tuple[dict[str, Tensor], tuple[str, ...], tuple[str, ...]]:
    """A file's tensors under the network's names; what was taken off; what was left.

    Tensors beside the network are left where it is found whole without them, under one prefix.

    Raises:
        WeightsError: the file holds the network twice.
    """
    state, own_name, wrappers = _without_wrappers(state, own)
    groups = tied(own, own_name)
    prefix, others = _prefix(state, groups, origin)
    if prefix is None:  # not there whole: the faults are in names like the network's
        state, prefixes = _without_prefixes(state, own_name)
        outside: list[str] = []
    else:
        prefixes = [f"{part}." for part in prefix.split(".")[:-1]]
        outside = [n for n in state if not n.startswith(prefix) or n.startswith(others)]
        state = {n.removeprefix(prefix): t for n, t in state.items() if n not in set(outside)}
    extra = [name for name in state if name not in own_name and _is_no_part(name, own_name)]
    found = {own_name.get(name, name): t for name, t in state.items() if name not in set(extra)}
    for names in ([own_name[name] for name in group] for group in groups):
        kept = next((found[name] for name in names if name in found), None)
        for name in names if kept is not None else ():
            found.setdefault(name, kept)
    left = dict.fromkeys(f"{n.split('.')[0]}.*" if "." in n else n for n in [*outside, *extra])
    return found, (*wrappers, *prefixes), tuple(left)


def without_masks(
    state: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> tuple[Mapping[str, Tensor], tuple[str, ...]]:
    """The tensors as they act: `<name>_orig` times `<name>_mask`, as torch.nn.utils.prune has them.

    Returns also the names, as the file has them, of the tensors that a mask was applied to.
    """
    found, masked = dict(state), []
    for mask in [name for name in state if name.endswith(MASK)]:
        name = mask.removesuffix(MASK)
        original = f"{name}{UNMASKED}"
        if original not in state or name in state or {mask, original} & set(own):
            continue
        if state[original].shape == state[mask].shape:
            weight = found.pop(original)
            found[name] = weight * found.pop(mask).to(weight.dtype)
            masked.append(name)
    return found, tuple(masked)


def _without_wrappers(
    state: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> tuple[Mapping[str, Tensor], dict[str, str], list[str]]:
    """Both without the names of wrapping modules: the state, the network's names, what went."""
    words = "|".join(re.escape(word) for word in WRAPPERS)
    plain = {name: re.sub(rf"(?:^|(?<=\.))(?:{words})", "", name) for name in [*state, *own]}
    if len({plain[n] for n in state}) < len(state) or len({plain[n] for n in own}) < len(own):
        return state, {name: name for name in own}, []
    gone = [w for w in WRAPPERS if any(w in n for n in state) and not any(w in n for n in own)]
    return {plain[n]: t for n, t in state.items()}, {plain[n]: n for n in own}, gone


def tied(own: Mapping[str, Tensor], own_name: Mapping[str, str]) -> list[list[str]]:
    """The network's names without wrappers, those of one tensor together."""
    groups: dict[Any, list[str]] = {}
    for plain, name in own_name.items():
        tensor = own[name]
        place = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride())
        groups.setdefault(place if tensor.data_ptr() else name, []).append(plain)
    return list(groups.values())


def _prefix(
    state: Mapping[str, Tensor], groups: Sequence[Sequence[str]], origin: Path | str
) -> tuple[str | None, tuple[str, ...]]:
    """Under which prefix a file has the whole network, and under which others it has it too."""
    needed = [names for names in groups if not names[0].endswith("num_batches_tracked")]
    if not needed:
        return None, ()
    ends = [(name, s) for name in needed[0] for s in state if s.endswith(name)]
    prefixes = dict.fromkeys(s.removesuffix(name) for name, s in ends)
    found = [
        prefix
        for prefix in prefixes
        if (not prefix or prefix.endswith("."))
        and all(any(f"{prefix}{name}" in state for name in names) for names in needed)
    ]
    among = [p for p in found if not p] or [p for p in found if not AVERAGED.search(p)] or found
    if len(among) > 1:
        raise WeightsError(
            f"{origin} holds the network {len(among)} times, under {listed(among)}; save the one "
            "that is meant in a file of its own"
        )
    chosen = among[0] if among else None
    return chosen, tuple(p for p in found if p != chosen and p.startswith(chosen))


def _is_no_part(name: str, own: Mapping[str, str]) -> bool:
    """Whether a name is of what torchvision or a profiler adds to a network, and this one lacks."""
    if COUNTERS.search(name):
        return True
    head = next((head for head in AUXILIARY if name.startswith(head)), None)
    return head is not None and not any(n.startswith(head) for n in own)


def _without_prefixes(
    state: Mapping[str, Tensor], own: Mapping[str, str]
) -> tuple[Mapping[str, Tensor], list[str]]:
    """Take a prefix off while all names have it and none is a name of the network's."""
    taken: list[str] = []
    while not any(name in own for name in state):
        prefix = next((p for p in PREFIXES if all(name.startswith(p) for name in state)), None)
        if prefix is None:
            break
        taken.append(prefix)
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state, taken
