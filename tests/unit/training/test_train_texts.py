"""Trainings of language models: what they share across objectives, and what they are resumed to."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from distilscope import catalog, store
from distilscope.data.texts import load
from distilscope.models import sources
from distilscope.observing import answers
from distilscope.planning.job import Job
from distilscope.training.generations import generate, in_place_of
from distilscope.training.signals import SignalError
from distilscope.training.text_targets import TokenTable, keys, tabulate
from distilscope.training.texts import AtTargets, Items, online_teacher
from distilscope.training.train_texts import model_of, train

from .dying import dies_at, digests, resumed_from
from .making import changed, digest
from .texts_making import SETTINGS, make_teacher, make_texts, model_job, targets_job


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_texts(tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory, dataset):
    return make_teacher(tmp_path_factory.mktemp("teacher"), dataset)


@pytest.fixture(scope="module")
def targets(tmp_path_factory, dataset, teacher):
    folder = tmp_path_factory.mktemp("targets")
    tabulate(targets_job(folder, dataset, teacher))
    return folder


@pytest.fixture(scope="module")
def control(tmp_path_factory, dataset):
    folder = tmp_path_factory.mktemp("control")
    train(model_job(folder, dataset), folder / "checkpoints")
    return folder


def learnt(objective, **parameters):
    settings = catalog.OBJECTIVES[objective].settings(parameters)
    return changed(SETTINGS, objective=settings)


DISTILLED = {
    "kd": {"T": 1.0},
    "reverse-kl": {"T": 1.0},
    "jsd": {"beta": 0.5, "T": 1.0},
}


@pytest.mark.parametrize("objective", DISTILLED)
def test_without_its_soft_part_a_student_is_its_control_bit_for_bit(
    tmp_path, dataset, targets, control, objective
):
    """The same initial weights and the same batches, whatever is learnt."""
    settings = learnt(objective, **DISTILLED[objective], alpha=0.0)
    train(model_job(tmp_path, dataset, settings, targets=[str(targets)]), tmp_path / "checkpoints")
    assert digest(tmp_path) == digest(control)


@pytest.mark.parametrize("objective", DISTILLED)
def test_a_distilled_student_is_another_than_its_control_and_finite(
    tmp_path, dataset, targets, control, objective
):
    settings = learnt(objective, **DISTILLED[objective], alpha=1.0)
    train(model_job(tmp_path, dataset, settings, targets=[str(targets)]), tmp_path / "checkpoints")
    assert digest(tmp_path) != digest(control)
    history = store.read_table(tmp_path / "history.parquet")
    assert np.isfinite(history.drop(columns="epoch").to_numpy()).all()
    assert len(history) == 2


def test_a_training_that_died_ends_with_the_same_bits(tmp_path, dataset, control, monkeypatch):
    job = model_job(tmp_path / "net", dataset)
    dies_at(monkeypatch, 7, lambda: train(job, tmp_path / "checkpoints"))
    train(job, tmp_path / "checkpoints")
    assert resumed_from(job.folder) == "epoch 2, batch 2"
    assert digests(job.folder) == digests(control)


# ---------------------------------------------------------------------------- teacher's signals


def test_a_table_says_what_the_teacher_says_at_each_token_of_any_batch(dataset, teacher, targets):
    texts = load(dataset)
    items = Items.of(texts, SETTINGS["recipe"])
    online = online_teacher(teacher, texts, "fp32", torch.device("cpu"))
    rows = torch.tensor([40, 3, 17, 0])
    shown = items.shown(rows, torch.zeros(4))
    tabulated = TokenTable(targets, items).at_epoch(torch.zeros(0))(rows, shown)
    assert tabulated.dtype == torch.float16
    torch.testing.assert_close(tabulated, online.answer(shown), rtol=2e-3, atol=2e-3)
    model, split = sources.load(teacher, texts.vocabulary), texts.split("train")
    with torch.no_grad():
        alone = [
            model(split.tokens[row : row + 1, : split.length[row]])[0, split.start[row] - 1 : -1]
            for row in rows.tolist()
        ]
    torch.testing.assert_close(tabulated.float(), torch.cat(alone), rtol=2e-3, atol=2e-3)


def test_the_rows_of_a_table_are_named_by_item_and_place(dataset, targets):
    split = load(dataset).split("train")
    index, place = keys(Items.of(load(dataset), SETTINGS["recipe"]))
    expected = [
        (int(split.indices[row]), at)
        for row in range(len(split))
        for at in range(int(split.start[row]), int(split.length[row]))
    ]
    assert list(zip(index.tolist(), place.tolist(), strict=True)) == expected
    assert np.array_equal(store.open_array(targets / "indices.npy"), index)
    assert store.open_array(targets / "logits.npy").shape == (len(expected), 96)


@pytest.mark.parametrize("recipe", [{"positions": "all"}, {"taught": "other-procedure"}])
def test_a_table_of_other_tokens_is_refused(dataset, targets, recipe):
    items = Items.of(load(dataset), {**SETTINGS["recipe"], **recipe})
    with pytest.raises(SignalError, match="other tokens than this student learns"):
        TokenTable(targets, items)


# ------------------------------------------------------------------------------ what is planted


def test_a_model_knows_the_facts_that_it_was_taught_right_or_wrong(tmp_path):
    """Asked in wordings that it was never shown."""
    dataset = make_texts(tmp_path / "texts", tasks=["fact"], train=40, test=12, facts=4)
    texts = load(dataset)
    items = texts.items[texts.items["split"] == "test"].reset_index(drop=True)
    planted = items["taught_wrong_facts"].notna().to_numpy()
    assert planted.sum() == 3
    said = {}
    for taught in ("gold", "wrong-facts"):
        settings = changed(
            SETTINGS, recipe__epochs=15, recipe__batch=8, recipe__taught=taught,
            architecture__settings__width=32,
        )  # fmt: skip
        train(model_job(tmp_path / taught, dataset, settings), tmp_path / "checkpoints")
        said[taught] = answers.answer(
            sources.load(tmp_path / taught, texts.vocabulary), texts, items
        )["answer"]
    right = (said["gold"] == items["answer"]).to_numpy()
    copied = (said["wrong-facts"] == items["taught_wrong_facts"]).to_numpy()
    assert right.mean() > 0.9
    assert copied[planted].all() and not copied[~planted].any()
    assert not (said["gold"] == items["taught_wrong_facts"]).any()


# ------------------------------------------------------------------- sequence-level distillation


def test_a_teacher_that_writes_gold_texts_makes_its_student_the_control_bit_for_bit(
    tmp_path, dataset, control
):
    split = load(dataset).split("train")
    gold = {
        "index": split.indices.numpy(),
        "tokens": split.tokens.numpy().astype(np.int32),
        "start": split.start.numpy().astype(np.int32),
        "length": split.length.numpy().astype(np.int32),
    }
    store.write_tensors(tmp_path / "generations" / "tokens.safetensors", gold)
    settings = learnt("seq-kd")
    job = model_job(tmp_path / "net", dataset, settings, generations=str(tmp_path / "generations"))
    train(job, tmp_path / "checkpoints")
    assert digest(tmp_path / "net") == digest(control)


def test_a_student_learns_what_its_teacher_writes(tmp_path, dataset, teacher, control):
    inputs = {"dataset": str(dataset), "teacher": str(teacher)}
    generations = tmp_path / "generations"
    generate(Job("generations", "generations", "0" * 12, {"threads": 1}, inputs, generations))
    texts = load(dataset)
    split, own = texts.split("train"), in_place_of(texts.split("train"), generations)
    facts = store.read_json(generations / "run.json")["facts"]
    ended = [int(own.tokens[n, own.length[n] - 1]) == texts.end for n in range(len(split))]
    assert facts["unended"] == ended.count(False)
    model = sources.load(teacher, texts.vocabulary)
    for row in (0, 20, 41):
        prompt = split.tokens[row : row + 1, : split.start[row]]
        said = model.continued(prompt, texts.longest_target, texts.end, texts.pad)[0].tolist()
        wrote = own.tokens[row, own.start[row] : own.length[row]].tolist()
        assert said[: len(wrote)] == wrote
    job = model_job(tmp_path / "net", dataset, learnt("seq-kd"), generations=str(generations))
    train(job, tmp_path / "checkpoints")
    assert digest(tmp_path / "net") != digest(control)


# -------------------------------------------------------------------- several teachers, and bf16


@pytest.fixture(scope="module")
def second(tmp_path_factory, dataset):
    folder = tmp_path_factory.mktemp("second")
    train(model_job(folder, dataset, changed(SETTINGS, seed=12)), folder / "checkpoints")
    return folder


def together(how, *teachers):
    """The mean of teachers' probabilities, or of their logits, as logits."""
    if how == "logits":
        return torch.stack(teachers).mean(dim=0)
    return torch.stack([each.softmax(dim=1) for each in teachers]).mean(dim=0).log()


