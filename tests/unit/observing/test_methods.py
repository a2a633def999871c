"""Methods of another package in the pass over a probe."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import torch

from distilscope import catalog, store
from distilscope.observing.methods.declaration import Method
from distilscope.observing.observe import observe


@pytest.fixture
def added(monkeypatch):
    """Make a method known whose module has these functions."""

    def add(name, at, settings=(), **functions):
        module = types.ModuleType("their_method")
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, "their_method", module)
        method = Method("their_method", at, whole_probe=True, settings=settings)
        monkeypatch.setitem(catalog.METHODS, name, method)

    return add


def test_a_method_at_the_input_is_given_the_settings_that_it_declares(added, make_job):
    given = []

    def attribute(model, inputs, classes, baseline, **settings):
        given.append(settings)
        assert not model(baseline).requires_grad
        return {"map": (classes[:, None, None] * torch.ones(inputs.shape[2:])).numpy()}

    added("class-number", "input", settings=("ig_steps",), attribute=attribute)
    job = make_job(methods=["class-number"], ig_steps=7)
    observe(job)
    table = store.read_table(job.folder / "test" / "saliency.class-number.parquet")
    assert {tuple(settings.items()) for settings in given} == {(("ig_steps", 7),)}
    assert len(table) == 30
    assert [set(values) for values in table["map"]] == [{float(c)} for c in table["class"]]


def test_methods_at_layers_share_a_pass_whether_or_not_they_have_a_closed_form(added, make_job):
    """One that is GradCAM's formula by the gradient gives GradCAM's maps, at each layer."""

    def from_gradient(activations, gradients):
        return (activations * gradients.mean(dim=(2, 3), keepdim=True)).sum(dim=1)

    added("by-gradient", "layers", from_gradient=from_gradient)
    job = make_job(methods=["gradcam", "by-gradient"])
    observe(job)
    ours, theirs = (
        store.read_table(job.folder / "test" / f"saliency.{name}.parquet")
        for name in ("gradcam", "by-gradient")
    )
    key = ["index", "layer", "class"]
    both = ours.merge(theirs, on=key, suffixes=("", "_theirs"))
    assert len(both) == len(ours) == len(theirs) and set(both["layer"]) == {"block2", "block3"}
    for _, row in both.iterrows():
        np.testing.assert_allclose(row["map"], row["map_theirs"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"at": "logits"}, "`at` is 'logits', expected layers or input"),
        (
            {"at": "layers", "evidence": "negative"},
            "`evidence` is 'negative', expected positive or absolute",
        ),
    ],
)
def test_a_method_that_no_pass_can_run_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Method("their_method", whole_probe=True, **wrong)
