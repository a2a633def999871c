"""The Python face gives the numbers of the pipeline's jobs on the same two networks and images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import distilscope as ds
from distilscope import store
from distilscope.analyses.alignment.plan import EXPLAINED
from distilscope.analyses.alignment.shares import IOU_CURVE
from distilscope.data.dataset import load
from distilscope.measuring.compare import compare
from distilscope.measuring.tables import measure
from distilscope.observing.observe import observe
from distilscope.planning.conditions import Condition
from distilscope.planning.job import Job

from ..observing.making import PLAIN, PLAIN_LAYERS, lively, write_dataset, write_model

IMAGES, GRAM_BATCH = 88, 20
ALIGNMENT = {"top": 0.2, "folds": 5, "shuffles": 20, "minimum_class": 10, "seed": 0}
CURVE = [0.05, 0.1, 0.2, 0.3, 0.5]
SEEDS = {"teacher": 1, "student": 2}
WHERE = [
    *("model", "reference", "subset", "layer", "reference_layer", "method", "resolution"),
    *("explained", "class", "measure"),
]


def observed(folder: Path, name: str, references: list[str]) -> Job:
    write_model(folder / f"{name}-model", lively(PLAIN, seed=SEEDS[name]))
    settings = {
        "architecture": PLAIN,
        "layers": PLAIN_LAYERS,
        "explained": ["block3", "block2"],
        "head": "head",
        "preprocessing": None,
        "probes": [
            {"name": "test", "split": "test", "contents": ["logits", "saliency", "features"]}
        ],
        "methods": ["gradcam"],
        "subset": {"images": 8, "seed": 0},
        "ig_steps": 4,
        "gram_batch": GRAM_BATCH,
        "reductions": ["gap"],
        "threads": 1,
    }
    inputs = {
        "dataset": str(folder / "dataset"),
        "model": str(folder / f"{name}-model"),
        "references": [str(folder / reference) for reference in references],
    }
    return Job("observation", name, "0" * 12, settings, inputs, folder / name)


def row(folder: Path, name: str, compared: list[dict]) -> dict:
    return {
        **{"id": name, "condition": name, "role": name, "network": name, "source": "trained"},
        **{"architecture": None, "seed": 1, "teachers": [], "identity": "0" * 12},
        **{"explained": ["block3", "block2"], "comparisons": compared},
        "model": str(folder / f"{name}-model"),
        "observation": str(folder / name),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A study of two networks, by the jobs of the pipeline."""
    place = tmp_path_factory.mktemp("pipeline")
    write_dataset(place / "dataset", images=IMAGES)
    # Folds are a hash of the index, which is the position where somebody gives a tensor.
    arrays = store.read_tensors(place / "dataset/images.safetensors")
    arrays["test.indices"] = np.arange(IMAGES)
    store.write_tensors(place / "dataset/images.safetensors", arrays)
    observe(observed(place, "teacher", []))
    observe(observed(place, "student", ["teacher"]))
    settings = {
        "probe": "test",
        "methods": ["gradcam"],
        "layers": [["block3", "block3"], ["block2", "block2"]],
        "layer_names": list(PLAIN_LAYERS),
        "reference_layer_names": list(PLAIN_LAYERS),
        "reductions": ["gap"],
        "image_size": 16,
        "analyses": {
            "alignment": {
                **ALIGNMENT,
                "curve": CURVE,
                "resolutions": ["native", "input"],
                "explained": ["reference", "own", "label"],
                "object": None,
            },
            "representation": {"neighbours": 10},
        },
    }
    inputs = {
        "dataset": str(place / "dataset"),
        "observation": str(place / "student"),
        "reference": str(place / "teacher"),
        "common": [str(place / "teacher")],
    }
    compare(Job("comparison", "pair", "0" * 12, settings, inputs, place / "comparison"))
    beside = [{"reference": "teacher", "relation": "teacher", "folder": str(place / "comparison")}]
    conditions = {
        name: {**Condition(name, name).record(), "label": name, "derived": {}} for name in SEEDS
    }
    settings = {
        "study": "pair",
        "models": [row(place, "teacher", []), row(place, "student", beside)],
        "conditions": conditions,
        "statistics": {"bootstrap": 1000, "level": 0.95, "seed": 0},
        "methods": ["gradcam"],
        "claims": None,
        "analyses": {
            "outputs": {"ece_bins": 15},
            "alignment": {**ALIGNMENT, "curve": CURVE, "divergent": 3, "method": "gradcam"},
            "representation": {"neighbours": 10},
        },
    }
    inputs = {"dataset": str(place / "dataset")}
    measure(Job("tables", "pair", "0" * 12, settings, inputs, place / "tables"))
    return place


@pytest.fixture(scope="module")
def pipeline(folder) -> pd.DataFrame:
    return store.read_table(folder / "tables" / "measures.parquet")


def face(folder: Path, resolution: str, labels: bool = True) -> ds.Comparison:
    dataset = load(folder / "dataset")
    split = dataset.split("test")
    return ds.compare(
        lively(PLAIN, seed=SEEDS["teacher"]),
        lively(PLAIN, seed=SEEDS["student"]),
        dataset.normalise(split.images),
        split.labels if labels else None,
        layers=[f"blocks.{name}" for name in PLAIN_LAYERS],
        explained=["blocks.block3", "blocks.block2"],
        resolution=resolution,
        batch=17,
        gram_batch=GRAM_BATCH,
    )


