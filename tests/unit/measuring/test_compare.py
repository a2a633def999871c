import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from distilscope import store
from distilscope.analyses.alignment import maps, undefined
from distilscope.measuring.compare import compare

from .made_models import MODELS
from .made_study import MadeStudy


def _rows(table, **wanted):
    for column, value in {"explained": "reference", "layer": "block3", **wanted}.items():
        table = table[table[column] == value]
    return table.set_index("index")


def test_there_is_a_row_for_each_image_method_layer_resolution_and_class(study):
    table = study.images_of("copy-s1")
    keys = ["index", "method", "layer", "reference_layer", "resolution", "explained"]
    assert not table.duplicated(keys).any()
    layers = table[table["method"] == "gradcam"]
    assert len(layers) == 400 * 2 * 2 * 3
    assert sorted(set(zip(layers["layer"], layers["reference_layer"], strict=True))) == [
        ("block2", "layer3"),
        ("block3", "layer4"),
    ]
    inputs = table[table["method"] == "saliency"]
    assert set(inputs["index"]) == set(study.index[study.subset_rows])
    assert set(inputs["resolution"]) == {"input"}
    assert set(inputs["explained"]) == {"reference"}


def test_a_model_with_the_reference_s_maps_scores_one_everywhere(study):
    for resolution in ("native", "input"):
        for layer in ("block3", "block2"):
            rows = _rows(study.images_of("copy-s1"), resolution=resolution, layer=layer)
            for measure in ("rho", "image_specific_rho", "cosine"):
                np.testing.assert_allclose(rows[measure].dropna(), 1.0, atol=1e-6)
            np.testing.assert_array_equal(rows["iou20"].dropna(), 1.0)
            assert rows["rho"].notna().sum() > 390


def test_a_model_that_shares_the_place_only_has_no_image_specific_rho(study):
    rows = _rows(study.images_of("place-s1"), resolution="input")
    assert rows["rho"].mean() > 0.25
    assert abs(rows["image_specific_rho"].mean()) < 0.05
    assert rows["null_rho"].mean() == pytest.approx(rows["rho"].mean(), abs=0.05)
    assert abs(rows["null_image_specific_rho"].mean()) < 0.02


def test_the_twin_is_between_the_two(study):
    rows = study.images_of("teacher-s2")
    value = _rows(rows, layer="layer4", resolution="input")["image_specific_rho"].mean()
    assert 0.3 < value < 0.95


def test_rho_at_input_resolution_equals_torch_and_scipy_from_the_stored_maps(study):
    rows = _rows(study.images_of("finer-s1"), resolution="input")
    own = _stored(study, "finer-s1", "block3", (8, 8))
    other = _stored(study, "teacher-s1", "layer4", (4, 4))
    for index in rows.index[50:80]:
        key = (index, rows.at[index, "class"])
        sides = [
            torch.nn.functional.interpolate(
                torch.from_numpy(np.maximum(maps[key], 0))[None, None].double(),
                size=(16, 16),
                mode="bilinear",
            )
            .numpy()
            .ravel()
            for maps in (own, other)
        ]
        assert rows.at[index, "rho"] == pytest.approx(stats.spearmanr(*sides).statistic, abs=1e-6)


def test_a_frame_stands_for_the_images_side_and_finer_maps_are_averaged_to_it(study):
    """Of maps of 8 by 8 and 4 by 4: a frame between them, and one above both."""
    sides = {"block3": (8, 8), "layer4": (4, 4)}
    own = maps.evidence(np.random.default_rng(0).normal(size=(3, *sides["block3"])), "gradcam")
    coarse = maps.brought_to(own, (4, 4))
    np.testing.assert_allclose(coarse, own.reshape(3, 4, 2, 4, 2).mean(axis=(2, 4)))
    fine = torch.nn.functional.interpolate(
        torch.from_numpy(own)[None], size=(12, 12), mode="bilinear"
    )
    np.testing.assert_allclose(maps.brought_to(own, (12, 12)), fine[0].numpy())


