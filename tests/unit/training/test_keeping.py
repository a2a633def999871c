"""Tables of a teacher of texts: what each way keeps, against the teacher itself."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from scipy import special
from torch import nn

from distilscope import catalog, store
from distilscope.data.texts import load
from distilscope.models import sources
from distilscope.models.language import LanguageModel
from distilscope.training import keeping, rows, text_targets, texts
from distilscope.training.making import loss_of
from distilscope.training.pieces import by_pieces
from distilscope.training.signals import SignalError
from distilscope.training.targets import TargetsError
from distilscope.training.text_targets import TokenTable, tabulate
from distilscope.training.texts import AtTargets, Items
from distilscope.training.train_texts import train

from .making import changed
from .texts_making import SETTINGS, make_texts, model_job, targets_job

VOCABULARY, K = 96, 5


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_texts(tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def teacher(tmp_path_factory, dataset, request):
    folder = tmp_path_factory.mktemp("teacher")
    settings = changed(
        SETTINGS, seed=11, architecture__settings__width=20,
        architecture__settings__tied=request.param,
    )  # fmt: skip
    train(model_job(folder, dataset, settings), folder / "checkpoints")
    return folder


@pytest.fixture(scope="module")
def tables(tmp_path_factory, dataset, teacher):
    found = {}
    for keeps in ({}, {"keeps": "hidden"}, {"keeps": "top-k", "top_k": K}):
        name = keeps.get("keeps", "table")
        found[name] = tmp_path_factory.mktemp(name)
        tabulate(targets_job(found[name], dataset, teacher, **keeps))
    return found


def said(dataset, folder, some):
    items = Items.of(load(dataset), SETTINGS["recipe"])
    return TokenTable(folder, items).at_epoch(torch.zeros(0))(some, None)


SOME = torch.tensor([40, 3, 17, 0])


def test_hidden_states_make_the_logits_of_the_whole_teacher(dataset, teacher, tables):
    """Exact but for their rounding to fp16, with a head that is the embedding's or its own."""
    model, split = sources.load(teacher, VOCABULARY), load(dataset).split("train")
    expected, exactly = [], []
    with torch.no_grad():
        for row in SOME.tolist():
            tokens = split.tokens[row : row + 1, : split.length[row] - 1]
            own = model.network(input_ids=tokens, output_hidden_states=True)
            at = slice(int(split.start[row]) - 1, None)
            expected.append(own.logits[0, at])
            rounded = own.hidden_states[-1][0, at].half().float()
            exactly.append(rounded @ model.network.lm_head.weight.T)
    found = said(dataset, tables["hidden"], SOME)
    torch.testing.assert_close(found.whole().float(), torch.cat(expected), rtol=2e-3, atol=2e-3)
    torch.testing.assert_close(found.whole(), torch.cat(exactly).half(), rtol=1e-3, atol=1e-5)
    whole = said(dataset, tables["table"], SOME)
    torch.testing.assert_close(found.whole(), whole, rtol=2e-3, atol=2e-3)
    assert found.whole().dtype == whole.dtype == torch.float16


def test_students_of_hidden_states_and_of_all_logits_learn_alike(tmp_path, dataset, tables):
    settings = changed(
        SETTINGS, objective=catalog.OBJECTIVES["reverse-kl"].settings({"T": 2.0, "alpha": 1.0})
    )
    found = {}
    for name in ("table", "hidden"):
        job = model_job(tmp_path / name, dataset, settings, targets=[str(tables[name])])
        train(job, tmp_path / name / "checkpoints")
        found[name] = store.read_table(tmp_path / name / "history.parquet")["loss"]
    np.testing.assert_allclose(found["hidden"], found["table"], rtol=1e-3)


def test_a_table_of_hidden_states_has_the_size_that_was_said(
    tmp_path, dataset, teacher, tables, caplog
):
    with caplog.at_level(logging.INFO, logger="distilscope"):
        tabulate(targets_job(tmp_path, dataset, teacher, keeps="hidden"))
    states = store.open_array(tables["hidden"] / "states.npy")
    head = store.read_tensors(tables["hidden"] / "head.safetensors")["weight"]
    assert states.shape[1] == 20 and head.shape == (VOCABULARY, 20)
    (line,) = (each.message for each in caplog.records if "MB" in each.message)
    size = (states.nbytes + head.nbytes) / 1e6
    assert f"{len(states)} tokens of 40 bytes and a head of" in line and f": {size:.1f} MB" in line
    facts = store.read_json(tmp_path / "run.json")["facts"]
    assert 0 <= facts["largest_difference"] < 0.01


