"""A batch in parts: what is learnt is that of the whole batch, to rounding."""

from __future__ import annotations

import numpy as np
import pytest

from distilscope import catalog, store
from distilscope.training import texts, train, train_texts

from .making import SETTINGS as OF_IMAGES
from .making import changed, digest, model_job
from .texts_making import SETTINGS, make_texts
from .texts_making import model_job as texts_job


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    return make_texts(tmp_path_factory.mktemp("texts"))


def of_texts(folder, items, parts, **inputs):
    settings = changed(SETTINGS, recipe__accumulate=parts, **inputs.pop("changes", {}))
    train_texts.train(texts_job(folder, items, settings, **inputs), folder / "checkpoints")
    return folder


def close(first, second, name="weights.safetensors"):
    one, other = (store.read_tensors(folder / name) for folder in (first, second))
    return all(np.allclose(one[key], other[key], rtol=1e-3, atol=2e-4) for key in one)


def test_a_batch_of_one_part_is_the_batch_bit_for_bit(tmp_path, items):
    train_texts.train(texts_job(tmp_path / "as-ever", items), tmp_path / "checkpoints")
    one = of_texts(tmp_path / "one", items, 1)
    assert digest(one) == digest(tmp_path / "as-ever")


@pytest.mark.parametrize("parts", [2, 4])
def test_items_in_parts_are_learnt_as_the_whole_batch_token_for_token(tmp_path, items, parts):
    """Items have answers of many lengths: the mean is over tokens, not over parts."""
    whole, cut = of_texts(tmp_path / "whole", items, 1), of_texts(tmp_path / "cut", items, parts)
    assert digest(whole) != digest(cut) and close(whole, cut)
    one, other = (store.read_table(folder / "history.parquet") for folder in (whole, cut))
    for column in ("loss", "train_accuracy", "held_out_nll"):
        assert other[column].to_numpy() == pytest.approx(one[column].to_numpy(), rel=1e-3)


def test_no_part_is_larger_than_its_share(tmp_path, items, monkeypatch):
    sizes, forward = [], texts.AtTargets.forward

    def counted(self, shown):
        if self.training:
            sizes.append(len(shown))
        return forward(self, shown)

    monkeypatch.setattr(texts.AtTargets, "forward", counted)
    of_texts(tmp_path, items, 4, changes={"recipe__epochs": 1})
    assert sizes == [3, 2, 2, 2] * 4 + [2, 2, 2]  # 42 items, 9 a batch; the last batch has 6


def test_own_texts_are_those_of_the_whole_batch(tmp_path, items):
    """The student writes them before the batch is cut: the same draws for the same items."""
    teacher = of_texts(tmp_path / "teacher", items, 1, changes={"seed": 8})
    objective = catalog.OBJECTIVES["gkd"].settings({"beta": 0.5, "T": 1.0, "on_policy": 1.0})
    changes = {"objective": objective, "recipe__epochs": 1}
    whole, cut = (
        of_texts(tmp_path / str(n), items, n, changes=changes, teachers=[str(teacher)])
        for n in (1, 3)
    )
    assert close(whole, cut)


def test_images_accumulate_too(tmp_path, dataset):
    folders = []
    for parts in (1, 2):
        folder = tmp_path / str(parts)
        settings = changed(OF_IMAGES, recipe__accumulate=parts)
        train.train(model_job(folder, dataset, settings), folder / "checkpoints")
        folders.append(folder)
    assert digest(folders[0]) != digest(folders[1])
    history = store.read_table(folders[1] / "history.parquet")
    assert np.isfinite(history.to_numpy()).all()