def test_a_comparison_in_a_frame_is_that_of_maps_upsampled_to_it(study, tmp_path):
    job = study.compare_job("finer-s1", alignment={"frame": 10})
    compare(dataclasses.replace(job, folder=tmp_path))
    rows = _rows(store.read_table(tmp_path / "images.parquet"), resolution="input")
    assert set(rows["grid"]) == {"10x10"}
    own = _stored(study, "finer-s1", "block3", (8, 8))
    other = _stored(study, "teacher-s1", "layer4", (4, 4))
    for index in rows.index[50:60]:
        key = (index, rows.at[index, "class"])
        # torch rounds pixels apart that are equal, which ranks see: its values are tested above
        both = [maps.upsample(np.maximum(m[key], 0)[None], 10).ravel() for m in (own, other)]
        assert rows.at[index, "rho"] == pytest.approx(stats.spearmanr(*both).statistic, abs=1e-6)


def test_unequal_grids_are_pooled_to_the_coarser_one_for_native(study):
    rows = _rows(study.images_of("finer-s1"), resolution="native")
    assert set(rows["grid"]) == {"4x4"}
    own = _stored(study, "finer-s1", "block3", (8, 8))
    other = _stored(study, "teacher-s1", "layer4", (4, 4))
    for index in rows.index[50:60]:
        key = (index, rows.at[index, "class"])
        pooled = np.maximum(own[key], 0).reshape(4, 2, 4, 2).mean(axis=(1, 3))
        expected = stats.spearmanr(pooled.ravel(), np.maximum(other[key], 0).ravel()).statistic
        assert rows.at[index, "rho"] == pytest.approx(expected, abs=1e-6)


def _stored(study, model, layer, grid):
    table = store.read_table(study.observation(model) / "test" / "saliency.gradcam.parquet")
    table = table[table["layer"] == layer]
    keys = zip(table["index"], table["class"], strict=True)
    return {key: m.reshape(grid) for key, m in zip(keys, table["map"], strict=True)}


def test_dead_maps_are_nan_with_the_reason_and_counted(study):
    rows = _rows(study.images_of("finer-s1"), resolution="input")
    dead = rows[rows["reason"].fillna("").str.contains(undefined.MODEL_DEAD)]
    assert len(dead) == 3
    for measure in ("rho", "iou20", "cosine", "mass_lift20", "image_specific_rho", "null_rho"):
        assert dead[measure].isna().all()
    assert dead["published_rho"].isna().all()
    assert dead["reason"].str.contains("as published").all()


def test_every_undefined_number_has_a_reason(study):
    measures = ["rho", "iou05", "iou20", "iou50", "mass_lift20", "cosine"]
    measures += ["image_specific_rho_unit", "all_image_specific_rho"]
    measures += ["all_partial_image_specific_rho", "all_image_specific_share"]
    for name in ("copy-s1", "finer-s1", "place-s1"):
        table = study.images_of(name)
        for measure in measures:
            for reason in table.loc[table[measure].isna(), "reason"]:
                assert any(undefined.concerns(cause, measure) for cause in reason.split("; "))


def test_subsets_are_what_the_predictions_say(study):
    rows = _rows(study.images_of("place-s1"), resolution="input")
    right = {
        name: _predictions(study, name) == study.labels for name in ("teacher-s1", "teacher-s2")
    }
    np.testing.assert_array_equal(rows["common"], right["teacher-s1"] & right["teacher-s2"])
    np.testing.assert_array_equal(rows["correct"], _predictions(study, "place-s1") == study.labels)
    assert rows["common"].mean() == pytest.approx(0.9, abs=0.02)


def _predictions(study, name):
    table = store.read_table(study.observation(name) / "test" / "logits.parquet")
    return np.stack(table["logits"].to_numpy()).argmax(axis=1)


def test_nulls_are_given_within_their_subset_only(study):
    rows = _rows(study.images_of("place-s1"), resolution="input")
    both = rows["correct"] & rows["reference_correct"]
    assert rows.loc[~rows["common"], "null_rho"].isna().all()
    assert rows.loc[rows["common"], "null_rho"].notna().all()
    assert rows.loc[~both, "null_own_iou20"].isna().all()
    assert rows.loc[both, "null_own_rho"].notna().all()


