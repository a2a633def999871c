"""Arithmetic of numbers some of which are undefined: NaN, without a warning."""

from __future__ import annotations

import numpy as np


def quotient(top: np.ndarray, bottom: np.ndarray, usable: np.ndarray | None = None) -> np.ndarray:
    """top / bottom, element by element; NaN where `bottom` is not above 0, or not `usable`.

    >>> quotient(np.array([1, 2]), np.array([4, 0]))
    array([0.25,  nan])
    """
    top, bottom = np.asarray(top), np.asarray(bottom)
    shape = np.broadcast_shapes(top.shape, bottom.shape)
    found = np.full(shape, np.nan, np.result_type(top, bottom, np.float16))
    return np.divide(top, bottom, out=found, where=bottom > 0 if usable is None else usable)


def mean(values: np.ndarray, usable: np.ndarray | None = None) -> np.ndarray:
    """Mean of each column over the rows that are not NaN, or `usable`; NaN where there is none.

    >>> mean(np.array([[1.0, np.nan], [2.0, np.nan]]))
    array([1.5, nan])
    """
    usable = ~np.isnan(values) if usable is None else usable
    return quotient(np.where(usable, values, 0.0).sum(axis=0), usable.sum(axis=0))
