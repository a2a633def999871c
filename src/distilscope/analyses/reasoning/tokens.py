"""What two models say at each token of the gold texts, and how far apart that is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import special

from distilscope import store

PIECE = 2**22
"""Logits of a piece, about: 32 MB in float64."""


@dataclass(frozen=True, eq=False)
class TokenLogits:
    """The logits of a model, stored as they are or as what its head makes them of.

    Attributes:
        index: (P,) of the item. position: (P,) in its text.
        kept: (P, V) logits, or (P, H) hidden states where there is a `head`.
        head: (V, H) or None. bias: (V,) or None.
    """

    index: np.ndarray
    position: np.ndarray
    kept: np.ndarray
    head: np.ndarray | None = None
    bias: np.ndarray | None = None

    @classmethod
    def read(cls, path: Path) -> TokenLogits:
        """As `observing.texts` writes them.

        Raises:
            DamagedFile: the file is missing or altered.
        """
        found = store.read_tensors(path)
        head = found["head"].astype(np.float32) if "head" in found else None
        kept = found["logits" if head is None else "states"]
        return cls(found["index"], found["position"], kept, head, found.get("bias"))

    @property
    def vocabulary(self) -> int:
        """V."""
        return self.kept.shape[1] if self.head is None else len(self.head)

    def piece(self, rows: slice) -> np.ndarray:
        """The logits (p, V) of some tokens."""
        if self.head is None:
            return self.kept[rows]
        made = self.kept[rows].astype(np.float32) @ self.head.T
        return made if self.bias is None else made + self.bias


def divergence(own: TokenLogits, other: TokenLogits) -> np.ndarray:
    """(P,) KL(other || own) over the vocabulary at each token, in nats, a piece at a time."""
    size, tokens = max(1, PIECE // own.vocabulary), len(own.index)
    parts = [slice(first, first + size) for first in range(0, tokens, size)]
    return np.concatenate([kl(own.piece(rows), other.piece(rows)) for rows in parts])


def kl(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """KL(other || own) by row of logits (N, C), in nats; a logit of -inf is a class that is not."""
    p, q = (special.log_softmax(np.asarray(each, np.float64), axis=1) for each in (other, own))
    there = np.isfinite(p)
    apart = np.where(there, p, 0.0) - np.where(there, q, 0.0)
    return np.maximum((np.exp(p) * apart).sum(axis=1), 0.0)
