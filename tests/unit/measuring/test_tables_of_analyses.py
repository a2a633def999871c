"""Tables beside `measures.parquet`: models, maps, reliability, divergent images, histories."""

import numpy as np
import pytest

from distilscope import store
from distilscope.analyses.alignment import maps

from .made_models import MODELS

HEADLINE = {"method": "gradcam", "resolution": "input", "explained": "reference"}


@pytest.fixture(scope="module")
def study(study):
    """With its tables."""
    return study.measure()


def test_models_table_has_cost_and_performance(study):
    table = study.table("models").set_index("id")
    assert table.at["copy-s1", "ratio"] == 10.0
    assert table.at["teacher-s1", "ratio"] == 1.0
    assert table.at["copy-s1", "latency_ms"] == 1.5
    assert table.at["copy-s1", "accuracy"] == pytest.approx(0.9)
    assert table.at["copy-s1", "identity"] == "copy-s1"
    assert (table["peak_memory_mb"] > 0).all()


def test_dead_and_sparse_maps_of_the_last_block_are_counted_by_model(study):
    table = study.table("maps").set_index("id")
    for name, layer, side in (("finer-s1", "block3", 8), ("teacher-s1", "layer4", 4)):
        path = study.observation(name) / "test" / "saliency.gradcam.parquet"
        stored = store.read_table(path)
        stored = stored[stored["layer"] == layer].set_index(["index", "class"])["map"]
        keys = zip(study.index, study.teacher_predictions(), strict=True)
        positive = np.array([(stored[key] > 0).sum() for key in keys])
        assert table.at[name, "dead_maps"] == (positive == 0).sum()
        expected = ((positive > 0) & (positive < round(0.2 * side * side))).sum()
        assert table.at[name, "sparse_maps"] == expected
    assert table.at["finer-s1", "dead_maps"] >= 3


def test_reliability_bins_hold_all_images_of_each_model(study):
    table = study.table("reliability")
    assert (table.groupby("model")["n"].sum() == 400).all()
    assert (table.groupby("model").size() == 15).all()


def test_the_explorer_has_the_least_alike_right_images_some_others_and_disagreements(study):
    table = study.table("divergent")
    rows = table[table["model"] == "finer-s1"]
    assert rows["image_specific_rho_unit"].is_monotonic_increasing
    images = study.images_of("finer-s1")
    for column, value in {**HEADLINE, "layer": "block3"}.items():
        images = images[images[column] == value]
    right = (images["correct"] & images["reference_correct"]).to_numpy()
    own = (rows["prediction"] == rows["label"]) & (rows["reference_prediction"] == rows["label"])
    primary = images["image_specific_rho_unit"]
    lowest = primary[right].nsmallest(12)
    np.testing.assert_allclose(rows["image_specific_rho_unit"][own].iloc[:12], lowest, rtol=1e-6)
    assert own.sum() == 12 + 3  # and a few over the rest of the range
    assert rows["image_specific_rho_unit"][own].max() == pytest.approx(primary[right].max())
    apart = rows["prediction"] != rows["reference_prediction"]
    assert 0 < apart.sum() <= 6
    assert (apart | own).all()
    first = rows.iloc[0]
    own = np.stack([first["map"]]).reshape(1, first["grid_h"], first["grid_w"])
    other = np.stack([first["reference_map"]]).reshape(1, 4, 4)
    assert own.min() >= 0
    sides = (maps.upsample(side, 16).reshape(1, -1) for side in (own, other))
    assert maps.spearman(*sides)[0] == pytest.approx(first["rho"], abs=1e-6)


def test_histories_hold_the_epochs_of_each_trained_model(study):
    table = study.table("histories")
    assert (table.groupby("model").size() == 2).all()
    assert set(table["model"]) == {made.id for made in MODELS}
