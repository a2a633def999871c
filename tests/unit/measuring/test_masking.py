"""The causal check, against falls worked out image by image."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from distilscope import registry, store
from distilscope.analyses.masking.measure import AREAS, UNDEFINED, measure
from distilscope.measuring import observations
from distilscope.measuring.entries import Entry
from distilscope.measuring.rows import Rows
from distilscope.statistics.bootstrap import Resamples

N, CLASSES = 60, 4
LABELS = np.arange(N) % CLASSES


def logits(seed: int, sharp: float) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(N, CLASSES))
    found[np.arange(N), LABELS] += sharp
    return found.astype(np.float32)


SHOWN = np.setdiff1d(np.arange(N), [7, 20, 33])
"""Where the images that are covered are among all: the check is made on a part of them."""


def write(folder: Path, values: np.ndarray, labels: np.ndarray, rows=slice(None)) -> None:
    table = {"index": np.arange(N)[rows] + 500, "label": labels[rows], "logits": list(values[rows])}
    store.write_table(folder / "logits.parquet", pd.DataFrame(table))


@pytest.fixture
def made(tmp_path):
    """With the labels that the images have."""
    return measured(tmp_path, LABELS)


def measured(tmp_path, labels):
    """A teacher, a student that needs the teacher's area, and a student that needs none."""
    says = {"teacher": logits(0, 4.0), "needs": logits(1, 3.0), "blind": logits(2, 3.0)}
    covered = {
        ("needs", "top"): logits(3, -1.0),
        ("needs", "random"): logits(4, 2.5),
        ("needs", "centre"): logits(5, 2.5),
        **{("blind", area): says["blind"] for area in AREAS},
        **{("teacher", area): logits(6, 0.5) for area in AREAS},
    }
    undefined = np.zeros(N, bool)
    undefined[:5] = True
    arrays = {f"{folder}.defined": ~undefined[SHOWN] for folder in AREAS.values()}
    store.write_tensors(tmp_path / "masked" / "images.safetensors", arrays)
    entries, relation = {}, {"needs": "teacher", "blind": "teacher"}
    for name, own in says.items():
        write(tmp_path / name / "test", own, labels)
        beside = (("teacher", relation[name], tmp_path),) if name in relation else ()
        plain = {"role": "student", "network": name, "source": "given", "architecture": None}
        entries[name] = Entry(
            *(name, name),
            **plain,
            seed=0,
            teachers=(),
            identity=name,
            explained=(),
            folder=tmp_path,
            observation=tmp_path / name,
            references=beside,
        )
        for area, folder in AREAS.items():
            write(tmp_path / f"{name}-covered" / folder, covered[name, area], labels, SHOWN)
    pooled = {}
    study = SimpleNamespace(
        entry=entries.get,
        index=np.arange(N) + 500,
        positions=lambda index: index - 500,
        outputs={n: observations.read_outputs(tmp_path / n, "test") for n in says},
        resamples=Resamples.draw(N, 300),
        level=0.95,
        rows=Rows("x", "test", registry.analyses(), analysis="masking"),
        pool=lambda *place: pooled.update({place[:-1]: place[-1]}),
    )
    shown = [
        {
            "model": name,
            "teacher": "teacher",
            "masked": str(tmp_path / "masked"),
            "observation": str(tmp_path / f"{name}-covered"),
        }
        for name in says
    ]
    measure(study, {"shown": shown})
    return study.rows.frame(), says, covered, undefined, pooled


def number(rows, model, name, area=None):
    chosen = (rows["model"] == model) & (rows["measure"] == name)
    chosen &= rows["variant"].isna() if area is None else rows["variant"] == area
    (row,) = rows[chosen].to_dict("records")
    return row


def test_falls_are_means_over_the_images_that_both_get_right(made):
    rows, says, covered, undefined, _ = made
    for area in AREAS:
        falls, changed = [], []
        for image in SHOWN:
            right = all(says[m][image].argmax() == LABELS[image] for m in ("teacher", "needs"))
            if right and not undefined[image]:
                taught = says["teacher"][image].argmax()
                before, after = says["needs"][image], covered["needs", area][image]
                falls.append(softmax(before)[taught] - softmax(after)[taught])
                changed.append(before.argmax() != after.argmax())
        row = number(rows, "needs", "masking_drop", area)
        assert row["value"] == pytest.approx(np.mean(falls), abs=1e-6)
        assert row["n"] == len(falls) and row["low"] < row["value"] < row["high"]
        assert number(rows, "needs", "masking_changed", area)["value"] == np.mean(changed)


def test_who_needs_the_teachers_area_is_told_from_who_does_not(made):
    rows, *_ = made
    needs, blind = (number(rows, name, "masking_excess") for name in ("needs", "blind"))
    drops = [number(rows, "needs", "masking_drop", area)["value"] for area in AREAS]
    assert needs["value"] == pytest.approx(drops[0] - (drops[1] + drops[2]) / 2, abs=1e-6)
    assert needs["low"] > 0.3
    assert blind["value"] == blind["low"] == blind["high"] == 0
    assert needs["relation"] == "teacher" and needs["reference"] == "teacher"


def test_the_teacher_stands_beside_nobody(made):
    rows, *_ = made
    assert number(rows, "teacher", "masking_drop", "top")["reference"] is None


def test_images_without_an_area_are_counted_with_the_reason(made):
    rows, says, _, undefined, pooled = made
    right = [(says[m].argmax(axis=1) == LABELS) for m in ("teacher", "needs")]
    left_out = int((right[0] & right[1] & undefined)[SHOWN].sum())
    row = number(rows, "needs", "masking_excess")
    assert row["n_undefined"] == left_out > 0 and UNDEFINED in row["reason"]
    own = pooled["masking_excess", "both-correct", "needs", "teacher"]
    assert np.nanmean(own) == pytest.approx(row["value"]) and np.isnan(own[:5]).all()
    assert np.isnan(own[[7, 20, 33]]).all()


def test_without_labels_all_images_count(tmp_path):
    rows, says, covered, undefined, _ = measured(tmp_path, np.full(N, -1))
    row = number(rows, "needs", "masking_drop", "top")
    falls = []
    for image in SHOWN:
        if not undefined[image]:
            taught = says["teacher"][image].argmax()
            before, after = softmax(says["needs"][image]), softmax(covered["needs", "top"][image])
            falls.append(before[taught] - after[taught])
    assert row["value"] == pytest.approx(np.mean(falls), abs=1e-6)
    assert row["subset"] == "all" and row["n"] == len(SHOWN) - 5
