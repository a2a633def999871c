import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from distilscope.reporting.conditions import arrange, estimate

from . import made_models, made_tables


def tables_of(models):
    builder = made_tables.Builder(models)
    return builder.condition_table(), builder.model_table()


def rows(values, model="m{}", **columns):
    count = len(values)
    blank = {"low": [math.nan] * count, "high": [math.nan] * count, "interval": [None] * count}
    base = {"model": [model.format(i) for i in range(count)], "value": values, "n": [10] * count}
    return pd.DataFrame({**base, **blank, "reason": [None] * count, **columns})


def test_order_is_teacher_twin_then_sizes_with_their_controls_then_floor():
    labels = [cell.label for cell in arrange(*tables_of(made_models.default_models()))]
    assert labels == [
        *("Teacher", "Twin", "medium T=2", "medium T=4", "medium T=8", "medium, labels only"),
        *("small T=4", "small, labels only", "tiny T=4", "tiny, labels only", "medium, untrained"),
    ]


def test_order_is_that_of_values_whatever_the_rows_and_labels_are():
    """T = 10 comes after T = 2; its label comes before."""
    models = made_models.default_models(temperatures=(10.0, 2.0, 4.0))
    described, table = tables_of(models)
    found = arrange(described.sample(frac=1, random_state=3), table)
    labels = [condition.label for condition in found]
    assert labels[2:5] == ["medium T=2", "medium T=4", "medium T=10"]


def test_of_models_compressed_in_one_way_the_mildest_is_first():
    """Half of the rank is milder than a tenth of it; a third pruned is milder than two thirds."""
    done = [{"dtype": "bf16"}, {"low_rank": 0.1}, {"prune": 0.7}, {"low_rank": 0.5}, {"prune": 0.3}]
    made = [made_models.Made(f"m{i}", "compressed", "tiny", None, None, 0.5) for i in range(5)]
    described, table = tables_of(made)
    described = pd.concat([described.head(1)] * 5, ignore_index=True).assign(
        condition=list("abcde"), label=list("abcde"), parameters=[json.dumps(way) for way in done]
    )
    table["condition"] = list("abcde")
    assert [found.label for found in arrange(described, table)] == list("ecdba")


def test_seeds_of_one_condition_are_together_ordered_by_seed():
    conditions = arrange(*tables_of(made_models.default_models(seeds=3)))
    tiny = next(condition for condition in conditions if condition.label == "tiny T=4")
    assert tiny.models == tuple(f"tiny-kd-T4-a0.9-s{seed}" for seed in (1, 2, 3))


def test_labels_are_those_of_the_table():
    described, models = tables_of([made_models.Made("a", "student", "tiny", 4.0, 0.9, 0.5)])
    (found,) = arrange(described.assign(label="called so"), models)
    assert found.label == "called so"


def test_a_condition_without_models_is_left_out():
    described, models = tables_of(made_models.default_models())
    labels = [found.label for found in arrange(described, models[models["role"] != "twin"])]
    assert "Twin" not in labels and "Teacher" in labels


def test_several_teachers_without_a_twin_stand_in_its_place():
    made = [made_models.Made(f"t{i}", "teacher", "net", None, None, 0.9, i) for i in (1, 2)]
    teacher, others = arrange(*tables_of(made))
    assert teacher.models == ("t1", "t2")
    assert (others.label, others.role, others.models) == (
        "Other teachers",
        "twin",
        ("pairs of net",),
    )


def test_what_an_objective_derives_is_a_number_or_nothing():
    student, control = (
        arrange(*tables_of([made_models.Made("m", *of, 0.5)]))[0]
        for of in (("student", "tiny", 4.0, 0.9), ("control", "tiny", None, None))
    )
    assert (student.number("T"), control.number("T"), student.number("tau")) == (4.0, None, None)


def test_one_seed_keeps_its_own_interval_and_what_it_is_over():
    condition = arrange(*tables_of([made_models.Made("m0", "student", "tiny", 4.0, 0.9, 0.5)]))[0]
    found = estimate(condition, rows([0.5], low=[0.4], high=[0.7], interval=["images"]))
    assert (found.value, found.low, found.high, found.over) == (0.5, 0.4, 0.7, "images")


def test_several_seeds_give_the_t_interval_of_their_mean():
    models = [made_models.Made(f"m{i}", "student", "tiny", 4.0, 0.9, 0.5, i) for i in range(4)]
    values = [0.31, 0.36, 0.29, 0.41]
    found = estimate(arrange(*tables_of(models))[0], rows(values))
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert found.value == pytest.approx(np.mean(values))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.over == "seeds" and found.each == tuple(values)


def test_an_undefined_seed_is_left_out_and_said():
    models = [made_models.Made(f"m{i}", "student", "tiny", 4.0, 0.9, 0.5, i) for i in range(3)]
    found = estimate(arrange(*tables_of(models))[0], rows([0.2, math.nan, 0.4]))
    assert found.value == pytest.approx(0.3)
    assert found.reason == "1 of 3 seeds undefined"


def test_what_was_not_measured_is_undefined_with_a_reason():
    condition = arrange(*tables_of([made_models.Made("m0", "student", "tiny", 4.0, 0.9, 0.5)]))[0]
    absent = estimate(condition, rows([0.5], model="other{}"))
    empty = estimate(condition, rows([math.nan], reason=["no map has a positive cell"]))
    assert not absent.defined and absent.reason == "not measured"
    assert not empty.defined and empty.reason == "no map has a positive cell"
