"""Low-rank adapters: what learns, what stays, and that the saved model is a plain one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from distilscope import store
from distilscope.checking.texts import attempt
from distilscope.data.texts import load
from distilscope.models import sources
from distilscope.models.build import ModelError, build
from distilscope.training import adapters, making, train_texts
from distilscope.training.train_texts import train

from .dying import dies_at, digests, resumed_from
from .making import changed
from .texts_making import SETTINGS, make_texts, model_job

LORA = {"rank": 2, "alpha": 6.0, "dropout": 0.2, "modules": ["q_proj", "down_proj"]}
ADAPTED = changed(SETTINGS, recipe__lora=LORA)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_texts(tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory, dataset):
    folder = tmp_path_factory.mktemp("whole")
    train(model_job(folder, dataset, ADAPTED), folder / "checkpoints")
    return folder


def is_adapted(name):
    return any(name.endswith(f".{module}.weight") for module in LORA["modules"])


def test_the_saved_model_is_a_plain_one_that_differs_where_adapters_were_by_their_rank(
    dataset, whole
):
    found = store.read_tensors(whole / "weights.safetensors")
    first = build(SETTINGS["architecture"], load(dataset).vocabulary, seed=SETTINGS["seed"])
    begun = {name: tensor.numpy() for name, tensor in first.state_dict().items()}
    assert set(found) == set(begun)
    for name, tensor in found.items():
        if not is_adapted(name):
            assert np.array_equal(tensor, begun[name]), name
            continue
        sizes = np.linalg.svd(tensor.astype(np.float64) - begun[name], compute_uv=False)
        assert sizes[1] > 1e-4 and (sizes[2:] < 1e-3 * sizes[1]).all(), name
    assert sources.load(whole, load(dataset).vocabulary) is not None


def test_run_json_counts_the_parameters_that_learnt(dataset, whole):
    facts = store.read_json(whole / "run.json")["facts"]
    found = store.read_tensors(whole / "weights.safetensors")
    rows = [sum(tensor.shape) for name, tensor in found.items() if is_adapted(name)]
    assert facts["trained_parameters"] == LORA["rank"] * sum(rows)
    model = sources.load(whole, load(dataset).vocabulary)
    assert facts["parameters"] == sum(each.numel() for each in model.parameters())


def test_all_parameters_of_another_training_learn_and_none_of_an_untrained_model(tmp_path, dataset):
    for name, settings in (
        ("all", SETTINGS),
        ("none", changed(SETTINGS, recipe=None, objective=None)),
    ):
        train(model_job(tmp_path / name, dataset, settings), tmp_path / "checkpoints")
    facts = [store.read_json(tmp_path / name / "run.json")["facts"] for name in ("all", "none")]
    assert facts[0]["trained_parameters"] == facts[0]["parameters"] == facts[1]["parameters"]
    assert facts[1]["trained_parameters"] == 0


def test_what_is_saved_answers_as_what_was_trained(tmp_path, dataset, monkeypatch):
    texts, seen = load(dataset), {}
    shown = texts.split("test").tokens
    fit = making.fit

    def fitted(learner, task, keeper):
        found = fit(learner, task, keeper)
        with torch.no_grad():
            seen["logits"] = learner.eval().network(shown)
        return found

    monkeypatch.setattr(making, "fit", fitted)
    train(model_job(tmp_path, dataset, ADAPTED), tmp_path / "checkpoints")
    with torch.no_grad():
        saved = sources.load(tmp_path, texts.vocabulary)(shown)
        begun = build(SETTINGS["architecture"], texts.vocabulary, seed=SETTINGS["seed"])(shown)
    torch.testing.assert_close(saved, seen["logits"], rtol=1e-4, atol=1e-5)
    assert (begun - saved).abs().max() > 100 * (saved - seen["logits"]).abs().max()


def test_adapters_change_nothing_at_first_and_begin_elsewhere_with_another_seed(dataset):
    texts, first = load(dataset), []
    shown = texts.split("test").tokens
    for seed in (1, 1, 2):
        model = build(SETTINGS["architecture"], texts.vocabulary).eval()
        with torch.no_grad():
            plain = model(shown)
            adapters.add(model, LORA, seed)
            assert torch.equal(model.eval()(shown), plain)
        own = {n: p for n, p in model.named_parameters() if p.requires_grad}
        first.append(torch.cat([p.flatten() for n, p in sorted(own.items()) if "lora_A" in n]))
        assert all("lora" in name for name in own)
    assert torch.equal(first[0], first[1]) and not torch.equal(first[0], first[2])


def test_a_training_of_adapters_that_died_ends_with_the_same_bits(
    tmp_path, dataset, whole, monkeypatch
):
    job = model_job(tmp_path / "net", dataset, ADAPTED)
    dies_at(monkeypatch, 7, lambda: train(job, tmp_path / "checkpoints"))
    (kept,) = (tmp_path / "checkpoints").glob("*/*.safetensors")
    frozen = store.read_tensors(whole / "weights.safetensors")
    written = store.read_tensors(kept)
    numbers = sum(array.size for name, array in written.items() if name.startswith("model."))
    assert numbers < sum(array.size for array in frozen.values())  # what stays is not written
    train(job, tmp_path / "checkpoints")
    assert resumed_from(job.folder) == "epoch 2, batch 2"
    assert digests(job.folder) == digests(whole)


def test_a_network_with_adapters_passes_the_trial_of_its_study(tmp_path, dataset):
    observation = {"threads": 1, "layers": {"last": "network.model.layers.1"}}
    done = attempt(model_job(tmp_path, dataset, ADAPTED), load(dataset), observation)
    assert "a training step of 8 items in fp32" in done


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("q_porj", "no linear module is called 'q_porj'; did you mean 'q_proj'"),
        ("embed_tokens", "no linear module is called 'embed_tokens'"),
        ("lm_head", r"the weights of network.lm_head are another module's too \(tied\)"),
    ],
)
def test_modules_that_can_not_have_an_adapter_are_refused_though_others_can(
    tmp_path, dataset, module, said
):
    settings = changed(ADAPTED, recipe__lora__modules=["q_proj", module])
    with pytest.raises(ModelError, match=said):
        train_texts.begin(model_job(tmp_path, dataset, settings))