def test_own_explains_each_models_prediction_and_agrees_with_the_others_where_both_are_right(study):
    table = study.images_of("place-s1")
    sides = {
        e: _rows(table, resolution="input", explained=e) for e in ("own", "label", "reference")
    }
    np.testing.assert_array_equal(sides["own"]["class"], sides["own"]["prediction"])
    both = sides["own"]["correct"] & sides["own"]["reference_correct"]
    for other in ("label", "reference"):
        np.testing.assert_array_equal(sides["own"].loc[both, "rho"], sides[other].loc[both, "rho"])
    assert not np.array_equal(sides["own"].loc[~both, "rho"], sides["label"].loc[~both, "rho"])


def test_published_variants_are_at_input_resolution_of_layers_only(study):
    table = study.images_of("copy-s1")
    native = table[(table["resolution"] == "native") | (table["method"] == "saliency")]
    assert native["published_rho"].isna().all()
    rows = _rows(table, resolution="input")
    np.testing.assert_allclose(rows["published_rho"].dropna(), 1.0, atol=1e-6)


def test_the_published_numbers_of_a_pair_are_those_of_min_max_scaled_maps(study):
    rows = _rows(study.images_of("finer-s1"), resolution="input")
    rows = rows[rows["published_rho"].notna()].head(40)
    sides = []
    for model, layer, grid in (("finer-s1", "block3", (8, 8)), ("teacher-s1", "layer4", (4, 4))):
        stored = _stored(study, model, layer, grid)
        native = np.stack([stored[key] for key in zip(rows.index, rows["class"], strict=True)])
        sides.append(maps.upsample(np.maximum(native, 0), 16).reshape(len(rows), -1))
    scaled = [(s - s.min(axis=1, keepdims=True)) / np.ptp(s, axis=1)[:, None] for s in sides]
    expected = [stats.spearmanr(*pair).statistic for pair in zip(*scaled, strict=True)]
    np.testing.assert_allclose(rows["published_rho"], expected, atol=1e-6)
    np.testing.assert_allclose(rows["published_iou"], maps.published_iou(*sides), atol=1e-6)


def test_a_comparison_without_methods_still_compares_layers(study, tmp_path):
    job = study.compare_job("copy-s1", methods=[])
    compare(dataclasses.replace(job, folder=tmp_path))
    assert store.read_table(tmp_path / "images.parquet").empty
    assert len(store.read_table(tmp_path / "layers.parquet")) == 4


def _being_made(study, name):
    """An observation without the `run.json` that lists its files, so that they may change."""
    (study.observation(name) / "run.json").unlink()
    return study.observation(name)


def test_order_of_rows_in_the_saliency_file_does_not_matter(study, tmp_path):
    shuffled = MadeStudy(tmp_path).write()
    path = _being_made(shuffled, "finer-s1") / "test" / "saliency.gradcam.parquet"
    about = store.read_table_metadata(path)
    store.write_table(path, store.read_table(path).sample(frac=1, random_state=0), about)
    compare(shuffled.compare_job("finer-s1"))
    pd.testing.assert_frame_equal(shuffled.images_of("finer-s1"), study.images_of("finer-s1"))


def test_cka_sees_which_layers_share_features(study):
    table = store.read_table(study.comparison("copy-s1") / "layers.parquet")
    first = table.set_index(["layer", "reference_layer"])["cka_debiased"]
    assert first[("block3", "layer4")] == pytest.approx(1.0, abs=1e-5)
    assert 0.8 < first[("block2", "layer4")] < 0.99
    alone = store.read_table(study.comparison("place-s1") / "layers.parquet")
    assert alone["cka_debiased"].abs().max() < 0.05
    assert (alone["n"] == 400).all()


