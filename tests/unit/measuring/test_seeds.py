"""What is pooled over seeds, and what is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from distilscope.measuring.seeds import seeds_table

from .made_entry import made_entry, made_study

IMAGES = 40


def _entry(name, condition, role, seed=1, references=()):
    return made_entry(name, role, condition, seed, references)


def _study(entries, shared=()):
    """`rho` of every comparison is drawn; `shared` are measures of a model alone."""
    study = made_study(entries, IMAGES, 2)
    generator = np.random.default_rng(2)
    for entry in study.entries:
        for measure in shared:
            study.pool(measure, "all", entry.id, None, generator.standard_normal(IMAGES))
        for each in entry.compared:
            values = generator.standard_normal(IMAGES)
            study.pool("rho", "common", entry.id, each.reference, values)
    return study


def _teachers():
    return [_entry("large-s1", "large", "teacher"), _entry("huge-s1", "huge", "teacher")]


def _of(table, measure, condition):
    return table[(table["measure"] == measure) & (table["condition"] == condition)]


def test_two_teachers_and_three_seeds_are_two_rows_of_three_seeds():
    entries = _teachers()
    for teacher in ("large", "huge"):
        for seed in (1, 2, 3):
            name = f"small-kd-{teacher}"
            own = [(f"{teacher}-s1", "teacher")]
            entries.append(_entry(f"{name}-s{seed}", name, "student", seed, own))
    study = _study(entries)
    table = seeds_table(study)
    assert list(table["seeds"]) == [3, 3]
    assert list(table["reference"]) == ["large-s1", "huge-s1"]
    values = study.by_image["rho", "common"]
    for row, teacher in zip(table.to_dict("records"), ("large", "huge"), strict=True):
        means = [
            values[f"small-kd-{teacher}-s{seed}", f"{teacher}-s1"].mean() for seed in (1, 2, 3)
        ]
        assert row["value"] == pytest.approx(np.mean(means))
        half = stats.t.ppf(0.975, 2) * np.std(means, ddof=1) / np.sqrt(3)
        assert row["high"] - row["value"] == pytest.approx(half)


def test_a_control_has_a_row_beside_each_teacher_and_one_accuracy():
    entries = _teachers()
    for seed in (1, 2, 3):
        both = [("large-s1", "teacher"), ("huge-s1", "teacher")]
        entries.append(_entry(f"small-ce-s{seed}", "small-ce", "control", seed, both))
    table = seeds_table(_study(entries, shared=("accuracy",)))
    assert list(_of(table, "rho", "small-ce")["reference"]) == ["large-s1", "huge-s1"]
    assert list(_of(table, "rho", "small-ce")["seeds"]) == [3, 3]
    accuracy = _of(table, "accuracy", "small-ce")
    assert accuracy["reference"].isna().all()
    assert list(accuracy["seeds"]) == [3]


def test_a_student_s_own_teacher_and_another_one_are_not_pooled():
    """Both teachers are of one entry: what one student learned from is another's other teacher."""
    entries = [_entry(f"large-s{seed}", "large", "teacher", seed) for seed in (1, 2)]
    for seed in (1, 2, 3):
        own, other = ("large-s2", "large-s1") if seed == 2 else ("large-s1", "large-s2")
        found = [(own, "teacher"), (other, "other-teacher")]
        entries.append(_entry(f"small-kd-s{seed}", "small-kd", "student", seed, found))
    study = _study(entries)
    table = seeds_table(study)
    assert list(table["relation"]) == ["teacher", "other-teacher"]
    assert list(table["seeds"]) == [3, 3]
    values = study.by_image["rho", "common"]
    own = [
        values[pair].mean()
        for pair in (
            ("small-kd-s1", "large-s1"),
            ("small-kd-s2", "large-s2"),
            ("small-kd-s3", "large-s1"),
        )
    ]
    assert table["value"].iloc[0] == pytest.approx(np.mean(own))


def test_seeds_that_have_teachers_of_one_entry_in_turn_are_one_row_with_the_entry_s_name():
    entries = [_entry(f"large-s{seed}", "large", "teacher", seed) for seed in (1, 2)]
    for seed in (1, 2, 3, 4):
        own = [(f"large-s{1 + (seed + 1) % 2}", "teacher")]
        entries.append(_entry(f"small-kd-s{seed}", "small-kd", "student", seed, own))
    table = seeds_table(_study(entries))
    assert list(table["seeds"]) == [4]
    assert list(table["reference"]) == ["large"]


def test_a_model_with_several_references_of_a_kind_counts_as_one_seed():
    entries = [_entry(f"large-s{seed}", "large", "teacher", seed) for seed in (1, 2, 3)]
    for seed in (1, 2):
        others = [("large-s2", "other-teacher"), ("large-s3", "other-teacher")]
        entries.append(_entry(f"small-kd-s{seed}", "small-kd", "student", seed, others))
    study = _study(entries)
    row = seeds_table(study).iloc[0]
    values = study.by_image["rho", "common"]
    means = [
        np.mean([values[f"small-kd-s{s}", f"large-s{t}"].mean() for t in (2, 3)]) for s in (1, 2)
    ]
    assert row["seeds"] == 2
    assert row["value"] == pytest.approx(np.mean(means))


def test_teachers_and_their_twins_are_not_pooled():
    entries = [
        _entry("large-s1", "large", "teacher"),
        _entry("large-s2", "large-twin", "twin", 2, [("large-s1", "twin")]),
        _entry("committee", "committee", "committee"),
    ]
    assert seeds_table(_study(entries, shared=("accuracy",))).empty
