"""The comparison of tables before and after the redesign: on small tables that are made here."""

import json

import numpy as np
import pandas as pd
import pytest
from benchmarks import old_and_new_tables

PLACE = dict.fromkeys(
    ("layer", "reference_layer", "method", "resolution", "explained", "variant", "class")
)
ROW = {
    **{"study": "s", "seed": 1, "reference": "t-s1", "probe": "test", "subset": "all", **PLACE},
    **{"measure": "agreement", "value": 0.1 + 0.2, "low": 0.25, "high": 0.5, "interval": "images"},
    **{"n": 100, "n_undefined": 0, "reason": None},
}
MODELS = ("tiny-kd-T4-a0.9-s1", "tiny-ce-s1")
KD = {"T": 4.0, "alpha": 0.9}
NONE = dict.fromkeys(KD, np.nan)
OLD = {
    MODELS[0]: {"objective": "kd", "objective_params": '{"T":4,"alpha":0.9}', **KD},
    MODELS[1]: {"objective": "ce", "objective_params": None, **NONE},
}
NEW = {MODELS[0]: KD, MODELS[1]: {}}
COST = {"architecture": "plain", "seed": 1, "reference": "t-s1", "explained": '["b"]', "ratio": 2.0}
COST |= {"parameters": 10.0, "multiply_adds": 20.0, "accuracy": 0.5, "held_out_accuracy": np.nan}
COUNTS = {"dead_maps": 3.0, "sparse_maps": 0.0, "integrated_maps": 5.0, "incomplete_maps": 1.0}


def _role(model):
    return {"role": "student" if "kd" in model else "control"}


def _old_tables():
    described = {m: {**_role(m), "student": "tiny", **own} for m, own in OLD.items()}
    taught = {m: {"teacher": "t-s1" if "kd" in m else None} for m in MODELS}
    return {
        "measures": pd.DataFrame([{**ROW, "model": m, **described[m]} for m in MODELS]),
        "models": pd.DataFrame(
            [{"id": m, **COST, **COUNTS, **described[m], **taught[m], "seconds": 1.0}
             for m in MODELS]
        ),
        "sanity": pd.DataFrame({"model": []}),
    }  # fmt: skip


def _new_tables():
    conditions = [
        {
            "condition": m.removesuffix("-s1"),
            "label": m,
            **_role(m),
            "network": "tiny",
            "objective": "kd" if own else "ce",
            "parameters": json.dumps(own),
            "T": own.get("T", np.nan),
            "alpha": own.get("alpha", np.nan),
        }
        for m, own in NEW.items()
    ]
    named = {m: {"condition": m.removesuffix("-s1")} for m in MODELS}
    taught = {m: {"teachers": json.dumps(["t-s1"] if "kd" in m else [])} for m in MODELS}
    return {
        "conditions": pd.DataFrame(conditions),
        "measures": pd.DataFrame(
            [{**ROW, "model": m, **named[m], "relation": "teacher"} for m in reversed(MODELS)]
        ).astype({"n": "Int64", "seed": "Int64"}),
        "models": pd.DataFrame(
            [{"id": m, **COST, **_role(m), **named[m], **taught[m], "seconds": 9.0}
             for m in MODELS]
        ),
        "maps": pd.DataFrame([{"id": m, **COUNTS} for m in MODELS]),
    }  # fmt: skip


def _run(folder, new):
    for side, tables in (("old", _old_tables()), ("new", new)):
        (folder / side).mkdir(exist_ok=True)
        for name, table in tables.items():
            table.to_parquet(folder / side / f"{name}.parquet")
    return old_and_new_tables.main([str(folder / "old"), str(folder / "new")])


def test_renamed_columns_moved_tables_and_another_order_of_rows_are_no_difference(tmp_path, capsys):
    assert _run(tmp_path, _new_tables()) == 0
    said = capsys.readouterr().out
    assert said.splitlines() == [
        "measures: 2 rows, 0 differences",
        "models: 2 rows, 0 differences",
        "models -> maps: 2 rows, 0 differences",
    ]


@pytest.mark.parametrize(
    ("table", "column", "value", "words"),
    [
        ("measures", "value", np.nextafter(0.1 + 0.2, 1), "0.30000000000000004"),
        ("measures", "low", np.nan, "low 0.25 -> nan"),
        ("measures", "n", 99, "n 100 -> 99"),
        ("measures", "reason", "few images", "reason None -> 'few images'"),
        ("measures", "subset", "common", "only old"),
        ("models", "teachers", "[]", "teacher 't-s1' -> None"),
        ("maps", "sparse_maps", -0.0, "sparse_maps 0.0 -> -0.0"),
        ("conditions", "parameters", '{"T": 4, "alpha": 0.5}', "objective_parameters"),
        ("conditions", "alpha", 0.5, "alpha 0.9 -> 0.5"),
    ],
)
def test_what_differs_in_the_last_bit_is_printed_and_counts(
    tmp_path, capsys, table, column, value, words
):
    new = _new_tables()
    first = new[table].iloc[:, 0].astype(str).str.startswith("tiny-kd")
    row = new[table].index[-1] if table == "measures" else new[table].index[first][0]
    new[table] = new[table].astype({column: object})
    new[table].at[row, column] = value
    if not isinstance(value, str):
        new[table][column] = new[table][column].astype("float64")
    assert _run(tmp_path, new) == 1
    assert words in capsys.readouterr().out


def test_a_table_that_one_side_lacks_is_a_difference(tmp_path, capsys):
    new = _new_tables()
    del new["maps"]
    assert _run(tmp_path, new) == 1
    assert "only old: a table of 2 rows" in capsys.readouterr().out


def test_two_rows_at_one_place_are_refused(tmp_path):
    new = _new_tables()
    new["maps"] = pd.concat([new["maps"], new["maps"]])
    with pytest.raises(ValueError, match="two rows of 'models'"):
        _run(tmp_path, new)
