import logging
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.transforms import functional as pictures

from distilscope import store
from distilscope.data.dataset import load
from distilscope.models import weights
from distilscope.models.build import build
from distilscope.training import images, loop
from distilscope.training.batches import BatchPlan
from distilscope.training.evaluate import evaluate
from distilscope.training.loop import TrainingError
from distilscope.training.objectives import ce
from distilscope.training.targets import tabulate
from distilscope.training.train import train
from distilscope.workflow import progress

from .making import (
    ADAMW,
    CLASSES,
    NETWORK,
    RECIPE,
    changed,
    digest,
    facts_of,
    history_of,
    kd,
    make_dataset,
    model_job,
    targets_job,
    trained,
    weights_of,
)

# ------------------------------------------------------------------------------ what is learnt


def by_hand(dataset, settings):
    """A naive training: one image and one transform at a time, torch's own scheduler."""
    split, recipe = load(dataset).split("train"), settings["recipe"]
    model = build(NETWORK, CLASSES, seed=settings["seed"])
    plan = BatchPlan(split.indices, recipe, settings["seed"])
    kind = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[recipe["optimizer"]["name"]]
    taken = {key: value for key, value in recipe["optimizer"].items() if key != "name"}
    optimiser = kind(model.parameters(), **taken, foreach=False, fused=False)
    total = recipe["epochs"] * plan.steps
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, total)
    losses = []
    for number in range(recipe["epochs"]):
        epoch, seen = plan.epoch(number, torch.device("cpu")), []
        for rows in epoch.batches:
            views = []
            for row in rows.tolist():
                flip, shift = int(epoch.view_ids[row]) % 2, int(epoch.view_ids[row]) // 2
                view = pictures.pad(split.images[row], 1)
                view = pictures.crop(view, shift // 3, shift % 3, 8, 8)
                views.append(((pictures.hflip(view) if flip else view) / 255 - 0.4) / 0.2)
            each = F.cross_entropy(model(torch.stack(views)), split.labels[rows], reduction="none")
            optimiser.zero_grad()
            each.mean().backward()
            optimiser.step()
            scheduler.step()
            seen += each.tolist()
        losses.append(np.mean(seen))
    return model, losses


@pytest.mark.parametrize("optimizer", [RECIPE["optimizer"], ADAMW], ids=["sgd", "adamw"])
def test_training_is_that_of_a_naive_loop(tmp_path, dataset, optimizer):
    settings = changed(recipe__optimizer=optimizer)
    folder = trained(tmp_path, "net", dataset, settings)
    model, losses = by_hand(dataset, settings)
    assert history_of(folder)["loss"].tolist() == pytest.approx(losses, rel=1e-4)
    for name, tensor in model.state_dict().items():
        found = weights_of(folder)[name].reshape(tensor.shape)
        np.testing.assert_allclose(found, tensor.numpy(), rtol=1e-3, atol=1e-4)


def test_the_easy_classes_are_learnt(tmp_path, dataset):
    folder = trained(tmp_path, "net", dataset, changed(recipe__epochs=6))
    assert history_of(folder)["held_out_accuracy"].iloc[-1] >= 0.9
    assert facts_of(folder)["held_out_accuracy"] == history_of(folder)["held_out_accuracy"].iloc[-1]


def test_the_history_has_a_row_an_epoch_and_no_timings(tmp_path, dataset):
    history = history_of(trained(tmp_path, "net", dataset))
    assert list(history.columns) == ["epoch", *loop.HISTORY]
    assert history["epoch"].tolist() == [1, 2, 3]
    last_rates = [0.05 * (1 + math.cos(math.pi * step / 15)) for step in (4, 9, 14)]
    assert history["lr"].tolist() == pytest.approx(last_rates)


def test_the_same_job_gives_the_same_bits(tmp_path, dataset):
    one, two = (trained(tmp_path, name, dataset, identity=name * 12) for name in "ab")
    for file in ("weights.safetensors", "history.parquet"):
        assert digest(one, file) == digest(two, file)
    other = trained(tmp_path, "c", dataset, changed(seed=4))
    assert digest(one) != digest(other)


def test_training_leaves_the_global_generator_alone(tmp_path, dataset):
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    trained(tmp_path, "net", dataset)
    assert torch.equal(torch.rand(2), expected)


def test_bf16_learns_what_fp32_learns(tmp_path, dataset):
    full = history_of(trained(tmp_path, "fp32", dataset))
    half = history_of(trained(tmp_path, "bf16", dataset, changed(precision="bf16")))
    assert half["loss"].tolist() != full["loss"].tolist()
    assert half["loss"].tolist() == pytest.approx(full["loss"].tolist(), rel=0.03, abs=0.01)


def test_evaluation_counts_and_averages_like_a_loop_over_images(dataset):
    loaded = load(dataset)
    split, model = loaded.split("held-out"), build(NETWORK, CLASSES, seed=2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found = evaluate(model, images.batches(split), loaded.normalise, "fp32")
    assert not model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    right, nll = 0, 0.0
    for image, label in zip(split.images, split.labels, strict=True):
        with torch.no_grad():
            logits = model(((image / 255 - 0.4) / 0.2)[None])[0].double().numpy()
        right += int(logits.argmax() == int(label))
        nll += math.log(np.exp(logits).sum()) - logits[int(label)]
    assert found.accuracy == right / len(split)
    assert found.nll == pytest.approx(nll / len(split), rel=1e-5)


def test_without_held_out_images_their_accuracy_is_not_known(tmp_path, caplog):
    folder = make_dataset(tmp_path / "data")
    arrays = store.read_tensors(folder / "images.safetensors")
    arrays["train.held_out"][:] = False
    store.write_tensors(folder / "images.safetensors", arrays)
    with caplog.at_level(logging.INFO, "distilscope"):
        made = trained(tmp_path, "net", folder)
    assert history_of(made)[["held_out_accuracy", "held_out_nll"]].isna().all(axis=None)
    assert facts_of(made)["held_out_accuracy"] is None
    assert "held-out accuracy not known" in caplog.text


# -------------------------------------------------------------------------------- objectives


def test_alpha_0_is_the_control_bit_for_bit(tmp_path, dataset, targets):
    control = trained(tmp_path, "ce", dataset)
    settings = changed(objective=kd(alpha=0.0))
    distilled = trained(tmp_path, "kd", dataset, settings, targets=[str(targets)])
    assert digest(control) == digest(distilled)


def test_all_objectives_of_a_seed_see_the_same_batches(tmp_path, dataset, targets, monkeypatch):
    seen = {"ce": [], "kd": []}
    render = loop.BatchPlan.epoch

    def spied(self, number, device):
        plan = render(self, number, device)
        seen[running].append((torch.cat(plan.batches), plan.view_ids))
        return plan

    monkeypatch.setattr(loop.BatchPlan, "epoch", spied)
    running = "ce"
    trained(tmp_path, "ce", dataset)
    running = "kd"
    distilled = trained(tmp_path, "kd", dataset, changed(objective=kd()), targets=[str(targets)])
    assert digest(distilled) != digest(tmp_path / "ce")
    assert len(seen["ce"]) == 3
    for one, other in zip(seen["ce"], seen["kd"], strict=True):
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


def test_table_and_online_teacher_train_alike(tmp_path, dataset, teacher, targets):
    settings = changed(objective=kd())
    stored = trained(tmp_path, "table", dataset, settings, targets=[str(targets)])
    online = trained(tmp_path, "online", dataset, settings, teachers=[str(teacher)])
    one, other = history_of(stored)["loss"], history_of(online)["loss"]
    assert one.tolist() == pytest.approx(other.tolist(), rel=1e-3)


@pytest.fixture(scope="module")
def second(tmp_path_factory, dataset):
    """Another teacher, and its table."""
    folder, table = (tmp_path_factory.mktemp(name) for name in ("second", "table"))
    settings = changed(seed=12, architecture__settings__widths=[8, 12])
    train(model_job(folder, dataset, settings), folder / "checkpoints")
    tabulate(targets_job(table, dataset, folder))
    return folder, table


@pytest.mark.parametrize("how", ["losses", "logits", "probabilities"])
def test_a_committee_of_tables_and_one_that_is_asked_train_alike(
    tmp_path, dataset, teacher, targets, second, how
):
    settings = changed(objective=kd(combine=how))
    tables, models = [str(targets), str(second[1])], [str(teacher), str(second[0])]
    stored = trained(tmp_path, "tables", dataset, settings, targets=tables)
    online = trained(tmp_path, "online", dataset, settings, teachers=models)
    one, other = history_of(stored)["loss"], history_of(online)["loss"]
    assert one.tolist() == pytest.approx(other.tolist(), rel=1e-3)
    alone = trained(tmp_path, "alone", dataset, changed(objective=kd()), targets=tables[:1])
    assert one.tolist() != pytest.approx(history_of(alone)["loss"].tolist(), rel=1e-3)


def test_a_committee_of_one_teacher_twice_trains_as_that_teacher(tmp_path, dataset, targets):
    alone = trained(tmp_path, "alone", dataset, changed(objective=kd()), targets=str(targets))
    twice = trained(
        tmp_path,
        "twice",
        dataset,
        changed(objective=kd(combine="logits")),
        targets=[str(targets)] * 2,
    )
    assert digest(alone) == digest(twice)


def test_the_soft_term_pulls_towards_the_teacher(tmp_path, dataset, teacher, targets):
    settings = changed(recipe__epochs=8)
    control = trained(tmp_path, "ce", dataset, settings)
    distilled = trained(
        tmp_path, "kd", dataset, changed(settings, objective=kd(alpha=1.0)), targets=[str(targets)]
    )
    loaded = load(dataset)
    inputs = loaded.normalise(loaded.split("train").images)
    with torch.no_grad():
        expected = weights.load_model(teacher, CLASSES)(inputs).softmax(dim=1)
        apart = [
            (weights.load_model(folder, CLASSES)(inputs).softmax(dim=1) - expected).abs().mean()
            for folder in (control, distilled)
        ]
    assert apart[1] < 0.7 * apart[0]


# -------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_diverging_run_says_which_model_which_epoch_and_what_to_change(
    tmp_path, dataset, precision
):
    settings = changed(recipe__optimizer__lr=1e30, precision=precision)
    with pytest.raises(TrainingError) as failed:
        trained(tmp_path, "net", dataset, settings)
    said = str(failed.value)
    assert said.startswith("net: the loss became ")
    assert "in epoch 1 of 3; lower the recipe's `optimizer.lr` (now 1e+30)" in said
    assert ("precision: fp32" in said) == (precision == "bf16")
    assert not (tmp_path / "net" / "run.json").exists()
    assert not (tmp_path / "net" / "weights.safetensors").exists()


def test_a_loss_that_is_not_finite_is_noticed_within_an_epoch(tmp_path, dataset, monkeypatch):
    calls = []

    def spoilt(logits, labels, teachers):
        calls.append(len(labels))
        return ce.loss(logits, labels) * (math.nan if len(calls) == 2 else 1)

    monkeypatch.setattr(loop, "CHECK_EVERY", 4)
    monkeypatch.setattr("distilscope.training.train.loss_of", lambda objective, prepared: spoilt)
    with pytest.raises(TrainingError, match="the loss became nan in epoch 1 of 3"):
        trained(tmp_path, "net", dataset)
    assert len(calls) == 4


def test_held_out_outputs_that_are_not_finite_fail_the_job(tmp_path, dataset, monkeypatch):
    monkeypatch.setattr(loop, "evaluate", lambda *arguments: loop_evaluation(math.nan))
    with pytest.raises(TrainingError, match="the held-out NLL became nan in epoch 1 of 3"):
        trained(tmp_path, "net", dataset)


def loop_evaluation(nll):
    from distilscope.training.evaluate import Evaluation

    return Evaluation(0.5, nll)


def test_an_unknown_precision_is_refused(tmp_path, dataset):
    with pytest.raises(ValueError, match="precision is 'fp16'; accepted are 'fp32' and 'bf16'"):
        trained(tmp_path, "net", dataset, changed(precision="fp16"))


# ---------------------------------------------------------------------------------- progress


def test_a_line_an_epoch_tells_how_it_goes(tmp_path, dataset, caplog):
    with caplog.at_level(logging.INFO, "distilscope"):
        trained(tmp_path, "net", dataset)
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(",")[0] for line in lines] == [f"net: epoch {i}/3" for i in (1, 2, 3)]
    for part in ("loss 0.", "held-out accuracy ", " images/s, ", " left"):
        assert all(part in line for line in lines)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7620, "2 h 07 min")],
)
def test_durations_are_readable(seconds, text):
    assert progress.duration(seconds) == text


class WithDropout(nn.Module):
    def __init__(self, classes, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, 6, 3)
        self.bn = nn.BatchNorm2d(6)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(6, classes)

    def forward(self, images):
        return self.head(self.drop(self.bn(self.conv(images)).relu().mean(dim=(2, 3))))


def test_dropout_draws_are_a_function_of_the_seed(tmp_path, dataset):
    settings = changed(architecture={"builder": f"{__name__}:WithDropout"}, recipe=RECIPE)
    torch.manual_seed(0)
    one = trained(tmp_path, "one", dataset, settings, identity="1" * 12)
    torch.manual_seed(99)
    two = trained(tmp_path, "two", dataset, settings, identity="2" * 12)
    assert digest(one) == digest(two)
