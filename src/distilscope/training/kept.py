"""Tables of a teacher read back, as what a loss takes; `keeping` makes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from distilscope import store
from distilscope.training.keeping import HEAD_FILE
from distilscope.training.rows import Kept, Projected
from distilscope.training.runtime import autocast
from distilscope.training.signals import SignalError
from distilscope.training.texts import Items

Rows = Callable[[np.ndarray], Tensor | Projected | Kept]
"""Rows of a table int64 (p,) -> what the teacher says there, on the student's device."""


def read_logits(folder: Path, items: Items, precision: str) -> Rows:
    """See `keeping.Logits`; arguments and errors as `opened`."""
    logits = opened(folder, "logits.npy", np.float16, items)
    return lambda rows: torch.from_numpy(logits[rows]).to(items.device)


def read_hidden(folder: Path, items: Items, precision: str) -> Rows:
    """See `keeping.Hidden`; its logits are rounded to fp16, as those of all teachers are."""
    states = opened(folder, "states.npy", np.float16, items)
    head = read_head(folder / HEAD_FILE).to(items.device)

    def of(rows: np.ndarray) -> Projected:
        own = torch.from_numpy(states[rows]).to(items.device).float()
        with autocast(precision, items.device):
            return Projected.of(own, head, head.out_features).half()

    return of


def read_head(path: Path) -> nn.Linear:
    """A head that `keeping.Hidden` wrote, which learns nothing.

    Raises:
        DamagedFile: the file is missing or altered.
    """
    tensors = {name: torch.from_numpy(each) for name, each in store.read_tensors(path).items()}
    vocabulary, width = tensors["weight"].shape
    head = nn.Linear(width, vocabulary, bias="bias" in tensors, device="meta")
    head.load_state_dict(tensors, assign=True)
    return head.requires_grad_(False)


def read_top_k(folder: Path, items: Items, precision: str) -> Rows:
    """See `keeping.TopK`."""
    logits = opened(folder, "logits.npy", np.float16, items)
    tokens = opened(folder, "tokens.npy", np.int32, items)
    if not np.array_equal(tokens[:, 0], items.whole.labels.cpu().numpy()):
        raise SignalError(f"{folder} holds other gold tokens than are learnt: rebuild it")

    def of(rows: np.ndarray) -> Kept:
        chosen = torch.from_numpy(tokens[rows].astype(np.int64))
        return Kept(chosen.to(items.device), torch.from_numpy(logits[rows]).to(items.device))

    return of


def opened(folder: Path, name: str, kind: type, items: Items) -> np.ndarray:
    """An array of a table, mapped into memory.

    Args:
        folder: of the table. name: of the file.
        kind: what its numbers are.
        items: those that are learnt from.

    Raises:
        SignalError: it has another type, or not a row for each token that is learnt.
        DamagedFile: it is missing or altered.
    """
    found, tokens = store.open_array(folder / name), int(items.whole.counts.sum())
    if found.dtype != kind or found.ndim != 2 or len(found) != tokens:
        raise SignalError(
            f"{folder / name} has {found.dtype} {found.shape}, expected {kind.__name__} "
            f"({tokens}, ...)"
        )
    return found


READ: dict[str, Callable[[Path, Items, str], Rows]] = {
    "table": read_logits,
    "hidden": read_hidden,
    "top-k": read_top_k,
}
"""Word in a recipe (`targets`) -> what reads such a table; see `keeping.WAYS`."""
