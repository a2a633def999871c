"""What measures of layers give on degenerate input: a number by its definition, or NaN and why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distilscope import store
from distilscope.analyses.representation.compare import layer_table, read_sides
from distilscope.analyses.representation.measure import add_layer_rows
from distilscope.measuring import observations
from distilscope.measuring.rows import Rows

from .expected import cells, check
from .made_entry import made_entry, made_study

N = 60


def features(images: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((images, 8)).astype(np.float32)


def rounded(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(-1e-7, 1e-7, (N, 8))
    return (np.arange(1, 9) * (1 + noise)).astype(np.float32)


SEEN = {  # input -> features of the model's and the reference's layer, images in a batch of Grams
    "zero": (np.zeros((N, 8), np.float32), features(N, 1), 30),
    "constant": (np.full((N, 8), 0.7, np.float32), np.full((N, 8), 0.2, np.float32), 30),
    "rounding": (rounded(1), rounded(2), 30),
    "ties": (*(np.eye(8, dtype=np.float32)[np.arange(N) % 2] for _ in range(2)), 30),
    "one-image": (features(1, 1), features(1, 1), 30),
    "few-images": (features(8, 1), features(8, 1), 4),
    "no-batch": (features(N, 1), features(N, 1), 200),
}
VARY = "features do not vary"
BATCH = "fewer images than one batch of Grams"
FEW = "fewer images than an image needs as neighbours"
LAYERS: dict[str, dict[str, float | str]] = {
    "zero": {"cka_debiased": VARY, "cka_biased": VARY, "mutual_knn": VARY},
    "constant": {
        "cka_debiased": VARY,
        "cka_biased": VARY,
        "cka_biased_null": VARY,
        "mutual_knn": VARY,
        "mutual_knn_null": 10 / 59,
    },
    "rounding": {"cka_debiased": VARY, "cka_biased": VARY, "mutual_knn": VARY},
    "ties": {
        "cka_biased": 1.0,  # both tell the same two groups apart
        "mutual_knn": "others are equally near",
    },
    "one-image": {
        "cka_debiased": BATCH,
        "cka_biased": BATCH,
        "mutual_knn": FEW,
        "mutual_knn_null": FEW,
    },
    "few-images": {"cka_biased": 1.0, "mutual_knn": FEW, "mutual_knn_null": FEW},
    "no-batch": {
        "cka_debiased": BATCH,
        "cka_biased": BATCH,
        "cka_biased_null": BATCH,
        "mutual_knn": 1.0,  # they are the same features
    },
}


def observed(folder: Path, rows: np.ndarray, batch: int) -> Path:
    index = np.arange(len(rows))
    store.write_tensors(folder / "test/features.safetensors", {"index": index, "last.gap": rows})
    whole = len(rows) // batch
    parts = rows[: whole * batch].reshape(whole, batch, rows.shape[1])
    parts = (parts - parts.mean(axis=1, keepdims=True, dtype=np.float64)).astype(np.float32)
    grams = parts @ parts.transpose(0, 2, 1)
    store.write_tensors(
        folder / "test/grams.safetensors",
        {"index": index[: whole * batch].reshape(whole, batch), "last.gap": grams},
    )
    return folder


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> dict[str, pd.DataFrame]:
    found = {}
    for name, (own, other, batch) in SEEN.items():
        place = tmp_path_factory.mktemp(name)
        folders = observed(place / "own", own, batch), observed(place / "other", other, batch)
        sides = read_sides(folders, "test", (["last"], ["last"]))
        table = layer_table(sides, "test", ["gap"], 10)
        store.write_table(place / "layers.parquet", table)
        entry = made_entry("m", references=[("t", "teacher")], compared_in=place)
        rows = Rows("made-up", "test", ("representation",), analysis="representation")
        add_layer_rows(made_study([entry], len(own), 4), rows, entry.compared[0])
        found[name] = rows.frame()
    return found


@pytest.mark.parametrize(("name", "measure", "expected"), cells(LAYERS))
def test_representation(seen, name, measure, expected):
    (row,) = seen[name][seen[name]["measure"] == measure].to_dict("records")
    check(expected, row["value"], row["reason"])
    if isinstance(expected, str):
        assert row["n"] == 0 or measure == "mutual_knn_null"


# ------------------------------------------------------------------------------------ not finite


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("file", ["features", "grams"])
def test_features_and_grams_that_are_not_finite_are_refused_by_name(tmp_path, file, bad):
    """Logits and maps: `test_compare` and `test_tables`."""
    folder = observed(tmp_path, features(N, 1), 30)
    path = folder / "test" / f"{file}.safetensors"
    tensors = store.read_tensors(path)
    tensors["last.gap"].flat[3] = bad
    store.write_tensors(path, tensors)
    with pytest.raises(ValueError, match=rf"{file}.*'last\.gap' holds a value that is not finite"):
        if file == "features":
            observations.read_features(folder, "test", ["last"])
        else:
            observations.read_grams(folder, "test", ["last"], "gap")
