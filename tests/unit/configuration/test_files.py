"""What is typed in a YAML file is what is meant, or is refused with file and line."""

from __future__ import annotations

import json
import os

import pytest

from distilscope.commands import configured
from distilscope.configuration import claims
from distilscope.configuration.files import read
from distilscope.configuration.kinds import ConfigurationError, expanded
from distilscope.configuration.study import parse

from .test_configuration import GOOD


def written(folder, text, encoding="utf-8"):
    path = folder / "study.yaml"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "study: x\ngrid: []\nseeds: [1]\ngrid: [1]\n",
            ["'grid' is given twice, in lines 2 and 4"],
        ),
        (
            "students:\n  tiny: {a: 1}\n  small: {a: 2}\n  tiny: {a: 3}\n",
            ["'tiny' is given twice, in lines 2 and 4"],
        ),
        ("grid:\n- {T: 1, T: 2}\n", ["'T' is given twice, in lines 2 and 2"]),
        ("a: 1\na: 2\nb: {c: 1,\n c: 2}\n", ["lines 1 and 2", "lines 3 and 4"]),
        ("seeds: [010]\n", ["line 1: 010 is read as 8", 'in quotes: "010"']),
        ("seeds:\n- -017\n", ["line 2: -017 is read as -15"]),
        ("title: 1:30\n", ["line 1: 1:30 is read as 90"]),
        ("T: 1:30.5\n", ["1:30.5 is read as 90.5"]),
        ("students:\n  no: {}\n", ["line 2: the key no is read as False", 'in quotes: "no"']),
        ("students:\n  On: {}\n", ["the key On is read as True"]),
        ("students: {1: {}}\n", ["the key 1 is read as 1"]),
        ("students: {2026-08-01: {}}\n", ["the key 2026-08-01 is read as datetime.date"]),
        ("students: {~: {}}\n", ["the key ~ is read as None"]),
        ("? [a, b]\n: 1\n", ["line 1: a key must be text"]),
        ("a: &a [*a]\n", ["line 1: a value holds itself by an alias"]),
        ("a: [1\n", ["is not YAML", "line 2"]),
        ("a: !!python/object:os.system {}\n", ["is not YAML", "python/object"]),
        ("[" * 500, ["nested"]),
        ("a: " + "[" * 60 + "]" * 60, ["nested over 50 deep"]),
        ("a: " + "x" * 2**20, ["larger than 1 MiB"]),
    ],
)
def test_what_is_not_read_as_it_looks_is_refused_with_file_and_line(tmp_path, text, words):
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as refused:
        read(path)
    for word in [str(path), *words]:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 0\nb: -0\nc: 0.1\nd: 10\ne: 1_000\n", {"a": 0, "b": 0, "c": 0.1, "d": 10, "e": 1000}),
        ("a: '010'\nb: \"1:30\"\n", {"a": "010", "b": "1:30"}),
        ("'no': 1\n\"1\": 2\n", {"no": 1, "1": 2}),
        (
            "base: &b {x: 1}\nmore:\n  <<: *b\n  y: 2\n",
            {"base": {"x": 1}, "more": {"x": 1, "y": 2}},
        ),
        ("\ufeffa: é\n", {"a": "é"}),
        ('{\n\t"a": [1, 2.5],\n\t"b": "x\\ty"\n}', {"a": [1, 2.5], "b": "x\ty"}),
        ("", None),
    ],
)
def test_what_is_meant_is_read(tmp_path, text, value):
    assert read(written(tmp_path, text)) == value


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252"])
def test_a_file_in_another_encoding_is_named(tmp_path, encoding):
    path = written(tmp_path, "study: x\ntitle: Übung\n", encoding)
    with pytest.raises(ConfigurationError, match=r"study\.yaml is not UTF-8 text \(line"):
        read(path)