def test_a_network_that_does_more_with_its_logits_has_no_table_of_hidden_states(
    tmp_path, dataset, teacher, monkeypatch
):
    forward = LanguageModel.forward
    monkeypatch.setattr(LanguageModel, "forward", lambda self, *given: 2 * forward(self, *given))
    with pytest.raises(TargetsError, match=r"its head makes other logits .* `targets: table`"):
        tabulate(targets_job(tmp_path, dataset, teacher, keeps="hidden"))


def test_a_network_that_says_nothing_of_its_head_has_no_table_of_hidden_states():
    with pytest.raises(TargetsError, match="Embedding does not give the hidden states"):
        keeping.Hidden(AtTargets(nn.Embedding(VOCABULARY, VOCABULARY)), VOCABULARY, "fp32", {})


# ------------------------------------------------------------------------------------- top-k


def test_top_k_keeps_the_gold_token_the_likeliest_others_and_the_rest_of_the_mass(
    dataset, teacher, tables
):
    model, split = sources.load(teacher, VOCABULARY), load(dataset).split("train")
    kept, at = said(dataset, tables["top-k"], SOME), 0
    for row in SOME.tolist():
        with torch.no_grad():
            logits = model(split.tokens[row : row + 1, : split.length[row]])[0].numpy()
        for place in range(int(split.start[row]), int(split.length[row])):
            gold = int(split.tokens[row, place])
            p = special.softmax(logits[place - 1].astype(np.float64))
            others = [token for token in np.argsort(-p) if token != gold][: K - 1]
            assert kept.tokens[at].tolist() == [gold, *others]
            expected = [*p[[gold, *others]], np.delete(p, [gold, *others]).sum()]
            np.testing.assert_allclose(np.exp(kept.logits[at].numpy()), expected, rtol=1e-2)
            at += 1
    assert at == len(kept)


def test_what_top_k_loses_is_measured_and_said(dataset, teacher, tables):
    whole = store.open_array(tables["table"] / "logits.npy").astype(np.float64)
    tokens = store.open_array(tables["top-k"] / "tokens.npy")
    p = special.softmax(whole, axis=1)
    own = np.take_along_axis(p, tokens, axis=1)
    evenly = np.repeat((1 - own.sum(axis=1, keepdims=True)) / (VOCABULARY - K), VOCABULARY, axis=1)
    np.put_along_axis(evenly, tokens, own, axis=1)
    run = store.read_json(tables["top-k"] / "run.json")["facts"]
    assert run["kept_mass"]["mean"] == pytest.approx(own.sum(axis=1).mean(), abs=1e-3)
    worst = np.quantile(own.sum(axis=1), 0.1)
    assert run["kept_mass"]["worst_tenth"] == pytest.approx(worst, abs=2e-3)
    expected = special.rel_entr(p, evenly).sum(axis=1).mean()
    assert run["lost_nats"] == pytest.approx(expected, rel=1e-2)
    assert f"have {own.sum(axis=1).mean():.1%} of the probability" in run["notes"][0]


@pytest.mark.parametrize("name", ["kd", "reverse-kl", "jsd"])
def test_a_divergence_by_top_k_is_that_of_the_merged_classes_and_at_most_the_whole(
    dataset, tables, name
):
    beta = {"beta": 0.3} if name == "jsd" else {}
    loss = by_pieces(loss_of(catalog.OBJECTIVES[name].settings({**beta, "T": 1, "alpha": 1}), {}))
    kept, whole = (said(dataset, tables[each], SOME) for each in ("top-k", "table"))
    labels = kept.tokens[:, 0]
    student = torch.randn(len(kept), VOCABULARY, generator=torch.Generator().manual_seed(1))
    p, q = (_merged(each, kept.tokens) for each in (whole, student))
    expected = {
        "kd": special.rel_entr(p, q),
        "reverse-kl": special.rel_entr(q, p),
        "jsd": 0.3 * special.rel_entr(p, 0.3 * p + 0.7 * q)
        + 0.7 * special.rel_entr(q, 0.3 * p + 0.7 * q),
    }[name].sum(axis=1)
    found = loss(student, labels, [kept]).item()
    assert found == pytest.approx(expected.mean(), rel=5e-3)
    assert found < loss(student, labels, [whole]).item()
    assert abs(loss(whole.float(), labels, [kept]).item()) < 1e-4


