import copy
import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from distilscope import registry, store
from distilscope.measuring.compare import compare
from distilscope.measuring.tables import measure

from .made_models import MODELS, Made
from .made_study import MadeStudy

COLUMNS = [
    *("study", "analysis", "model", "condition", "seed", "reference", "relation", "probe"),
    *("subset", "layer", "reference_layer", "method", "resolution", "explained", "variant"),
    *("class", "measure", "value", "low", "high", "interval", "n", "n_undefined"),
    *("reason", "headline"),
]
PRIMARY = "image_specific_rho"
HEADLINE = {"method": "gradcam", "resolution": "input", "explained": "reference"}


@pytest.fixture(scope="module")
def study(study):
    """With its tables."""
    return study.measure()


@pytest.fixture(scope="module")
def measures(study):
    return study.table("measures")


def _one(table, model, measure, *, by_class=None, **wanted):
    rows = table[(table["model"] == model) & (table["measure"] == measure)]
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    rows = rows[rows["class"].isna()] if by_class is None else rows[rows["class"] == by_class]
    assert len(rows) == 1, rows
    return rows.iloc[0]


def _aligned(table, model, measure, subset="common", **more):
    layer = "layer4" if model == "teacher-s2" else "block3"
    wanted = {**HEADLINE, "layer": layer, "subset": subset, **more}
    return _one(table, model, measure, **wanted)


def test_columns_are_those_of_the_contract(measures):
    assert list(measures) == COLUMNS


def test_no_number_stands_twice(measures):
    numbers = ("value", "low", "high", "interval", "n", "n_undefined", "reason")
    assert not measures.duplicated([c for c in COLUMNS if c not in numbers]).any()


def test_accuracy_is_the_planted_one_and_its_interval_holds_it(measures):
    for made in MODELS:
        row = _one(measures, made.id, "accuracy", probe="test", subset="all")
        assert row["value"] == pytest.approx(made.accuracy)
        assert row["low"] < row["value"] < row["high"]
        # a binomial standard error of 400 images, twice on either side
        width = 4 * np.sqrt(made.accuracy * (1 - made.accuracy) / 400)
        assert row["high"] - row["low"] == pytest.approx(width, rel=0.3)
        assert row["interval"] == "images"
        assert row["n"] == 400


def test_accuracies_by_class_average_to_the_accuracy(measures):
    rows = measures[(measures["measure"] == "accuracy") & measures["class"].notna()]
    rows = rows[rows["model"] == "copy-s1"]
    assert sorted(rows["class"]) == [0, 1, 2, 3]
    assert np.average(rows["value"], weights=rows["n"]) == pytest.approx(0.9)


def test_the_copy_is_perfectly_aligned_and_the_place_model_only_in_raw_rho(measures):
    for name in ("rho", "image_specific_rho", "iou20", "cosine", "published_rho"):
        assert _aligned(measures, "copy-s1", name)["value"] == pytest.approx(1.0, abs=1e-6)
    own = _aligned(measures, "place-s1", "image_specific_rho")
    assert abs(own["value"]) < 0.05
    assert own["low"] < 0.02
    raw, null = (_aligned(measures, "place-s1", name)["value"] for name in ("rho", "null_rho"))
    assert raw > 0.25
    assert raw == pytest.approx(null, abs=0.05)


def test_means_equal_those_of_the_per_image_table(study, measures):
    images = study.images_of("finer-s1")
    for column, value in {**HEADLINE, "layer": "block3"}.items():
        images = images[images[column] == value]
    subsets = {
        "common": images["common"],
        "both-correct": images["correct"] & images["reference_correct"],
        "all": images["index"] > 0,
    }
    for subset, member in subsets.items():
        values = images.loc[member, "rho"].astype(float)
        row = _aligned(measures, "finer-s1", "rho", subset)
        assert row["value"] == pytest.approx(values.mean(), abs=1e-12)
        assert (row["n"], row["n_undefined"]) == (values.notna().sum(), values.isna().sum())
        spread = _aligned(measures, "finer-s1", "rho.sd", subset)
        assert spread["value"] == pytest.approx(values.std(ddof=0), abs=1e-9)
        low = _aligned(measures, "finer-s1", "rho.min", subset)
        assert low["value"] == values.min()
        q = _aligned(measures, "finer-s1", "rho.q25", subset)
        assert q["value"] == pytest.approx(values.quantile(0.25))
    null = _aligned(measures, "finer-s1", "null_rho", "both-correct")
    expected = images.loc[subsets["both-correct"], "null_own_rho"].astype(float).mean()
    assert null["value"] == pytest.approx(expected, abs=1e-12)


def test_undefined_images_are_counted_with_their_causes(measures):
    row = _aligned(measures, "finer-s1", "rho", "both-correct")
    assert row["n_undefined"] == 3
    assert row["reason"] == "3 undefined: the model's map is zero everywhere (3)"
    assert pd.isna(_aligned(measures, "copy-s1", "rho", "both-correct")["reason"])


def test_a_null_value_is_never_without_a_reason(measures):
    undefined = measures[measures["value"].isna()]
    assert undefined["reason"].notna().all()


