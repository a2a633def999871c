"""The key `analyses`, and keys of earlier releases."""

from __future__ import annotations

import copy

import pytest

from distilscope.configuration import renamed
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse

from .test_configuration import GOOD


def read(**changes):
    return parse({**copy.deepcopy(GOOD), **changes})


USUAL = ["alignment", "sweeps", "representation", "outputs"]
PARTS = {"source": "grid", "settings": {"rows": 2, "columns": 2}}


@pytest.mark.parametrize(
    ("given", "on"),
    [
        ({}, []),
        ({"outputs": {}}, ["outputs"]),
        ({"outputs": None}, ["outputs"]),
        (["outputs", "alignment"], ["alignment", "outputs"]),
    ],
    ids=str,
)
def test_a_study_puts_the_questions_that_it_names(given, on):
    assert list(read(analyses=given).analyses.on()) == on


def test_a_study_that_names_none_puts_the_usual_ones():
    assert list(read().analyses.on()) == USUAL


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"analyses": {"alignement": {}}}, ["unknown analysis 'alignement'", "'alignment'"]),
        ({"analyses": ["aligment"]}, ["unknown analysis 'aligment'", "'alignment'"]),
        ({"analyses": {"alignment": {"topp": 1}}}, ["analyses.alignment", "'topp'", "'top'"]),
        ({"analyses": {"alignment": {"top": 2}}}, ["analyses.alignment.top", "2", "less than 1"]),
        ({"analyses": {"alignment": 3}}, ["analyses.alignment", "mapping", "3"]),
        ({"analyses": 3}, ["analyses", "3"]),
        ({"analyses": [[]]}, ["analyses", "unknown analysis []"]),
        ({"extensions": ["mine"]}, ["extensions", "'mine'", "`allow_code: true`"]),
        (
            {"extensions": ["no_such_module"], "allow_code": True},
            ["extensions", "'no_such_module'", "can't be imported"],
        ),
        ({"extensions": "mine", "allow_code": True}, ["extensions", "list", "'mine'"]),
    ],
    ids=str,
)
def test_what_can_not_be_asked_is_refused_by_its_key(changes, words):
    with pytest.raises(ConfigurationError) as refused:
        read(**changes)
    for word in words:
        assert word in str(refused.value)


OLD = {
    "measures": {"top": 0.1, "bootstrap": 200, "ece_bins": 5, "neighbours": 4},
    "sanity": {"model": "tiny"},
    "parts": {**PARTS, "least": 4, "most_gap": 0.1},
    "shortcuts": {"rate": 0.1},
}
NEW = {
    "analyses": {
        "outputs": {"ece_bins": 5},
        "alignment": {"top": 0.1},
        "representation": {"neighbours": 4},
        "sweeps": {},
        "randomisation": {"model": "tiny"},
        "parts": {**PARTS, "minimum_parts": 4, "tolerated_gap": 0.1},
        "shortcuts": {"rate": 0.1},
    },
    "statistics": {"bootstrap": 200},
}


def test_old_keys_mean_what_the_new_ones_do():
    assert read(**OLD) == read(**NEW)


@pytest.mark.parametrize(
    ("old", "new"),
    {**renamed.MOVED, **renamed.WITHIN}.items(),
)
def test_an_old_key_is_told_with_the_new_one(old, new):
    *way, last = old.split(".")
    raw: dict = {}
    place = raw
    for key in way:
        place = place.setdefault(key, {})
    place[last] = {"x": 1} if "." not in old else 1
    _, said = renamed.present(raw)
    assert said == [f"{old} is now `{new}`; the old key is read in this release only"]


def test_a_configuration_of_today_says_nothing(capsys):
    read(**NEW)
    assert capsys.readouterr().err == ""
    read(**OLD)
    said = capsys.readouterr().err
    assert "the configuration: sanity is now `analyses.randomisation`" in said
    assert len(said.splitlines()) == 9


def test_planted_shortcuts_are_of_the_search_for_shortcuts():
    raw, _ = renamed.present({"planted": {"teacher": "big", "took": 0.3}})
    assert raw["analyses"]["shortcuts"] == {"planted": {"teacher": "big", "reliance": 0.3}}
    assert set(USUAL) < set(raw["analyses"])


def test_a_key_under_both_names_is_refused():
    with pytest.raises(ConfigurationError, match="'sanity'"):
        read(sanity={"model": "tiny"}, analyses={"randomisation": {"model": "tiny"}})