def _merged(logits, tokens):
    p = special.softmax(logits.double().numpy(), axis=1)
    own = np.take_along_axis(p, tokens.numpy(), axis=1)
    return np.concatenate([own, 1 - own.sum(axis=1, keepdims=True)], axis=1)


def test_the_label_term_beside_top_k_is_that_of_the_whole_vocabulary(dataset, tables):
    kept = said(dataset, tables["top-k"], SOME)
    student = torch.randn(len(kept), VOCABULARY, generator=torch.Generator().manual_seed(1))
    losses = [
        by_pieces(loss_of(catalog.OBJECTIVES["kd"].settings({"T": 1, "alpha": alpha}), {}))
        for alpha in (1.0, 0.75)
    ]
    soft, both = (loss(student, kept.tokens[:, 0], [kept]) for loss in losses)
    hard = nn.functional.cross_entropy(student, kept.tokens[:, 0])
    torch.testing.assert_close(both, 0.75 * soft + 0.25 * hard)


@pytest.mark.parametrize("keeps", ["table", "hidden", "top-k"])
def test_a_large_vocabulary_has_the_same_tables_and_students(
    tmp_path, dataset, teacher, tables, keeps, monkeypatch
):
    """A piece at a time, and a teacher's items in smaller batches."""
    student = changed(SETTINGS, objective=catalog.OBJECTIVES["kd"].settings({"T": 1, "alpha": 0.5}))
    at_once = model_job(tmp_path / "once", dataset, student, targets=[str(tables[keeps])])
    train(at_once, tmp_path / "checkpoints")
    monkeypatch.setattr(rows, "LARGE", 50)
    monkeypatch.setattr(texts, "LOGITS", 3000)
    monkeypatch.setattr(rows, "PIECE", 1000)
    top_k = {"keeps": keeps, "top_k": K} if keeps == "top-k" else {"keeps": keeps}
    tabulate(targets_job(tmp_path / "table", dataset, teacher, **top_k))
    for path in tables[keeps].glob("*.npy"):
        expected, found = store.open_array(path), store.open_array(tmp_path / "table" / path.name)
        np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3)
    job = model_job(tmp_path / "net", dataset, student, targets=[str(tmp_path / "table")])
    train(job, tmp_path / "checkpoints")
    losses = [
        store.read_table(each.folder / "history.parquet")[["loss", "held_out_nll"]]
        for each in (at_once, job)
    ]
    np.testing.assert_allclose(losses[1], losses[0], rtol=5e-3)


# ----------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("largest", "free", "said"),
    [
        (100, 10**9, r"more than 0\.0 GB, since every student maps it: set `targets: hidden`, "
         "which keeps as much in 40 bytes a token"),
        (10**9, 100, r"the disk has 1e-07 GB free: set `targets: hidden`"),
    ],
)  # fmt: skip
def test_a_table_that_would_be_too_large_is_refused_before_it_is_made(
    tmp_path, dataset, teacher, monkeypatch, largest, free, said
):
    monkeypatch.setattr(text_targets, "LARGEST", largest)
    monkeypatch.setattr(store, "room", lambda folder: (free, free))
    with pytest.raises(TargetsError, match=said):
        tabulate(targets_job(tmp_path, dataset, teacher))
    assert not list(tmp_path.iterdir())


def test_a_top_k_that_leaves_nothing_to_take_together_is_refused(tmp_path, dataset, teacher):
    with pytest.raises(TargetsError, match="`top_k` is 95 of a vocabulary of 96"):
        tabulate(targets_job(tmp_path, dataset, teacher, keeps="top-k", top_k=95))


def test_a_table_of_other_gold_tokens_is_refused(tmp_path, dataset, tables):
    for each in tables["top-k"].iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    tokens = np.array(store.open_array(tables["top-k"] / "tokens.npy"))
    tokens[7] = tokens[7, ::-1]
    store.write_array(tmp_path / "tokens.npy", tokens)
    with pytest.raises(SignalError, match="holds other gold tokens than are learnt"):
        said(dataset, tmp_path, SOME)


def test_teachers_of_top_k_are_not_combined(dataset, tables):
    kept = said(dataset, tables["top-k"], SOME)
    loss = by_pieces(lambda logits, labels, teachers: logits.sum())
    with pytest.raises(ValueError, match="can't be combined"):
        loss(torch.zeros(len(kept), VOCABULARY), kept.tokens[:, 0], [kept, kept])
