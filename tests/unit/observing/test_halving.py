"""Batches that do not fit in memory: halved, said, and of the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from distilscope import store
from distilscope.models import sources
from distilscope.models.halving import Halving, of_memory
from distilscope.observing.observe import observe

ROOM = 3


@pytest.fixture
def little_memory(monkeypatch):
    """From when it is called on, models take no more than `ROOM` images."""
    load = sources.load

    def refuse(module, inputs):
        if len(inputs[0]) > ROOM:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried too much")

    def loaded(*arguments):
        model = load(*arguments)
        model.register_forward_pre_hook(refuse)
        return model

    return lambda: monkeypatch.setattr(sources, "load", loaded)


def test_an_observation_in_halves_is_that_of_whole_batches(make_job, little_memory):
    methods = ["gradcam", "saliency"]
    whole, halved = make_job("whole", methods=methods), make_job("halved", methods=methods)
    observe(whole)
    little_memory()
    observe(halved)
    for name in (*(f"saliency.{method}" for method in methods), "logits"):
        expected, found = (
            store.read_table(job.folder / "test" / f"{name}.parquet") for job in (whole, halved)
        )
        for column in expected:
            one, other = (np.stack(table[column].to_numpy()) for table in (expected, found))
            if one.dtype.kind == "f":
                np.testing.assert_allclose(other, one, atol=1e-4)
            else:
                assert (one == other).all()
    for name in ("grams", "features"):
        one, other = (
            store.read_tensors(job.folder / "test" / f"{name}.safetensors")
            for job in (whole, halved)
        )
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_allclose(other[key], one[key], atol=1e-3)
    facts = store.read_json(halved.folder / "run.json")["facts"]
    assert any("did not fit in memory: the model took" in note for note in facts["notes"])
    assert "notes" not in store.read_json(whole.folder / "run.json")["facts"]


def test_parts_come_in_order_and_their_size_is_remembered():
    halving, tried = Halving("model"), []

    def take(rows):
        tried.append(rows.stop - rows.start)
        if rows.stop - rows.start > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return list(range(10))[rows]

    assert [n for part in halving.run(10, take) for n in part] == list(range(10))
    assert halving.most == 2 and tried[:3] == [10, 5, 2]
    tried.clear()
    halving.run(10, take)
    assert max(tried) == 2


def test_one_image_that_does_not_fit_and_other_errors_are_told():
    def take(rows):
        raise MemoryError

    with pytest.raises(MemoryError, match="one image alone does not fit in memory in the model"):
        Halving("model").run(4, take)
    assert not of_memory(RuntimeError("shapes cannot be multiplied"))