@pytest.mark.parametrize("pair", ["[*{0}, *{0}]", "{{x: *{0}, y: *{0}}}"])
def test_aliases_that_stand_for_too_much_are_refused_before_they_are_written_out(tmp_path, pair):
    levels = [f"a{n}: &a{n} {pair.format(f'a{n - 1}')}" for n in range(1, 64)]
    path = written(tmp_path, "\n".join(["a0: &a0 [1]", *levels]))
    with pytest.raises(ConfigurationError, match="aliases stand for over 100000 values"):
        read(path)


def test_commands_and_claims_read_files_so_too(tmp_path):
    twice = written(tmp_path, "study: x\nstudy: y\n")
    with pytest.raises(ConfigurationError, match="in lines 1 and 2"):
        configured.read(twice)
    with pytest.raises(ConfigurationError, match=r"claims: .*\n.*in lines 1 and 2"):
        claims.load("study.yaml", [tmp_path])


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("title", False, "title: expected text, and YAML reads it as False; put it in quotes"),
        ("title", 10, "title: expected text, and YAML reads it as 10; put it in quotes"),
        ("title", None, "title: expected text, got nothing (null)"),
        ("floors", [True], "floors.0: expected text, and YAML reads it as True"),
        ("data_folder", "da{ta}", "data_folder: 'da{ta}' can't hold braces"),
        ("data_folder", "~no-such-user/x", "data_folder: there is no home directory for"),
        ("claims", "~no-such-user/x", "claims: there is no home directory for"),
    ],
)
def test_a_value_that_is_no_text_or_no_path_is_told_by_its_key(place, value, words):
    with pytest.raises(ConfigurationError) as refused:
        parse({**GOOD, place: value})
    assert words in str(refused.value)


@pytest.mark.parametrize("name", ["a/b", "{x}", "", "a b", "..", "-x"])
def test_a_name_of_a_layer_that_is_no_part_of_a_file_name_is_refused(name):
    network = {**GOOD["students"]["tiny"], "layers": {name: "blocks.block1"}, "explained": [name]}
    with pytest.raises(ConfigurationError, match=r"students\.tiny\.layers"):
        parse({**GOOD, "students": {"tiny": network}})


def test_every_path_of_a_user_is_expanded_alike(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("PLACE", "/data")
    for typed, meant in (("~/d", "/home/someone/d"), ("$PLACE/d", "/data/d"), ("d", "d")):
        assert str(expanded(typed)) == os.fspath(meant)
    parsed = parse({**GOOD, "data_folder": "~/d"})
    assert parsed.data_folder == "~/d"


def test_the_check_that_make_does_first_says_what_is_wrong(tmp_path, capsys):
    from distilscope.configuration.__main__ import main

    path = written(tmp_path, json.dumps(GOOD))
    assert main([str(path)]) == 0
    assert main([str(written(tmp_path, "study: x\nstudy: y\n"))]) == 1
    assert "in lines 1 and 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("study: .cache", "study: '.cache' can't be used; a name is up to 40 letters"),
        ("students: {'t{x}': {}}", "students.t{x}: 't{x}' can't be used; a name is"),
        ("seeds: []", "seeds: expected 1 or more, got 0"),
        ("seeds: 1", "seeds: expected a list such as [a, b], got 1"),
        ("seeds: [-1]", "seeds.0: -1 is too small; expected 0 or more"),
        ("teachers: [a]", "teachers: expected a mapping of names to values, got ['a']"),
        ("threads: 999", "threads: 999 is too large; expected 256 or less"),
        ("statistics: {level: 1.5}", "statistics.level: 1.5 is too large; expected less than 1"),
        ("scale: big", "scale: 'big' is none of 'laptop', 'paper' or 'audit'"),
        ("allow_code: 'yes'", "allow_code: expected true or false, got 'yes'"),
        ("- a", "top level: expected a mapping of keys to values, got ['a']"),
        ("", "top level: expected a mapping of keys to values, got nothing"),
    ],
)
def test_a_fault_is_told_in_the_words_of_a_configuration(tmp_path, typed, words):
    with pytest.raises(ConfigurationError) as refused:
        configured.read(written(tmp_path, typed))
    assert words in str(refused.value)
    assert "should" not in str(refused.value)