def test_ratio_equals_a_hand_computation_and_the_copy_is_above_the_twin(study, measures):
    sides = {}
    for model, layer in (("finer-s1", "block3"), ("teacher-s2", "layer4")):
        images = study.images_of(model)
        for column, value in {**HEADLINE, "layer": layer}.items():
            images = images[images[column] == value]
        images = images[images["common"]].set_index("index")
        sides[model] = (images["rho"] - images["null_rho"]).astype(float)
    both = sides["finer-s1"].notna() & sides["teacher-s2"].notna()
    expected = sides["finer-s1"][both].mean() / sides["teacher-s2"][both].mean()
    row = _aligned(measures, "finer-s1", "rho.ratio")
    assert row["value"] == pytest.approx(expected, rel=1e-6)
    assert row["low"] < row["value"] < row["high"]
    assert row["n"] == both.sum()
    assert _aligned(measures, "copy-s1", "image_specific_rho.ratio")["low"] > 1.0
    alone = _aligned(measures, "place-s1", "image_specific_rho.ratio")
    assert alone["low"] < 0.05 < alone["high"] + 0.05


def test_fidelity_is_against_the_reference(measures):
    row = _one(measures, "copy-s1", "agreement", subset="all")
    assert row["reference"] == "teacher-s1"
    chance = _one(measures, "copy-s1", "agreement_chance")["value"]
    assert chance == pytest.approx(0.9 * 0.95 + 0.1 * 0.05 / 3)
    assert row["value"] == pytest.approx(chance, abs=0.05)
    among_errors = _one(measures, "copy-s1", "agreement", subset="reference-wrong")
    assert among_errors["n"] == 20
    assert measures[(measures["model"] == "teacher-s1")]["reference"].isna().all()


def test_layer_pairs_have_cka_with_the_reduction_under_resolution(measures):
    row = _one(measures, "copy-s1", "cka_debiased", layer="block3", reference_layer="layer4")
    assert row["value"] == pytest.approx(1.0, abs=1e-5)
    assert row["resolution"] == "gap"


def test_held_out_accuracy_and_temperature_come_from_the_held_out_probe(measures):
    row = _one(measures, "copy-s1", "accuracy", probe="held-out")
    assert row["n"] == 200
    assert 0.5 < _one(measures, "copy-s1", "temperature")["value"] < 3
    scaled = _one(measures, "copy-s1", "nll_scaled")["value"]
    assert scaled <= _one(measures, "copy-s1", "nll", probe="test")["value"] + 0.01


def test_by_class_rows_cover_every_class_and_subset(measures):
    rows = measures[(measures["measure"] == "image_specific_rho") & measures["class"].notna()]
    rows = rows[(rows["model"] == "copy-s1") & (rows["layer"] == "block3")]
    rows = rows[rows["resolution"] == "input"]
    assert len(rows) == 4 * 2
    np.testing.assert_allclose(rows["value"], 1.0, atol=1e-6)


def test_every_name_is_in_the_catalogue_and_defined_in_the_documentation(measures):
    defined = _headings("measures.md")
    declared = set(registry.measures())
    analyses = ("parts.md", "dark-knowledge.md", "attention-diversity.md", "compression.md")
    pages = (*analyses, "reasoning.md")
    elsewhere = set().union(*map(_headings, pages))
    on_pages = {name for name in elsewhere if name in declared}
    stems = {name.split(".")[0] for name in measures["measure"]}
    suffixes = {"." + name.split(".")[1] for name in measures["measure"] if "." in name}
    assert stems <= declared
    assert declared | suffixes == defined | on_pages
    assert stems == declared - on_pages


def _headings(page):
    """The names in the third-level headings of a page of docs/."""
    text = (Path(__file__).parents[3] / "docs" / page).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("### ")]
    return {name for line in lines for name in re.findall("`([^`]+)`", line)}


def test_the_same_job_gives_the_same_bytes(study, tmp_path):
    measure(dataclasses.replace(study.tables_job(), folder=tmp_path))
    for name in ("measures", "models", "reliability", "divergent", "histories"):
        digests = [store.digest_file(f / f"{name}.parquet") for f in (study.tables, tmp_path)]
        assert digests[0] == digests[1]


def test_a_study_without_twin_held_out_images_and_history_says_so(tmp_path):
    floor = Made("floor-s1", "floor", {"block3": 4, "block2": 8}, own=0, noise=1, accuracy=0.25)
    made = MadeStudy(tmp_path, (MODELS[0], floor), images=80, subset=8, gram_batch=10)
    made.held_out = False
    made.write().compare_all().measure()
    table = made.table("measures")
    ratio = _aligned(table, "floor-s1", "rho.ratio")
    assert np.isnan(ratio["value"])
    assert "no twin" in ratio["reason"]
    assert "held-out" in _one(table, "floor-s1", "temperature")["reason"]
    assert set(made.table("histories")["model"]) == {"teacher-s1"}
    assert np.isnan(made.table("models").set_index("id").at["floor-s1", "held_out_accuracy"])