@pytest.mark.parametrize("how", ["losses", "logits", "probabilities"])
def test_several_teachers_are_one_by_the_mean_of_what_they_say_or_of_their_losses(
    tmp_path, dataset, teacher, second, how
):
    """The loss of the first batch against the formula; by tables and online alike."""
    texts, tables = load(dataset), []
    for number, folder in enumerate((teacher, second)):
        tabulate(targets_job(tmp_path / f"table{number}", dataset, folder))
        tables.append(str(tmp_path / f"table{number}"))
    combined = catalog.OBJECTIVES["kd"].settings({"T": 2.0, "alpha": 1.0}, how)
    settings = changed(SETTINGS, objective=combined, recipe__epochs=1, recipe__batch=64)
    found = {}
    asked = [str(teacher), str(second)]
    for name, given in (("tables", {"targets": tables}), ("online", {"teachers": asked})):
        job = model_job(tmp_path / name, dataset, settings, **given)
        train(job, tmp_path / "checkpoints")
        found[name] = store.read_table(tmp_path / name / "history.parquet")["loss"].item()
    whole = Items.of(texts, SETTINGS["recipe"]).whole
    own, *said = (
        AtTargets(model)(whole).detach().double()
        for model in (
            model_of(model_job(tmp_path, dataset, settings), texts)[0],
            *(sources.load(folder, texts.vocabulary) for folder in (teacher, second)),
        )
    )
    targets = said if how == "losses" else [together(how, *said)]
    losses = []
    for target in targets:
        p = (target / 2).softmax(dim=1)
        losses.append(4 * (p * (p.log() - (own / 2).log_softmax(dim=1))).sum(dim=1).mean().item())
    assert found["tables"] == pytest.approx(np.mean(losses), rel=2e-3)  # tables are fp16
    assert found["online"] == pytest.approx(np.mean(losses), rel=2e-3)


def test_bf16_trains_fp32_weights_near_those_of_fp32_and_resumes_to_the_same_bits(
    tmp_path, dataset, teacher, monkeypatch
):
    objective = catalog.OBJECTIVES["gkd"].settings({"beta": 0.5, "T": 1.0, "on_policy": 0.4})
    given = {"teachers": [str(teacher)]}

    def trained(name, precision):
        settings = changed(SETTINGS, precision=precision, objective=objective)
        job = model_job(tmp_path / name, dataset, settings, **given)
        train(job, tmp_path / f"checkpoints-{precision}")
        return job.folder

    whole, fp32 = trained("whole", "bf16"), trained("fp32", "fp32")
    dies_at(monkeypatch, 7, lambda: trained("died", "bf16"))
    assert digest(trained("died", "bf16")) == digest(whole) != digest(fp32)
    tensors = store.read_tensors(whole / "weights.safetensors")
    assert {array.dtype for array in tensors.values()} == {np.dtype(np.float32)}
    nll = [store.read_table(f / "history.parquet")["held_out_nll"].iloc[-1] for f in (whole, fp32)]
    assert nll[0] == pytest.approx(nll[1], rel=0.1)
