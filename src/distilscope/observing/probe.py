"""The inputs that a model is observed on, in the order of their dataset indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from distilscope import store
from distilscope.data.dataset import Dataset


@dataclass(frozen=True)
class Probe:
    """Examples of one split, by position in index order.

    Attributes:
        name: the folder of its observations.
        indices: (N,) int64, dataset indices, ascending.
        labels: (N,) int64.
        references: (N, R) int64, the prediction of each reference.
        unit: what its examples are called, in the plural.
    """

    name: str
    indices: np.ndarray
    labels: np.ndarray
    references: np.ndarray
    unit: str
    _examples: Tensor
    _rows: Tensor

    def __len__(self) -> int:
        return len(self.indices)

    def examples(self, positions: np.ndarray) -> Tensor:
        """The examples at positions of the index order: images are uint8 (B, C, H, W)."""
        wanted = torch.from_numpy(np.asarray(positions, dtype=np.int64)).to(self._rows.device)
        return self._examples[self._rows[wanted]]


def open_probe(dataset: Dataset, name: str, split: str, references: Sequence[Path]) -> Probe:
    """The probe of a split, with what the references predict for its examples.

    Args:
        references: observation folders of the references.

    Raises:
        ValueError: the split is empty, or a reference was observed on others.
    """
    part = dataset.split(split)
    indices = part.indices.cpu().numpy().astype(np.int64)
    if not len(indices):
        raise ValueError(
            f"probe {name!r}: the split {split!r} of the dataset has no {dataset.unit}"
        )
    order = np.argsort(indices, kind="stable")
    indices = indices[order]
    predictions = [predictions_of(folder, name, indices, dataset.unit) for folder in references]
    return Probe(
        name=name,
        indices=indices,
        labels=part.labels.cpu().numpy().astype(np.int64)[order],
        references=np.column_stack(predictions) if predictions else _none(len(indices)),
        unit=dataset.unit,
        _examples=part.examples,
        _rows=torch.from_numpy(order).to(part.examples.device),
    )


def predictions_of(observation: Path, probe: str, indices: np.ndarray, unit: str) -> np.ndarray:
    """Top-1 classes (N,) that an observed model gives the examples with these indices.

    Raises:
        ValueError: one is missing from the observation.
    """
    path = Path(observation) / probe / "logits.parquet"
    table = store.read_table(path, columns=["index", "logits"])
    known = table["index"].to_numpy()
    places = np.searchsorted(known, indices).clip(max=len(known) - 1)
    missing = indices[known[places] != indices]
    if len(missing):
        raise ValueError(
            f"{path}: {len(missing)} of {len(indices)} {unit} of probe {probe!r} are missing, "
            f"the first is index {missing[0]}; a reference must be observed on the same probe"
        )
    logits = np.stack(table["logits"].to_numpy()[places])
    return logits.argmax(axis=1).astype(np.int64)


def _none(rows: int) -> np.ndarray:
    return np.empty((rows, 0), dtype=np.int64)
