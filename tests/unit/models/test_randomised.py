"""Random weights in some modules of a trained network, on nets that are checked by hand."""

import pytest
import torch
from torch import nn

from distilscope import store
from distilscope.models import randomised, weights
from distilscope.models.build import ModelError, build
from distilscope.planning.job import Job

TINY = {"builder": "distilscope.models.plain:build", "settings": {"widths": [4, 8], "pools": [1]}}


def _net(value):
    """Two blocks with all their numbers at `value`, running statistics too."""
    net = nn.Sequential()
    net.add_module("body", nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)))
    net.add_module("act", nn.ReLU())
    net.add_module("fc", nn.Linear(2, 4))
    for tensor in net.state_dict().values():
        tensor.fill_(value)
    return net


def test_only_the_named_modules_take_the_fresh_weights_with_their_statistics():
    net = _net(1)
    assert randomised.randomise(net, _net(5), ["body.1"]) == 4 * 2 + 1
    state = net.state_dict()
    for name, tensor in state.items():
        assert (tensor == (5 if name.startswith("body.1.") else 1)).all(), name


def test_a_module_within_another_counts_once():
    net = _net(1)
    everything = 3 * 2 + 2 + 4 * 2 + 1
    assert randomised.randomise(net, _net(5), ["body", "body.0"]) == everything
    assert (net.body[0].weight == 5).all() and (net.fc.weight == 1).all()


def test_a_name_that_begins_alike_is_another_module():
    net, fresh = (nn.ModuleDict({"a": nn.Linear(1, 1), "ab": nn.Linear(1, 1)}) for _ in range(2))
    before = net["ab"].weight.clone()
    randomised.randomise(net, fresh, ["a"])
    assert torch.equal(net["a"].weight, fresh["a"].weight)
    assert torch.equal(net["ab"].weight, before)


def test_modules_that_there_are_not_or_that_hold_nothing_are_refused():
    with pytest.raises(ModelError, match=r"'bdy'.*'body'"):
        randomised.randomise(_net(1), _net(5), ["bdy"])
    with pytest.raises(ModelError, match=r"'act' has no weights"):
        randomised.randomise(_net(1), _net(5), ["act"])


@pytest.fixture
def job(tmp_path):
    store.write_json(tmp_path / "dataset" / "manifest.json", {"classes": list("abc")})
    original = build(TINY, 3, seed=7)
    with torch.no_grad():
        for tensor in original.state_dict().values():
            tensor.add_(1)  # as if it had been trained
    weights.save(original, tmp_path / "original" / "weights.safetensors")
    settings = {"architecture": TINY, "randomised": {"modules": ["head"], "seed": 3}}
    inputs = {name: str(tmp_path / name) for name in ("dataset", "original")}
    return Job("derived", "x", "0" * 12, settings, inputs, tmp_path / "out")


def test_the_job_writes_the_original_with_the_seeds_first_weights_in_the_modules(job, tmp_path):
    randomised.make(job)
    found = store.read_tensors(job.folder / "weights.safetensors")
    trained = store.read_tensors(tmp_path / "original" / "weights.safetensors")
    first = build(TINY, 3, seed=3).state_dict()
    assert found.keys() == trained.keys()
    for name, values in found.items():
        expected = first[name].numpy() if name.startswith("head.") else trained[name]
        assert (values == expected).all(), name
    facts = store.read_json(job.folder / "run.json")["facts"]
    assert facts["randomised_numbers"] == 8 * 3 + 3


def test_the_same_job_gives_the_same_bytes(job):
    randomised.make(job)
    first = (job.folder / "weights.safetensors").read_bytes()
    randomised.make(job)
    assert (job.folder / "weights.safetensors").read_bytes() == first