def test_the_run_is_recorded_last_with_counts(study):
    run = store.read_json(study.comparison("copy-s1") / "run.json")
    assert run["facts"]["images"] == 400
    assert run["kind"] == "comparison"


def test_small_classes_have_no_image_specific_rho_but_a_reason(study):
    compare(study.compare_job("teacher-s2", minimum_class=1000))
    rows = _rows(study.images_of("teacher-s2"), layer="layer4", resolution="input")
    assert rows["image_specific_rho"].isna().all()
    assert rows["reason"].str.contains(undefined.FEW_IN_CLASS).all()
    assert rows["rho"].notna().all()
    compare(study.compare_job("teacher-s2"))


def test_other_images_in_the_reference_are_refused(study, tmp_path):
    other = MadeStudy(tmp_path, images=380).write()
    job = study.compare_job("copy-s1")
    inputs = {**job.inputs, "reference": str(other.observation("teacher-s1"))}
    with pytest.raises(ValueError, match="different images"):
        compare(dataclasses.replace(job, inputs=inputs, folder=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_unknown_names_and_missing_keys_are_refused_with_what_is_accepted(study):
    job = study.compare_job("copy-s1", resolutions=["nativ"])
    with pytest.raises(ValueError, match="'native'"):
        compare(job)
    with pytest.raises(ValueError, match="block3"):
        compare(study.compare_job("copy-s1", layers=[["block9", "layer4"]]))
    job = study.compare_job("copy-s1")
    del job.settings["analyses"]["alignment"]["folds"]
    with pytest.raises(ValueError, match="'folds'"):
        compare(job)
    job = study.compare_job("copy-s1", colours={"hue": 1})
    with pytest.raises(ValueError, match="unknown analysis 'colours'"):
        compare(job)


def test_a_map_that_is_stored_twice_is_refused(tmp_path):
    broken = MadeStudy(tmp_path, MODELS[:2], images=40, subset=8, gram_batch=10).write()
    path = _being_made(broken, "teacher-s2") / "test" / "saliency.gradcam.parquet"
    table, about = store.read_table(path), store.read_table_metadata(path)
    store.write_table(path, pd.concat([table, table.head(1)]), about)
    with pytest.raises(ValueError, match="two maps of image 5000"):
        compare(broken.compare_job("teacher-s2"))


def test_a_missing_map_is_nan_with_the_reason(tmp_path):
    made = MadeStudy(tmp_path, MODELS[:2], images=80, subset=8, gram_batch=10).write()
    path = _being_made(made, "teacher-s2") / "test" / "saliency.gradcam.parquet"
    table, about = store.read_table(path), store.read_table_metadata(path)
    store.write_table(path, table[table["index"] != 5000], about)
    compare(made.compare_job("teacher-s2"))
    rows = _rows(made.images_of("teacher-s2"), layer="layer4", resolution="input")
    assert len(rows) == 80
    assert np.isnan(rows.at[5000, "rho"])
    assert rows.at[5000, "reason"] == undefined.NO_MAP


def test_without_a_twin_the_common_images_are_the_references_right_ones(tmp_path):
    made = MadeStudy(tmp_path, (MODELS[0], MODELS[2]), images=80, subset=8, gram_batch=10).write()
    job = made.compare_job("copy-s1")
    compare(dataclasses.replace(job, inputs={**job.inputs, "common": []}))
    rows = _rows(made.images_of("copy-s1"), resolution="input")
    np.testing.assert_array_equal(rows["common"], rows["reference_correct"])


def test_nulls_over_other_classes_are_of_gradcam_for_the_references_class(study):
    table = study.images_of("place-s1")
    rows = _rows(table, resolution="input")
    assert rows.loc[rows["common"], "null_other_rho"].notna().all()
    assert rows.loc[~rows["common"], "null_other_rho"].isna().all()
    # Classes have places of their own: another class's place is no guess at this one's.
    assert rows["null_other_rho"].mean() < rows["null_rho"].mean() - 0.1
    elsewhere = table[(table["explained"] != "reference") | (table["method"] == "saliency")]
    assert elsewhere["null_other_rho"].isna().all()
