"""The section on shortcuts says what its tables say."""

from __future__ import annotations

import math

from distilscope.analyses.shortcuts.section import context


def test_flags_rates_and_what_is_relied_on_are_those_of_the_tables(study):
    tables = study.tables()
    found = context(tables)
    (flag,) = found["flagged"].rows
    assert flag[2:4] == (tables.class_name(1), tables.class_name(1))
    assert flag[-2:] == ("6.2", "0.004")
    (rate,) = found["rates"].rows
    assert rate[-3:] == (1, 1, "1.00 [0.21, 1.00]")
    (relied,) = found["relied"]
    assert "1 of 1 plantings are relied on" in relied and "0.12 without it" in relied
    assert found["judged"] == 2


def test_an_empty_table_is_a_section_without_numbers(study):
    own = study.tables().own
    empty = {name: own[name][:0] for name in ("shortcuts", "shortcut_rates")}
    found = context(study.tables(own={**own, **empty}))
    assert (found["judged"], found["relied"]) == (0, [])
    assert (found["flagged"].rows, found["rates"].rows) == ([], [])


def test_an_undefined_effect_is_no_number(study):
    own = study.tables().own
    rows = own["shortcuts"].assign(effect=math.nan)
    assert context(study.tables(own={**own, "shortcuts": rows}))["flagged"].rows[0][-2] == "–"