def test_a_class_without_both_correct_images_is_nan_with_the_reason(tmp_path):
    wrong = Made("never-s1", "control", {"block3": 4, "block2": 8}, accuracy=0.0)
    made = MadeStudy(tmp_path, (MODELS[0], wrong), images=80, subset=8, gram_batch=10)
    table = made.write().compare_all().measure().table("measures")
    row = _aligned(table, "never-s1", "rho", "both-correct")
    assert np.isnan(row["value"])
    assert (row["n"], row["reason"]) == (0, "no image is in the subset")
    shown = made.table("divergent")
    assert (shown["prediction"] != shown["reference_prediction"]).all()


def test_an_unknown_reference_and_missing_settings_are_refused(study):
    job = study.tables_job()
    models = copy.deepcopy(job.settings["models"])
    models[2]["comparisons"][0]["reference"] = "teacher-s9"
    with pytest.raises(ValueError, match=r"'teacher-s9'.*teacher-s1"):
        measure(dataclasses.replace(job, settings={**job.settings, "models": models}))
    with pytest.raises(ValueError, match="'conditions'"):
        measure(dataclasses.replace(job, settings={"study": "x", "models": models}))


def test_probes_of_different_images_are_refused(study, tmp_path):
    other = MadeStudy(tmp_path, images=380).write()
    job = study.tables_job()
    models = [dict(row) for row in job.settings["models"]]
    models[1]["observation"] = str(other.observation("teacher-s2"))
    with pytest.raises(ValueError, match="different images"):
        measure(dataclasses.replace(job, settings={**job.settings, "models": models}))


@pytest.fixture(scope="module")
def both_ways(study, tmp_path_factory):
    """The teacher compared with its twin too, as where the twin is a teacher itself."""
    folder = tmp_path_factory.mktemp("both-ways")
    job = study.compare_job("teacher-s1")
    inputs = {**job.inputs, "reference": str(study.observation("teacher-s2"))}
    compare(dataclasses.replace(job, inputs=inputs, folder=folder / "comparison"))
    job = study.tables_job()
    models = [dict(row) for row in job.settings["models"]]
    models[0]["comparisons"] = [
        {"reference": "teacher-s2", "relation": "twin", "folder": str(folder / "comparison")}
    ]
    settings = {**job.settings, "models": models}
    measure(dataclasses.replace(job, settings=settings, folder=folder / "tables"))
    return store.read_table(folder / "tables" / "measures.parquet")


@pytest.mark.parametrize(
    ("name", "slack"),
    [("rho", 1e-6), ("iou20", 1e-6), ("cosine", 1e-6), ("image_specific_rho", 1e-3)],
)
def test_two_teachers_are_as_alike_from_either_side(both_ways, name, slack):
    """On images that both get right the explained class is the label for both.

    The class means that image-specific rho takes away hold the other images too, which are
    explained for the class that the reference says.
    """
    place = {**HEADLINE, "layer": "layer4", "subset": "common"}
    there = _one(both_ways, "teacher-s2", name, reference="teacher-s1", **place)
    back = _one(both_ways, "teacher-s1", name, reference="teacher-s2", **place)
    assert back["value"] == pytest.approx(there["value"], abs=slack)
    assert back["n"] == there["n"]


def test_a_further_reference_adds_rows_and_changes_none(both_ways, measures):
    further = both_ways["reference"] == "teacher-s2"
    assert set(both_ways.loc[further, "model"]) == {"teacher-s1"}
    agreement = both_ways[further & (both_ways["measure"] == "agreement")]
    assert list(agreement["subset"]) == ["all", "reference-wrong"]
    trivial = both_ways["measure"].str.match("gaussian|edges")
    trivial &= both_ways["model"] == "teacher-s2"
    assert trivial.any()  # it is a reference now
    kept = both_ways[~further & ~trivial].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, measures)


def test_recipes_of_several_seeds_have_a_mean_with_the_t_interval_over_seeds(tmp_path):
    again = dataclasses.replace(MODELS[2], id="copy-s2", seed=2, own=0.7, noise=0.4)
    made = MadeStudy(tmp_path, models=(*MODELS, again)).write().compare_all().measure()
    seeds, measures = made.table("seeds"), made.table("measures")
    rows = seeds[(seeds["condition"] == "copy-student") & (seeds["measure"] == PRIMARY)]
    assert list(rows["seeds"]) == [2]
    names = ("copy-s1", "copy-s2")
    by_seed = [_aligned(measures, name, "image_specific_rho")["value"] for name in names]
    row = rows.iloc[0]
    assert row["value"] == pytest.approx(np.mean(by_seed), abs=1e-6)
    half = stats.t.ppf(0.975, 1) * np.std(by_seed, ddof=1) / np.sqrt(2)
    assert row["high"] - row["value"] == pytest.approx(half, rel=1e-4)
    assert row["two_level_low"] < row["value"] < row["two_level_high"]
    assert row["descriptive"]
    alone = seeds[(seeds["condition"] == "place-control") & (seeds["measure"] == "accuracy")].iloc[
        0
    ]
    assert np.isnan([alone["low"], alone["two_level_low"]]).all()
    assert alone["reason"] == "one seed: no interval over seeds"
