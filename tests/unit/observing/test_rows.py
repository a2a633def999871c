"""Results that come batch by batch: nothing is lost, and they don't lie between activations."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch

from distilscope.observing import forward, maptable, rows
from distilscope.observing.forward import Batch, passing
from distilscope.observing.request import Request
from distilscope.observing.rows import Rows

from .making import PLAIN, PLAIN_LAYERS, SIZE, lively


@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
@pytest.mark.parametrize("sizes", [(5,), (1, 2, 3, 4, 5, 6), (40, 1, 90), (0, 3, 0)])
def test_rows_come_back_as_they_were_added(monkeypatch, shape, sizes):
    monkeypatch.setattr(rows, "FIRST_BYTES", 16)
    random = np.random.default_rng(0)
    added = [random.normal(size=(size, *shape)).astype(np.float32) for size in sizes]
    found = Rows(shape, np.float32)
    for each in added:
        found.add(each)
        each[:] = np.nan  # they are copied
    random = np.random.default_rng(0)
    again = [random.normal(size=(size, *shape)).astype(np.float32) for size in sizes]
    assert np.array_equal(found.all(), np.concatenate(again)) and found.all().dtype == np.float32


def test_without_any_rows_there_is_an_array_of_none():
    assert Rows((4, 4), np.float32).all().shape == (0, 4, 4)


def kept(batches: int, size: int = 4) -> int:
    """How many blocks of memory a pass holds behind so many batches."""
    request = Request(
        architecture={},
        layers=PLAIN_LAYERS,
        explained=("block3", "block2"),
        head=None,
        preprocessing=None,
        probes=(),
        methods=("gradcam",),
        subset_images=1,
        subset_seed=0,
        ig_steps=1,
        ig_maximum_steps=1,
        gram_batch=size,
        reductions=("gap", "flatten"),
        threads=1,
    )
    images = torch.randn(size, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    nobody = np.empty((size, 0), np.int64)
    model = lively(PLAIN, seed=1)
    with passing(model, ("features", "saliency"), request, "the model", "images") as one:
        tracemalloc.start()
        for number in range(batches):
            batch = Batch(number * size + np.arange(size), np.zeros(size, np.int64), nobody)
            one.take(images, batch)
        found = tracemalloc.take_snapshot()
        tracemalloc.stop()
    assert one.in_index_order().logits.shape == (batches * size, 4)
    inside = [tracemalloc.Filter(True, each.__file__) for each in (forward, maptable, rows)]
    return sum(statistic.count for statistic in found.filter_traces(inside).statistics("filename"))


def test_what_a_pass_keeps_lies_in_as_many_blocks_whatever_the_number_of_batches():
    """Each block of its own between two batches keeps the place of an activation from being one."""
    few = kept(5)
    assert few > 0 and kept(25) <= few + 5
