import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from distilscope.reporting.cells import arrange, estimate

from . import made_tables


def tables_of(models):
    builder = made_tables.Builder(models)
    return builder.model_table(), builder.measure()


def rows(values, model="m{}", **columns):
    count = len(values)
    blank = {"low": [math.nan] * count, "high": [math.nan] * count, "interval": [None] * count}
    base = {"model": [model.format(i) for i in range(count)], "value": values, "n": [10] * count}
    return pd.DataFrame({**base, **blank, "reason": [None] * count, **columns})


def test_order_is_teacher_twin_then_sizes_with_their_controls_then_floor():
    labels = [cell.label for cell in arrange(*tables_of(made_tables.default_models()))]
    assert labels == [
        *("Teacher", "Twin", "medium T=2", "medium T=4", "medium T=8", "medium, labels only"),
        *("small T=4", "small, labels only", "tiny T=4", "tiny, labels only", "medium, untrained"),
    ]


def test_seeds_of_one_recipe_are_one_cell_ordered_by_seed():
    cells = arrange(*tables_of(made_tables.default_models(seeds=3)))
    tiny = next(cell for cell in cells if cell.label == "tiny T=4")
    assert tiny.models == tuple(f"tiny-kd-T4-a0.9-s{seed}" for seed in (1, 2, 3))


def test_alpha_is_in_the_label_only_where_it_varies():
    models = [
        made_tables.Made("a", "student", "tiny", 4.0, 0.9, 0.5),
        made_tables.Made("b", "student", "tiny", 4.0, 0.5, 0.5),
    ]
    assert [c.label for c in arrange(*tables_of(models))] == ["tiny T=4 α=0.5", "tiny T=4 α=0.9"]


def test_students_of_several_teachers_are_told_apart():
    models = [made_tables.Made(f"t{i}", "teacher", f"net{i}", None, None, 0.9) for i in (1, 2)]
    models += [made_tables.Made(f"s{i}", "student", "tiny", 4.0, 0.9, 0.5) for i in (1, 2)]
    table, measures = tables_of(models)
    measures["teacher"] = measures["model"].map({"s1": "t1", "s2": "t2"})
    labels = [cell.label for cell in arrange(table, measures)]
    assert labels[2:] == ["tiny T=4 from net1", "tiny T=4 from net2"]


def test_two_recipes_never_share_a_label():
    models = [
        made_tables.Made("p", "teacher", "resnet18", None, None, 0.9),
        made_tables.Made("q", "teacher", "resnet34", None, None, 0.9),
    ]
    labels = [cell.label for cell in arrange(*tables_of(models))]
    assert sorted(labels) == ["Teacher (p)", "Teacher (q)"]


def test_one_seed_keeps_its_own_interval_and_what_it_is_over():
    cell = arrange(*tables_of([made_tables.Made("m0", "student", "tiny", 4.0, 0.9, 0.5)]))[0]
    found = estimate(cell, rows([0.5], low=[0.4], high=[0.7], interval=["images"]))
    assert (found.value, found.low, found.high, found.over) == (0.5, 0.4, 0.7, "images")


def test_several_seeds_give_the_t_interval_of_their_mean():
    models = [made_tables.Made(f"m{i}", "student", "tiny", 4.0, 0.9, 0.5, i) for i in range(4)]
    values = [0.31, 0.36, 0.29, 0.41]
    found = estimate(arrange(*tables_of(models))[0], rows(values))
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert found.value == pytest.approx(np.mean(values))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.over == "seeds" and found.each == tuple(values)


def test_an_undefined_seed_is_left_out_and_said():
    models = [made_tables.Made(f"m{i}", "student", "tiny", 4.0, 0.9, 0.5, i) for i in range(3)]
    found = estimate(arrange(*tables_of(models))[0], rows([0.2, math.nan, 0.4]))
    assert found.value == pytest.approx(0.3)
    assert found.reason == "1 of 3 seeds undefined"


def test_what_was_not_measured_is_undefined_with_a_reason():
    cell = arrange(*tables_of([made_tables.Made("m0", "student", "tiny", 4.0, 0.9, 0.5)]))[0]
    absent = estimate(cell, rows([0.5], model="other{}"))
    empty = estimate(cell, rows([math.nan], reason=["no map has a positive cell"]))
    assert not absent.defined and absent.reason == "not measured"
    assert not empty.defined and empty.reason == "no map has a positive cell"
