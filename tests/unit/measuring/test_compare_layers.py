"""Comparisons of layers, from the stored features and Grams of a made-up study."""

import dataclasses
import shutil

import numpy as np

from distilscope import store
from distilscope.measuring.compare import compare


def test_flattened_features_of_unequal_grids_are_compared(study, tmp_path):
    job = study.compare_job("finer-s1", methods=[], reductions=["gap", "flatten"])
    compare(dataclasses.replace(job, folder=tmp_path))
    table = store.read_table(tmp_path / "layers.parquet")
    assert len(table) == 2 * 4
    values = table.set_index(["reduction", "layer", "reference_layer"])["cka_debiased"]
    # Made so that a pixel scales all features alike: flattening changes the width, not the CKA.
    np.testing.assert_allclose(values["flatten"], values["gap"], atol=1e-5)
    assert table.loc[table["reduction"] == "flatten", "mutual_knn"].isna().all()


def test_mutual_neighbours_see_which_layers_share_features(study):
    table = store.read_table(study.comparison("copy-s1") / "layers.parquet")
    shares = table.set_index(["layer", "reference_layer"])["mutual_knn"]
    assert shares[("block3", "layer4")] == 1.0
    assert 0.3 < shares[("block2", "layer4")] < 0.9
    alone = store.read_table(study.comparison("place-s1") / "layers.parquet")
    np.testing.assert_allclose(alone["mutual_knn"], 10 / 399, atol=0.02)
    np.testing.assert_allclose(alone["mutual_knn_null"], 10 / 399)
    assert (alone["mutual_n"] == 400).all()


def test_a_layer_with_the_features_of_another_counts_once_and_is_named(study, tmp_path):
    observed = tmp_path / "observation"
    shutil.copytree(study.observation("copy-s1"), observed)
    (observed / "run.json").unlink()  # it lists the files that are written anew here
    for name in ("grams", "features"):
        path = observed / "test" / f"{name}.safetensors"
        tensors = store.read_tensors(path)
        for key in [key for key in tensors if key.startswith("block3.")]:
            tensors[key.replace("block3", "again")] = tensors[key]
        store.write_tensors(path, tensors)
    job = study.compare_job("copy-s1", methods=[], layer_names=["block3", "block2", "again"])
    inputs = {**job.inputs, "observation": str(observed)}
    compare(dataclasses.replace(job, inputs=inputs, folder=tmp_path / "out"))
    table = store.read_table(tmp_path / "out" / "layers.parquet").set_index("layer")
    assert table.loc["again", ["cka_debiased", "cka_biased", "mutual_knn"]].isna().all().all()
    assert set(table.loc["again", "reason"]) == {
        "layer 'again' has the same pooled features as 'block3'"
    }
    assert table.loc[["block3", "block2"], "mutual_knn"].notna().all()
    facts = store.read_json(tmp_path / "out" / "run.json")["facts"]
    assert facts["same_features"] == {"model": {"again": "block3"}, "reference": {}}
