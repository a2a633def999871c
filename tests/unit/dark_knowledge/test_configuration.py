"""The section of dark knowledge: what is refused, and one budget for every arm."""

import copy
from pathlib import Path

import pytest
import yaml

from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse
from distilscope.planning.study import Study

REPOSITORY = Path(__file__).resolve().parents[3]
RAW = yaml.safe_load((REPOSITORY / "config/laptop/dark-knowledge.yaml").read_text())


def raw(**section):
    made = copy.deepcopy(RAW)
    made["analyses"]["dark_knowledge"] |= section
    return made


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"tau": [1, 0]}, "0 is too small; expected more than 0"),
        ({"shared": 3}, "`shared` is 3, which is none of `tau`: 1, 2, 4, 8"),
        ({"planted": "bush"}, "composed-tree"),
        ({"permutations": 5}, "expected 20 or more"),
        ({"shuffles": 1}, "expected 2 or more"),
        ({"tuning": {"arms": ["tss"], "tries": 2, "seed": 1}}, "did you mean 'ts'"),
        ({"tuning": {"arms": ["kd"], "tries": 2, "seed": 1}}, "no student of the grid learns by"),
        ({"tuning": {"arms": ["ts"], "tries": 3, "seed": 1}}, "ts has 2 settings in the grid"),
        (
            {"tuning": {"arms": ["ts"], "tries": 2, "seed": 9}},
            "seed is 9; expected one of several",
        ),
    ],
)
def test_what_can_not_be_measured_is_refused(section, said):
    with pytest.raises(ConfigurationError) as caught:
        parse(raw(**section))
    assert said in str(caught.value)


def test_an_arm_with_one_setting_more_than_the_others_is_refused():
    made = raw()
    entry = next(e for e in made["grid"] if e["objective"] == "ats")
    entry["tau_rest"] = [1, 2, 3]
    with pytest.raises(ConfigurationError, match=r"ats has 3 settings .* every arm has the same"):
        parse(made)


def test_a_tree_is_planted_in_drawn_objects_alone():
    made = raw()
    made["data"] = {"name": "fashion-mnist-subset"}
    with pytest.raises(ConfigurationError, match="not of 'fashion-mnist-subset'"):
        parse(made)


def test_arms_have_no_table_where_nothing_was_tuned(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for tuning, there in ((RAW["analyses"]["dark_knowledge"]["tuning"], True), (None, False)):
        made = raw(tuning=tuning)
        made["data"]["path"] = str(REPOSITORY / made["data"]["path"])
        study = Study(parse(made), "fp32", REPOSITORY)
        assert ("arms" in study.table_names) is there
        assert ("rung-accuracy" in study.figure_names) is there
        assert "rungs" in study.table_names


def test_every_model_is_observed_on_what_it_was_trained_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = raw()
    made["data"]["path"] = str(REPOSITORY / made["data"]["path"])
    study = Study(parse(made), "fp32", REPOSITORY)
    assert all("train/logits.parquet" in each.files for each in study.observations.values())
    assert len({t.name for t in study.of_kind("targets")}) == 5  # a table a teacher, for every arm
