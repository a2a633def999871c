"""Pooled features and their centred Grams over a partition that all models share.

Linear CKA of two models needs only their Gram matrices over the same images (Nguyen, Raghu &
Kornblith 2021, arXiv 2010.15327, sum HSIC over minibatches). Grams of one fixed partition are
stored once a model, and CKA of any pair needs no second pass. The batch's mean is taken away
before the product: the value does not change in theory, and on features after a ReLU the
products otherwise cancel catastrophically.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

PARTITION_SEED = 20_240_229


def partition(images: int, batch: int) -> list[np.ndarray]:
    """Positions 0..images-1, shuffled once by `PARTITION_SEED`, in batches of `batch`.

    It depends on nothing but the two numbers: all models of a probe share it. The last batch is
    short where `batch` does not divide `images`.
    """
    order = np.random.default_rng(PARTITION_SEED).permutation(images)
    return [order[start : start + batch] for start in range(0, images, batch)]


def gap(output: Tensor) -> Tensor:
    """Global average pooling: (N, C, H, W) -> (N, C); (N, C) stays as it is.

    Raises:
        ValueError: another number of dimensions.
    """
    if output.ndim == 4:
        return output.mean(dim=(2, 3))
    if output.ndim == 2:
        return output
    raise ValueError(
        f"features of shape {tuple(output.shape)} can't be pooled; "
        "accepted are (images, channels, height, width) and (images, channels)"
    )


def centred_gram(features: Tensor) -> Tensor:
    """X Xᵀ of the features (N, ...) flattened to (N, p), minus their mean over N.

    The mean is found and taken away in float64. Once it is gone nothing is left to cancel, and
    the product is of the features' own type: (N, N) float32 comes back, as it is stored.
    """
    rows = features.flatten(start_dim=1)
    rows = (rows - rows.mean(dim=0, dtype=torch.float64)).to(rows.dtype)
    return (rows @ rows.T).to(torch.float32)


def of_features(features: np.ndarray, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """The positions (batches, b) of the whole batches of the partition, and the Grams of pooled
    features (N, C) over them, (batches, b, b) float32.
    """
    whole = [rows for rows in partition(len(features), batch) if len(rows) == batch]
    positions = np.array(whole, np.int64).reshape(-1, batch)
    found = [centred_gram(torch.from_numpy(features[rows])).numpy() for rows in positions]
    return positions, np.array(found, np.float32).reshape(-1, batch, batch)
