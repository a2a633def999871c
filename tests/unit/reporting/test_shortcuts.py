"""The section on shortcuts says what its tables say."""

from __future__ import annotations

import math

from distilscope.analyses.shortcuts.section import shortcuts


def test_flags_rates_and_what_took_are_those_of_the_tables(study):
    tables = study.tables()
    found = shortcuts(tables)
    (flag,) = found.flagged
    assert (flag["class"], flag["planted"]) == (tables.class_name(1), tables.class_name(1))
    assert (flag["effect"], flag["q"]) == (6.25, 0.004)
    (rate,) = found.rates
    assert (rate["hits"], rate["n"], rate["value"].low) == (1, 1, 0.207)
    assert [(row["took"], row["n"], row["off"]) for row in found.took] == [(1, 1, 0.12)]
    assert found.judged == 2


def test_an_empty_table_is_a_section_without_numbers(study):
    tables = study.tables()
    empty = study.tables(shortcuts=tables.shortcuts[:0], shortcut_rates=tables.shortcut_rates[:0])
    found = shortcuts(empty)
    assert (found.judged, found.flagged, found.rates, found.took) == (0, [], [], [])


def test_an_undefined_effect_is_no_number(study):
    tables = study.tables()
    rows = tables.shortcuts.assign(effect=math.nan)
    assert math.isnan(shortcuts(study.tables(shortcuts=rows)).flagged[0]["effect"])
