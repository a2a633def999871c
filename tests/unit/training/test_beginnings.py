"""Where weights begin: as built, of a file, of a network of another size."""

import numpy as np
import pytest
import torch

from distilscope import store
from distilscope.models import weights
from distilscope.models.build import build
from distilscope.training import loop
from distilscope.training.train import train

from .making import (
    CLASSES,
    NETWORK,
    SETTINGS,
    changed,
    facts_of,
    history_of,
    model_job,
    trained,
    weights_of,
)


def test_an_untrained_model_is_as_it_was_built(tmp_path, dataset):
    settings = {key: SETTINGS[key] for key in ("kind", "architecture", "init", "seed")}
    folder = trained(tmp_path, "floor", dataset, {**settings, "recipe": None, "objective": None})
    for name, tensor in build(NETWORK, CLASSES, seed=3).state_dict().items():
        assert np.array_equal(weights_of(folder)[name].reshape(tensor.shape), tensor.numpy())
    assert len(history_of(folder)) == 0
    assert list(history_of(folder).columns) == ["epoch", *loop.HISTORY]
    facts = facts_of(folder)
    assert facts["parameters"] == sum(p.numel() for p in build(NETWORK, CLASSES).parameters())
    assert 0 <= facts["held_out_accuracy"] <= 1


def given_job(tmp_path, dataset, file, digest):
    settings = {"kind": "given", "architecture": NETWORK, "weights": digest, "preprocessing": None}
    return model_job(tmp_path / "given", dataset, settings, information={"weights_file": str(file)})


def test_a_given_model_is_checked_and_saved_as_it_is(tmp_path, dataset):
    file, model = tmp_path / "mine.pt", build(NETWORK, CLASSES, seed=9)
    torch.save({"state_dict": model.state_dict()}, file)
    train(given_job(tmp_path, dataset, file, store.digest_file(file)), tmp_path / "checkpoints")
    for name, tensor in model.state_dict().items():
        found = weights_of(tmp_path / "given")[name]
        assert np.array_equal(found.reshape(tensor.shape), tensor.numpy())
    assert facts_of(tmp_path / "given")["unwrapped"] == ["state_dict"]


def test_what_of_a_file_was_taken_and_left_is_in_the_log_and_in_run_json(tmp_path, dataset, caplog):
    file, model = tmp_path / "mine.pt", build(NETWORK, CLASSES, seed=9)
    other = build(NETWORK, CLASSES, seed=8).state_dict()
    torch.save({"model": model.state_dict(), "model_ema": other}, file)
    with caplog.at_level("INFO", "distilscope"):
        train(given_job(tmp_path, dataset, file, store.digest_file(file)), tmp_path / "checkpoints")
    facts = facts_of(tmp_path / "given")
    assert (facts["unwrapped"], facts["left_out"]) == (["model"], ["model_ema"])
    assert "weights were found under model" in caplog.text
    assert "was not taken: model_ema" in caplog.text


@pytest.mark.parametrize("turned", [0, 1])
def test_a_given_model_whose_classes_are_in_another_order_is_doubted(
    tmp_path, dataset, caplog, turned
):
    model = weights.load_model(trained(tmp_path, "own", dataset), CLASSES)
    for tensor in (model.head.weight, model.head.bias):
        tensor.data = tensor.data.roll(turned, 0)
    file = tmp_path / "mine.pt"
    torch.save(model.state_dict(), file)
    train(given_job(tmp_path, dataset, file, store.digest_file(file)), tmp_path / "checkpoints")
    notes = facts_of(tmp_path / "given")["notes"]
    assert [("other" in note, note in caplog.text) for note in notes] == [(True, True)] * turned


def test_a_file_that_changed_since_the_plan_is_refused(tmp_path, dataset):
    file = tmp_path / "mine.pt"
    torch.save(build(NETWORK, CLASSES).state_dict(), file)
    with pytest.raises(weights.WeightsError, match=r"mine\.pt has changed since the plan was made"):
        train(given_job(tmp_path, dataset, file, "0" * 64), tmp_path / "checkpoints")
    assert not (tmp_path / "given" / "run.json").exists()


def test_fine_tuning_from_an_imagenet_file_names_what_it_replaced(tmp_path, dataset):
    def resnet(stem):
        settings = {"depth": 18, "width": 4, "stem": stem}
        return {"builder": "distilscope.models.resnet:build", "settings": settings}

    file = tmp_path / "imagenet.pt"
    torch.save(build(resnet("imagenet"), 1000, seed=1).state_dict(), file)
    settings = changed(
        architecture=resnet("small"),
        init={"from": "file", "digest": store.digest_file(file)},
        recipe__epochs=1,
        recipe__optimizer__lr=1e-9,
    )
    folder = trained(tmp_path, "net", dataset, settings, information={"init_file": str(file)})
    assert facts_of(folder)["replaced"] == ["conv1.weight", "fc.weight", "fc.bias"]
    kept = torch.load(file)["layer3.0.conv1.weight"].numpy()
    np.testing.assert_allclose(weights_of(folder)["layer3.0.conv1.weight"], kept, atol=1e-6)