@pytest.fixture(scope="module")
def native(folder) -> ds.Comparison:
    return face(folder, "native")


def joined(found: pd.DataFrame, pipeline: pd.DataFrame) -> pd.DataFrame:
    own = found.assign(
        layer=found["layer"].str.removeprefix("blocks."),
        reference_layer=found["reference_layer"].str.removeprefix("blocks."),
    )
    sides = [side.assign(**{k: side[k].astype(str) for k in WHERE}) for side in (own, pipeline)]
    return sides[0].merge(sides[1], "left", WHERE, suffixes=("", "_there"), indicator=True)


def test_every_number_of_the_face_is_in_the_tables_of_the_pipeline(native, pipeline):
    """Batches differ, so that sums in float32 do in their last digits."""
    both = joined(native.measures, pipeline)
    assert len(both) == len(native.measures) > 400
    assert both["_merge"].eq("both").all()
    for column in ("value", "low", "high"):
        np.testing.assert_allclose(both[column], both[f"{column}_there"], rtol=1e-4, atol=2e-5)
    assert both["n"].equals(both["n_there"])
    assert both["reason"].fillna("").eq(both["reason_there"].fillna("")).all()


def test_no_number_at_its_resolution_is_missing_from_the_face(native, pipeline):
    left_out = {"temperature", "ece_scaled", "nll_scaled", "multiply_adds"}
    rows = pipeline[~pipeline["measure"].isin(left_out) & pipeline["resolution"].ne("input")]
    rows = rows[~rows["measure"].str.contains(r"\.ratio$|^(?:gaussian|edges)_")]
    assert set(rows["measure"]) == set(native.measures["measure"])
    assert len(rows) == len(native.measures)


def test_at_input_resolution_the_headline_is_the_headline_of_a_study(folder, pipeline):
    found = face(folder, "input")
    shown = pipeline[pipeline["headline"] & pipeline["class"].isna()]
    for measured in ("image_specific_rho", "rho", "iou20", "agreement", "null_rho"):
        rows = shown[(shown["measure"] == measured) & (shown["model"] == "student")]
        subset = "common" if "common" in set(rows["subset"]) else "all"
        there = rows[rows["subset"] == subset]["value"].item()
        assert found.value(measured) == pytest.approx(there, abs=2e-5)


def test_plain_functions_give_the_numbers_of_the_table(native):
    """On the maps and logits of the result, over all images."""
    rows = native.measures
    rows = rows[rows["headline"] & rows["subset"].eq("all") & rows["class"].isna()]
    known = rows[rows["model"] == "student"].set_index("measure")["value"]
    maps, logits = native.maps, native.logits
    pair = maps.student, maps.teacher
    specific = ds.measures.image_specific_rho(*pair, maps.classes, minimum=10)
    assert specific.value == pytest.approx(known["image_specific_rho"], abs=1e-6)
    by_image = {
        "rho": ds.measures.rho(*pair),
        "iou20": ds.measures.iou(*pair, share=0.2),
        "cosine": ds.measures.cosine(*pair),
        "mass_lift20": ds.measures.mass_lift(*pair, share=0.2),
        "agreement": ds.measures.agreement(logits["student"], logits["teacher"]),
        "js": ds.measures.js(logits["student"], logits["teacher"]),
    }
    for name, values in by_image.items():
        assert ds.measures.mean(values).value == pytest.approx(known[name], abs=1e-6), name
    kappa = ds.measures.kappa(logits["student"], logits["teacher"])
    assert kappa == pytest.approx(known["kappa"])


def test_plain_functions_of_outputs_give_the_numbers_of_the_table(native, folder):
    labels = load(folder / "dataset").split("test").labels.numpy()
    for name in ("accuracy", "nll", "brier"):
        own = getattr(ds.measures, name)(native.logits["teacher"], labels)
        assert ds.measures.mean(own).value == pytest.approx(native.value(name, "teacher"))
    for name in ("ece", "ece_equal_mass"):
        own = getattr(ds.measures, name)(native.logits["student"], labels)
        assert own == pytest.approx(native.value(name))


def test_without_labels_the_numbers_that_need_none_stay_and_the_others_go(folder, native):
    found = face(folder, "native", labels=False)
    both = joined(found.measures, native.measures.assign(
        layer=native.measures["layer"].str.removeprefix("blocks."),
        reference_layer=native.measures["reference_layer"].str.removeprefix("blocks."),
    ))  # fmt: skip
    plain = both[~both["measure"].str.startswith("null_")]
    assert plain["_merge"].eq("both").all()
    np.testing.assert_allclose(plain["value"], plain["value_there"], rtol=1e-6, atol=1e-7)
    assert set(found.measures["subset"].dropna()) == {"all"}
    assert not {"accuracy", "ece", "nll"} & set(found.measures["measure"])
    assert "accuracy" not in found.summary().lower() and "without labels" in found.summary()
    assert not {"label", "correct"} & set(found.images)


def test_the_settings_of_the_test_are_those_that_a_study_has():
    """The test spells them out; a study and the face take them from the declarations."""
    assert (list(IOU_CURVE), list(EXPLAINED)) == (CURVE, ["reference", "own", "label"])
