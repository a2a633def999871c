"""The table of learning rates, from the histories of the students that were tried."""

from types import SimpleNamespace

import pandas as pd

from distilscope import store
from distilscope.analyses.reasoning import TABLES, tuning_table


def test_the_best_rate_of_an_arm_is_that_of_the_last_epoch_on_held_out_items(tmp_path):
    tried = [
        ("tiny", "ce", 0.003, [0.7, 0.5], False),  # the first epoch counts for nothing
        ("tiny", "ce", 0.006, [0.1, 0.6], True),
        ("small", "ce", 0.003, [0.1, 0.9], False),
        ("small", "ce", 0.006, [0.1, 0.7], True),
        ("tiny", "kd T 1", 0.003, [0.2, 0.8], False),
        ("tiny", "kd T 1", 0.006, [0.3, 0.8], True),
    ]
    folders, settings = [], []
    for place, (student, arm, rate, accuracy, used) in enumerate(tried):
        folders.append(tmp_path / str(place))
        history = {"epoch": [1, 2], "held_out_accuracy": accuracy, "held_out_nll": [2.0, 1.0]}
        store.write_table(folders[-1] / "history.parquet", pd.DataFrame(history))
        own = {"arm": arm, "student": student, "teachers": [], "lr": rate, "used": used}
        settings.append({**own, "seed": 9})
    study = SimpleNamespace(job=SimpleNamespace(inputs_of=lambda role: folders))
    table = tuning_table.table(study, {"tried": settings})
    assert table["held_out_accuracy"].tolist() == [0.5, 0.6, 0.9, 0.7, 0.8, 0.8]
    assert table["best"].tolist() == [False, True, True, False, True, False]  # of equals the first
    assert table["used"].tolist() == [False, True, False, True, False, True]
    assert set(TABLES["reasoning_tuning"].columns) <= set(table.columns)


def test_the_best_rate_is_that_of_the_mean_over_seeds(tmp_path):
    accuracy = {(0.003, 8): 0.9, (0.003, 9): 0.1, (0.006, 8): 0.6, (0.006, 9): 0.6}
    folders, settings = [], []
    for place, ((rate, seed), value) in enumerate(accuracy.items()):
        folders.append(tmp_path / str(place))
        history = {"epoch": [1], "held_out_accuracy": [value], "held_out_nll": [1.0]}
        store.write_table(folders[-1] / "history.parquet", pd.DataFrame(history))
        own = {"arm": "ce", "student": "tiny", "teachers": [], "seed": seed, "lr": rate}
        settings.append({**own, "used": rate == 0.003})
    study = SimpleNamespace(job=SimpleNamespace(inputs_of=lambda role: folders))
    table = tuning_table.table(study, {"tried": settings})
    assert table["seed"].tolist() == [8, 9, 8, 9]
    assert table["best"].tolist() == [False, False, True, True]
