"""The files of an observation against their contract and against slow, independent ways."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from captum.attr import LayerGradCam

from distilscope import store
from distilscope.data.dataset import load, stratified_subset
from distilscope.observing.capture import Tap, watching
from distilscope.observing.observe import observe

from .making import (
    FIRST_REFERENCE,
    INDICES,
    LABELS,
    MAP_FILES,
    PLAIN,
    RESNET,
    SECOND_REFERENCE,
    SIZE,
    lively,
    own_predictions,
    tables,
    write_model,
)


def test_logits_are_the_models_own_by_ascending_index(observed, tmp_path):
    table = store.read_table(observed.folder / "test" / "logits.parquet")
    assert table["index"].tolist() == INDICES.tolist()
    assert table["label"].tolist() == LABELS.tolist()
    dataset = load(tmp_path / "dataset")
    with torch.no_grad():
        expected = lively(PLAIN, seed=1)(dataset.normalise(dataset.split("test").images)).numpy()
    np.testing.assert_allclose(np.stack(table["logits"]), expected, rtol=1e-5, atol=1e-6)


def test_the_columns_and_their_types_are_those_of_the_contract(observed):
    folder = observed.folder / "test"
    floats = pa.list_(pa.float32())
    maps = {"index": pa.int64(), "class": pa.int16(), "layer": pa.string(), "map": floats}
    gaps = {"completeness_gap": pa.float32(), "completeness_delta": pa.float32()}
    gaps["steps"] = pa.int32()
    expected = {
        "logits.parquet": {"index": pa.int64(), "label": pa.int64(), "logits": floats},
        "saliency.gradcam.parquet": maps,
        "saliency.saliency.parquet": maps,
        "saliency.integrated-gradients.parquet": maps | gaps,
    }
    for name, columns in expected.items():
        schema = pq.read_schema(folder / name)
        found = {field.name: field.type for field in schema}
        assert list(found) == list(columns)
        for column, kind in columns.items():
            if pa.types.is_list(kind):
                assert pa.types.is_list(found[column])
                assert found[column].value_type == kind.value_type
            elif pa.types.is_string(kind):
                assert pa.types.is_string(found[column]) or pa.types.is_large_string(found[column])
            else:
                assert found[column] == kind


def test_each_image_has_its_distinct_classes_sorted_by_layer_rank_and_index(observed, tmp_path):
    own = own_predictions(tmp_path).numpy()
    rows = []
    for layer in ("block2", "block3"):
        ranked = [
            list(dict.fromkeys(candidates))
            for candidates in zip(LABELS, own, FIRST_REFERENCE, SECOND_REFERENCE, strict=True)
        ]
        for rank in range(4):
            rows += [
                (int(index), int(wanted[rank]), layer)
                for index, wanted in zip(INDICES, ranked, strict=True)
                if len(wanted) > rank
            ]
    table = tables(observed.folder)["saliency.gradcam.parquet"]
    assert list(zip(table["index"], table["class"], table["layer"], strict=True)) == rows
    assert len(rows) > 2 * 45, "the test needs images with three classes"


def test_maps_of_both_layers_equal_a_loop_over_single_images_and_classes(observed, tmp_path):
    model, dataset = lively(PLAIN, seed=1), load(tmp_path / "dataset")
    table = tables(observed.folder)["saliency.gradcam.parquet"]
    positions = {index: row for row, index in enumerate(INDICES)}
    split = dataset.split("test")
    for index, wanted, layer, ours in table.itertuples(index=False):
        image = dataset.normalise(split.images[positions[index]][None])
        tap = {layer: Tap(f"blocks.{layer}", whole=True, gradient=True)}
        with watching(model, tap) as watch:
            seen = watch(image)
        seen.logits[0, wanted].backward()
        output = seen.outputs[layer]
        weights = output.grad.mean(dim=(2, 3), keepdim=True)
        expected = (weights * output).sum(dim=1)[0].detach().numpy().ravel()
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_the_metadata_tell_method_grids_image_size_classes_and_route(observed):
    folder = observed.folder / "test"
    gradcam = store.read_table_metadata(folder / "saliency.gradcam.parquet")
    assert gradcam["method"] == "gradcam" and gradcam["image_size"] == SIZE
    assert gradcam["grids"] == {"block2": [4, 4], "block3": [4, 4]}
    assert gradcam["classes"] == ["label", "own", "references"]
    assert gradcam["route"] == {"block3": "closed form", "block2": "gradient"}
    integrated = store.read_table_metadata(folder / "saliency.integrated-gradients.parquet")
    assert integrated["grids"] == {"input": [SIZE, SIZE]}
    assert integrated["classes"] == ["references"] and integrated["steps"] == 64
    assert integrated["subset"] == {"images": 12, "seed": 5}


def test_input_methods_explain_the_references_predictions_on_the_stratified_subset(observed):
    chosen = stratified_subset(torch.from_numpy(LABELS), torch.from_numpy(INDICES), 12, 5)
    expected = set()
    for row in chosen.tolist():
        expected |= {(int(INDICES[row]), int(FIRST_REFERENCE[row]))}
        expected |= {(int(INDICES[row]), int(SECOND_REFERENCE[row]))}
    for name in MAP_FILES[1:]:
        table = tables(observed.folder)[name]
        assert set(zip(table["index"], table["class"], strict=True)) == expected
        assert len(table) == len(expected)
        assert set(table["layer"]) == {"input"}
        assert {len(image) for image in table["map"]} == {SIZE * SIZE}


def test_without_references_inputs_are_explained_for_the_own_prediction(make_job, tmp_path):
    job = make_job(methods=["saliency"])
    observe(job)
    path = job.folder / "test" / "saliency.saliency.parquet"
    table, own = store.read_table(path), own_predictions(tmp_path)
    assert store.read_table_metadata(path)["classes"] == ["own"]
    assert table["class"].tolist() == [int(own[(i - 100) // 2]) for i in table["index"]]
    assert not (job.folder / "test" / "saliency.gradcam.parquet").exists()


def test_features_are_pooled_outputs_and_grams_their_products_batch_by_batch(observed, tmp_path):
    model, dataset = lively(PLAIN, seed=1), load(tmp_path / "dataset")
    features = store.read_tensors(observed.folder / "test" / "features.safetensors")
    grams = store.read_tensors(observed.folder / "test" / "grams.safetensors")
    assert features["index"].tolist() == INDICES.tolist()
    assert grams["index"].shape == (3, 8) and grams["index"].dtype == np.int64
    assert len(set(grams["index"].ravel().tolist())) == 24
    output = dataset.normalise(dataset.split("test").images)
    with torch.no_grad():
        for number, block in enumerate(model.blocks, start=1):
            output = block(output)
            pooled = output.double().mean(dim=(2, 3)).numpy()
            name = f"block{number}"
            assert features[f"{name}.gap"].dtype == np.float32
            np.testing.assert_allclose(features[f"{name}.gap"], pooled, rtol=1e-5, atol=1e-6)
            for reduction, rows in (("gap", pooled), ("flatten", output.flatten(1).numpy())):
                for gram, index in zip(grams[f"{name}.{reduction}"], grams["index"], strict=True):
                    chosen = rows[(index - 100) // 2].astype(np.float64)
                    chosen = chosen - chosen.mean(axis=0)
                    expected = np.array([[float(np.sum(a * b)) for b in chosen] for a in chosen])
                    tolerance = 1e-4 * np.abs(expected).max()
                    np.testing.assert_allclose(gram, expected, atol=tolerance)


def test_another_model_has_the_same_partition(observed, make_job, tmp_path):
    write_model(tmp_path / "model", lively(PLAIN, seed=9))
    other = make_job("other", methods=[])
    observe(other)
    grams = [
        store.read_tensors(folder / "test" / "grams.safetensors")
        for folder in (observed.folder, other.folder)
    ]
    assert np.array_equal(grams[0]["index"], grams[1]["index"])
    assert not np.allclose(grams[0]["block3.gap"], grams[1]["block3.gap"])


def test_the_held_out_probe_holds_logits_only(observed):
    files = {path.name for path in (observed.folder / "held-out").iterdir()}
    assert files == {"logits.parquet", "logits.parquet.sha256"}
    table = store.read_table(observed.folder / "held-out" / "logits.parquet")
    assert table["index"].tolist() == list(range(0, 60, 6))


def test_a_study_names_the_batches_that_are_timed(make_job):
    probes = [{"name": "held-out", "split": "held-out", "contents": ["logits"]}]
    for batches in ([2], []):
        job = make_job(probes=probes, methods=[], latency=batches, name=f"timed-{len(batches)}")
        observe(job)
        facts = json.loads((job.folder / "run.json").read_text())["facts"]
        assert list(facts["latency_ms"]) == [f"batch {batch}" for batch in batches]


def test_run_json_has_the_facts_and_the_times(observed, tmp_path):
    run = json.loads((observed.folder / "run.json").read_text())
    facts = run["facts"]
    assert facts["parameters"] == sum(p.numel() for p in lively(PLAIN, seed=1).parameters())
    assert facts["multiply_adds"] > 0
    assert set(facts["latency_ms"]) == {"batch 1", "batch 64"}
    test = facts["probes"]["test"]
    assert test["images"] == 30 and test["images_per_second"] > 0
    own = own_predictions(tmp_path).numpy()
    assert test["accuracy"] == pytest.approx((own == LABELS).mean())
    found = tables(observed.folder)
    for layer in ("block2", "block3"):
        maps = found["saliency.gradcam.parquet"].query("layer == @layer")["map"]
        expected = {"maps": len(maps), "dead": sum(int((m <= 0).all()) for m in maps)}
        assert test["maps"]["gradcam"][layer] == expected
    gaps = found["saliency.integrated-gradients.parquet"]["completeness_gap"]
    facts = test["maps"]["integrated-gradients"]["completeness_gap"]
    assert facts["of"] == len(gaps) and facts["above_5_percent"] == (gaps > 0.05).sum()
    assert facts["q100"] == pytest.approx(gaps.max())
    assert {"load", "test: pass", "test: saliency", "write", "latency"} <= set(run["seconds"])


def test_a_residual_network_is_observed_at_three_layers_as_captum_sees_it(make_job, tmp_path):
    model = lively(RESNET, seed=2)
    write_model(tmp_path / "model", model, RESNET)
    layers = {f"layer{i}": f"layer{i}" for i in range(1, 5)}
    job = make_job(
        architecture=RESNET,
        layers=layers,
        explained=["layer4", "layer3", "layer2"],
        head="fc",
        methods=["gradcam"],
    )
    observe(job)
    table = store.read_table(job.folder / "test" / "saliency.gradcam.parquet")
    dataset = load(tmp_path / "dataset")
    inputs = dataset.normalise(dataset.split("test").images)
    for layer, rows in table.groupby("layer"):
        positions = (rows["index"].to_numpy() - 100) // 2
        theirs = LayerGradCam(model, model.get_submodule(layer)).attribute(
            inputs[positions],
            target=torch.from_numpy(rows["class"].to_numpy().astype(np.int64)),
            relu_attributions=False,
        )
        expected = theirs.detach().flatten(1).numpy()
        np.testing.assert_allclose(
            np.stack(rows["map"]), expected, atol=2e-5 * np.abs(expected).max()
        )
    assert set(table["layer"]) == {"layer2", "layer3", "layer4"}
