"""Runs that must agree with each other, other settings, and what is told on the way."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
import torch

from distilscope import store
from distilscope.data.dataset import load
from distilscope.observing.observe import observe
from distilscope.planning.job import Job

from .making import MAP_FILES, PLAIN, SIZE, lively, tables, write_dataset


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): store.digest_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("run.json")
    }


def test_two_runs_write_the_same_bytes(observed, make_job, references):
    again = make_job("again", references=references, reductions=["gap", "flatten"])
    observe(again)
    assert files_of(observed.folder) == files_of(again.folder)
    assert len(files_of(again.folder)) == 14


def test_rows_are_keyed_by_index_and_not_by_their_place_in_the_data_set(
    observed, make_job, references, tmp_path
):
    order = np.random.default_rng(0).permutation(30)
    write_dataset(tmp_path / "shuffled", order=order)
    shuffled = make_job(
        "shuffled-rows", references=references, dataset="shuffled", reductions=["gap", "flatten"]
    )
    observe(shuffled)
    assert files_of(observed.folder) == files_of(shuffled.folder)


def test_other_batches_give_the_same_maps_and_logits_up_to_rounding(observed, make_job, references):
    other = make_job("other-batches", references=references, gram_batch=13)
    observe(other)
    for name in ("logits.parquet", *MAP_FILES):
        ours, theirs = (
            store.read_table(folder / "test" / name) for folder in (observed.folder, other.folder)
        )
        column = "logits" if name == "logits.parquet" else "map"
        pd.testing.assert_frame_equal(
            ours[["index"]].assign(**ours.filter(["class", "layer"])),
            theirs[["index"]].assign(**theirs.filter(["class", "layer"])),
        )
        for a, b in zip(ours[column], theirs[column], strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5 * max(np.abs(a).max(), 1e-3))


def test_process_wide_settings_come_back(make_job):
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(False)
    torch.set_float32_matmul_precision("high")
    observe(make_job(methods=["gradcam"], threads=1))
    assert torch.get_num_threads() == 2
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_float32_matmul_precision() == "high"
    torch.set_float32_matmul_precision("highest")


def test_a_models_own_preprocessing_replaces_the_data_sets(make_job, tmp_path):
    own = {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.6, 0.7]}
    job = make_job(methods=["integrated-gradients"], preprocessing=own)
    observe(job)
    images = load(tmp_path / "dataset").split("test").images.double() / 255
    mean, std = (torch.tensor(own[key]).double().view(1, 3, 1, 1) for key in ("mean", "std"))
    model = lively(PLAIN, seed=1).double()
    with torch.no_grad():
        expected = model((images - mean) / std).numpy()
        black = model(((0 - mean) / std).expand(1, 3, SIZE, SIZE)).numpy()[0]
    table = store.read_table(job.folder / "test" / "logits.parquet")
    np.testing.assert_allclose(np.stack(table["logits"]), expected, atol=1e-4)
    integrated = store.read_table(job.folder / "test" / "saliency.integrated-gradients.parquet")
    for index, wanted, image, delta in integrated[
        ["index", "class", "map", "completeness_delta"]
    ].itertuples(index=False):
        change = expected[(index - 100) // 2, wanted] - black[wanted]
        assert image.sum() - delta == pytest.approx(change, abs=1e-3)


def test_without_a_head_both_layers_come_from_the_gradient_and_are_the_same(
    observed, make_job, references
):
    traced = make_job("traced", references=references, head=None, methods=["gradcam"])
    observe(traced)
    path = traced.folder / "test" / "saliency.gradcam.parquet"
    assert set(store.read_table_metadata(path)["route"].values()) == {"gradient"}
    ours, theirs = tables(observed.folder)["saliency.gradcam.parquet"], store.read_table(path)
    assert ours["class"].equals(theirs["class"])
    for a, b in zip(ours["map"], theirs["map"], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(b).max())


def test_a_probe_smaller_than_a_gram_has_no_grams_but_the_rest_and_warns(make_job, caplog):
    job = make_job(gram_batch=200, methods=["gradcam"])
    with caplog.at_level(logging.WARNING, logger="distilscope"):
        observe(job)
    assert "30 images are fewer than `gram_batch` (200)" in caplog.text
    grams = store.read_tensors(job.folder / "test" / "grams.safetensors")
    assert grams["index"].shape == (0, 200) and grams["block1.gap"].shape == (0, 200, 200)
    assert len(store.read_table(job.folder / "test" / "logits.parquet")) == 30


def test_progress_is_a_line_a_pass_and_a_method(make_job, caplog):
    with caplog.at_level(logging.INFO, logger="distilscope"):
        observe(make_job())
    lines = [record.getMessage() for record in caplog.records if record.levelname == "INFO"]
    stages = [line.split(" of ")[0] for line in lines]
    assert stages == [
        "plain-s1: test: pass", "plain-s1: test: saliency",
        "plain-s1: test: integrated-gradients", "plain-s1: held-out: pass",
    ]  # fmt: skip
    assert all("images/s" in line for line in lines)


def test_incomplete_integrated_gradients_are_counted_in_a_warning(make_job, caplog):
    with caplog.at_level(logging.WARNING, logger="distilscope"):
        observe(make_job(methods=["integrated-gradients"], ig_steps=2))
    assert any("of 12 maps miss completeness by more than 5 %" in r.message for r in caplog.records)


def test_an_image_as_black_as_the_baseline_counts_as_undefined_and_not_as_a_gap(
    make_job, tmp_path, caplog
):
    arrays = store.read_tensors(tmp_path / "dataset" / "images.safetensors")
    arrays["test.images"] = np.zeros_like(arrays["test.images"])
    store.write_tensors(tmp_path / "dataset" / "images.safetensors", arrays)
    job = make_job(methods=["integrated-gradients"])
    with caplog.at_level(logging.WARNING, logger="distilscope"):
        observe(job)
    table = store.read_table(job.folder / "test" / "saliency.integrated-gradients.parquet")
    assert table["completeness_gap"].isna().all()
    facts = store.read_json(job.folder / "run.json")["facts"]["probes"]["test"]["maps"]
    assert facts["integrated-gradients"]["completeness_gap"] == {
        "of": 12, "undefined": 12, "above_5_percent": 0,
    }  # fmt: skip
    assert facts["integrated-gradients"]["input"] == {"maps": 12, "dead": 12}
    assert "12 are undefined" in caplog.text


def test_layers_keep_the_order_of_the_network_when_the_job_came_through_json(make_job):
    layers = {"z-first": "blocks.block1", "b": "blocks.block2", "a-last": "blocks.block3"}
    job = make_job(
        layers=layers, layer_order=list(layers), explained=["a-last", "b"], methods=["gradcam"]
    )
    observe(Job.from_json(job.to_json()))
    metadata = store.read_tensors_metadata(job.folder / "test" / "grams.safetensors")
    assert metadata["layers"] == ["z-first", "b", "a-last"]
