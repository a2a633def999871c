"""Maps under randomised weights, against loops with scipy over the stored maps."""

import dataclasses
import shutil

import numpy as np
import pytest
from scipy import stats

from distilscope import store
from distilscope.measuring.tables import measure

from .made_models import MODELS
from .made_study import MadeStudy

STEPS = {"flipped": [["cascade", 1], ["independent", 1]], "other": [["cascade", 2]]}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = MadeStudy(tmp_path_factory.mktemp("randomisation"), MODELS[:3], images=120, subset=12)
    return made.write().compare_all()


def _derived(study, name, change):
    """An observation like the teacher's, with its GradCAM maps changed."""
    folder = study.observation(name)
    shutil.copytree(study.observation(study.teacher), folder, dirs_exist_ok=True)
    (folder / "run.json").unlink(missing_ok=True)
    path = folder / "test" / "saliency.gradcam.parquet"
    table, about = store.read_table(path), store.read_table_metadata(path)
    store.write_table(path, table.assign(map=change(table["map"])), about)
    return {
        "id": name,
        "original": study.teacher,
        "randomised": f"up to {name}",
        "steps": STEPS[name],
        "observation": str(folder),
    }


def _noise(column):
    generator = np.random.default_rng(0)
    return [generator.standard_normal(len(values)).astype(np.float32) for values in column]


@pytest.fixture(scope="module")
def table(study, tmp_path_factory):
    rows = [_derived(study, "flipped", lambda c: [-v for v in c]), _derived(study, "other", _noise)]
    job = study.tables_job(randomisation={"derived": rows})
    folder = tmp_path_factory.mktemp("tables")
    measure(dataclasses.replace(job, folder=folder))
    return store.read_table(folder / "randomisation.parquet"), folder


def _one(table, **wanted):
    for column, value in wanted.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_there_is_a_row_for_each_step_method_layer_and_measure(table):
    rows, _ = table
    assert len(rows) == 3 * 3 * 2
    key = ["model", "mode", "depth", "method", "layer", "measure"]
    assert not rows.duplicated(key).any()
    assert set(zip(rows["method"], rows["layer"], strict=True)) == {
        ("gradcam", "layer4"),
        ("gradcam", "layer3"),
        ("saliency", "input"),
    }


def test_a_change_of_sign_turns_rho_and_not_that_of_absolute_values(table):
    rows, _ = table
    place = {"model": "flipped", "mode": "cascade", "method": "gradcam", "layer": "layer4"}
    assert _one(rows, **place, measure="rho")["value"] == pytest.approx(-1.0)
    assert _one(rows, **place, measure="rho_abs")["value"] == pytest.approx(1.0)
    assert _one(rows, **place, measure="rho")["n"] == 120


def test_values_equal_a_loop_with_scipy_over_the_maps_of_the_originals_prediction(study, table):
    rows, _ = table
    sides = []
    for name in ("other", study.teacher):
        stored = store.read_table(study.observation(name) / "test" / "saliency.gradcam.parquet")
        stored = stored[stored["layer"] == "layer3"]
        sides.append(stored.set_index(["index", "class"])["map"])
    keys = list(zip(study.index, study.teacher_predictions(), strict=True))
    for measure_name, change in (("rho", np.asarray), ("rho_abs", np.abs)):
        pairs = [[change(side[key]) for side in sides] for key in keys]
        expected = np.mean([stats.spearmanr(*pair).statistic for pair in pairs])
        row = _one(rows, model="other", layer="layer3", measure=measure_name)
        assert row["value"] == pytest.approx(expected, abs=1e-9)
        assert row["low"] < row["value"] < row["high"]


def test_methods_on_the_subset_are_measured_there(study, table):
    rows, _ = table
    row = _one(rows, model="other", method="saliency", measure="rho_abs")
    assert (row["n"], row["value"]) == (12, pytest.approx(1.0))


def test_constant_maps_are_undefined_and_counted(study, tmp_path):
    row = _derived(study, "other", lambda c: [np.zeros_like(v) for v in c])
    job = study.tables_job(randomisation={"derived": [row]}, methods=["gradcam"])
    measure(dataclasses.replace(job, folder=tmp_path))
    found = _one(
        store.read_table(tmp_path / "randomisation.parquet"), layer="layer4", measure="rho"
    )
    assert np.isnan(found["value"]) and found["n"] == 0
    assert found["reason"] == "120 undefined: a map is the same everywhere"


def test_derived_models_change_no_other_table(study, table, tmp_path):
    _, folder = table
    measure(dataclasses.replace(study.tables_job(), folder=tmp_path))
    for name in ("measures", "models", "reliability", "divergent", "histories", "seeds"):
        digests = {store.digest_file(f / f"{name}.parquet") for f in (folder, tmp_path)}
        assert len(digests) == 1, name
    assert not (tmp_path / "randomisation.parquet").exists()
