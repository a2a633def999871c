"""A wrong claims file is refused while the plan is made; a right one is part of the identity."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
import yaml

from distilscope import registry
from distilscope.analyses.declaration import Analysis, Form
from distilscope.configuration import claims, patterns, statements
from distilscope.configuration.kinds import ConfigurationError, Strict
from distilscope.configuration.study import parse
from distilscope.planning.conditions import Condition
from distilscope.planning.study import Study
from distilscope.training.objectives.declaration import RESERVED

from ..planning.made_study import RAW, REPOSITORY

PUBLISHED = REPOSITORY / "resources/published/reasoning-consistency.yaml"

GOOD = {
    "study": "made up",
    "source": "nowhere",
    "dataset": "cifar10",
    "claims": [
        {
            "id": "better",
            "sentence": "It is better.",
            "source": "page 1",
            "family": "one",
            "direction": "higher",
            "delta": 0.01,
            "statement": {
                "form": "paired-difference",
                "measure": "accuracy",
                "first": {"objective": "kd", "T": 4, "alpha": 0.9},
                "second": {"objective": "ce"},
            },
        }
    ],
}


def altered(**changes):
    """GOOD with changes to its claim (`statement__x` for keys of its statement)."""
    made = copy.deepcopy(GOOD)
    claim = made["claims"][0]
    for key, value in changes.items():
        target, _, inner = key.partition("__")
        place, name = (claim[target], inner) if inner else (claim, key)
        place[name] = value
    return made


def planned(tmp_path, monkeypatch, content, **changes):
    """The study whose claims file, in the working directory, holds `content`."""
    monkeypatch.chdir(tmp_path)
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    (tmp_path / "mine.yaml").write_text(text)
    raw = {**copy.deepcopy(RAW), "claims": "mine.yaml", **changes}
    return Study(parse(raw), "fp32", REPOSITORY)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"statement__form": "paired-diference"}, ["statement", "'paired-difference'"]),
        ({"statement__measure": "acuracy"}, ["measure", "'acuracy'", "'accuracy'"]),
        ({"statement__subset": "correct"}, ["subset", "'both-correct'"]),
        ({"statement__frist": {}}, ["'frist'", "'first'"]),
        ({"statement__first": {"objective": "kd", "tau": 4}}, ["first", "'tau'", "known are"]),
        ({"statement__first": {"objektive": "kd"}}, ["first", "'objektive'", "'objective'"]),
        ({"statement__first": {"role": "pupil"}}, ["first", "role", "'pupil'", "student"]),
        ({"statement__first": {"network": 10}}, ["first", "network: expected text, got 10"]),
        ({"statement__first": {"teachers": "big"}}, ["teachers: expected a list of names"]),
        ({"statement__first": {"objective": "kd", "T": []}}, ["T: the list is empty"]),
        ({"statement__first": {"objective": "kd", "T": [2, -1]}}, ["T: -1 is outside"]),
        ({"statement__first": {"objective": "kd", "T": "hot"}}, ["'hot' is not a number"]),
        (
            {"statement__first": {"objective": "ce", "taught_by": "twin"}},
            ["from no teacher"],
        ),
        ({"statement__first": "kd"}, ["expected a pattern such as {objective: ce}, got 'kd'"]),
        ({"statement__second": {"objective": "ce", "T": 4}}, ["second", "takes no `T`"]),
        ({"statement__second": {"objective": "cee"}}, ["'cee'"]),
        ({"statement__first": {"objective": "kd", "T": 0, "alpha": 0.9}}, ["T: 0 is outside"]),
        ({"statement": {"measure": "ece"}}, ["needs `form`"]),
        ({"direction": "up"}, ["direction", "'higher'"]),
        ({"delta": -1}, ["delta"]),
        ({"error_rate": 0.7}, ["error_rate"]),
        ({"error_rat": 0.05}, ["'error_rat'", "'error_rate'"]),
        ({"alpha": 0.05, "error_rate": 0.05}, ["'alpha'"]),
        ({"published": 0.1}, ["trust"]),
    ],
)
def test_a_fault_names_the_file_the_key_and_what_would_be_accepted(
    tmp_path, monkeypatch, changes, words
):
    with pytest.raises(ConfigurationError) as fault:
        planned(tmp_path, monkeypatch, altered(**changes))
    for word in ["mine.yaml", "claims.0", *words]:
        assert word in str(fault.value)


def test_two_claims_of_one_name_no_file_and_no_yaml_are_refused(tmp_path, monkeypatch):
    twice = {**GOOD, "claims": GOOD["claims"] * 2}
    with pytest.raises(ConfigurationError, match="'better' twice"):
        planned(tmp_path, monkeypatch, twice)
    with pytest.raises(ConfigurationError, match=r"not YAML"):
        planned(tmp_path, monkeypatch, "claims: [")
    with pytest.raises(ConfigurationError, match=r"claims: there is no file at .*other\.yaml"):
        planned(tmp_path, monkeypatch, GOOD, claims="other.yaml")
    with pytest.raises(ConfigurationError, match=r"there is no file at /nowhere/mine\.yaml$"):
        planned(tmp_path, monkeypatch, GOOD, claims="/nowhere/mine.yaml")


def test_a_claim_plans_the_tables_anew_and_a_comment_plans_nothing(tmp_path, monkeypatch):
    first = planned(tmp_path, monkeypatch, GOOD)
    same = planned(tmp_path, monkeypatch, "# a comment\n" + yaml.safe_dump(GOOD))
    assert same.tables.identity == first.tables.identity
    other = planned(tmp_path, monkeypatch, altered(delta=0.02))
    assert other.tables.identity != first.tables.identity
    assert [m.artefact.identity for m in other.models] == [
        m.artefact.identity for m in first.models
    ]
    assert "claims.parquet" in first.tables.outputs


def test_only_a_study_on_the_published_data_speaks_of_it(tmp_path, monkeypatch):
    here = planned(tmp_path, monkeypatch, GOOD).tables.settings["claims"]
    assert (here["published_data"], here["scope"]) == (
        False,
        "here (fashion-mnist-subset, laptop scale)",
    )
    small = planned(tmp_path, monkeypatch, GOOD, data={"name": "cifar10"})
    assert not small.tables.settings["claims"]["published_data"]
    theirs = planned(tmp_path, monkeypatch, GOOD, data={"name": "cifar10"}, scale="paper")
    assert theirs.tables.settings["claims"]["published_data"]


def test_the_workflows_folder_comes_before_the_working_directory(tmp_path, monkeypatch):
    name = PUBLISHED.relative_to(REPOSITORY).as_posix()
    made = planned(tmp_path, monkeypatch, GOOD, claims=name)
    assert made.tables.settings["claims"]["file"]["dataset"] == "cifar10"
    assert len(made.tables.settings["claims"]["file"]["claims"]) == 10


def test_published_contrasts_are_those_of_the_published_numbers():
    file = claims.load(PUBLISHED.name, [PUBLISHED.parent])
    value = {headline.id: headline.value for headline in file.headlines}
    published = {claim.id: claim.published for claim in file.claims if claim.published}
    sweep = {T: value[f"ece-medium-T{T}"] for T in (2, 4, 8)}
    rho = {T: value[f"rho-medium-T{T}"] for T in (2, 4, 8)}
    assert published == pytest.approx(
        {
            "accuracy-up": value["acc-medium-T4"] - value["acc-medium-ce"],
            "ece-worse": value["ece-medium-T4"] - value["ece-medium-ce"],
            "T2-calibrates-best": min(sweep[4], sweep[8]) - sweep[2],
            "T8-most-consistent": rho[8] - max(rho[2], rho[4]),
        }
    )
    assert value["acc-medium-T4"] - value["acc-tiny-T4"] == pytest.approx(0.0774)
    assert all(headline.error for headline in file.headlines if headline.trust == "inconsistent")


def test_a_claims_file_is_read_without_torch_and_pandas():
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from distilscope.configuration import claims\n"
        f"claims.load({PUBLISHED.name!r}, [Path({str(PUBLISHED.parent)!r})])\n"
        "assert not {'torch', 'pandas', 'scipy'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_configurations_that_ship_name_a_claims_file_that_is_there():
    for path in sorted((REPOSITORY / "config").rglob("*.yaml")):
        given = yaml.safe_load(path.read_text()).get("claims")
        assert given is None or (REPOSITORY / Path(given)).is_file(), path


def test_the_fields_of_a_pattern_are_those_of_a_condition():
    assert set(patterns.FIELDS) == set(Condition("student", "tiny").fields)
    assert set(patterns.FIELDS) <= RESERVED


def test_keys_of_the_release_before_are_read_and_the_new_ones_are_named(capsys):
    headline = {
        "id": "a",
        "measure": "ece",
        "of": "x",
        "value": 1,
        "trust": "summary",
        "source": "",
    }
    places = ({"student": "R50", "alpha": 0.5}, {"student": "R50", "alpha": 0}, {"T": 4})
    old = altered(alpha=0.01, statement__form="cell-correlation")
    arms = [old["claims"][0]["statement"].pop(key) for key in ("first", "second")]
    del old["claims"][0]["statement"]["measure"]
    old["claims"][0]["statement"] |= {
        "arms": arms,
        "first": {"measure": "ece"},
        "second": {"measure": "accuracy"},
    }
    old["headlines"] = [{**headline, "id": f"n{i}", **place} for i, place in enumerate(places)]
    found = claims.parse(old, "mine.yaml")
    assert found.claims[0].error_rate == 0.01
    assert found.claims[0].statement.form == "condition-correlation"
    assert [each.condition for each in found.headlines] == [
        {"network": "R50", "objective": "kd", "alpha": 0.5},
        {"network": "R50", "objective": "ce"},
        {"objective": "kd", "T": 4},
    ]
    said = capsys.readouterr().err
    assert "mine.yaml: claims: alpha is now `error_rate`" in said
    assert "cell-correlation is now `condition-correlation`" in said
    assert "headlines: student and alpha are now a pattern" in said


def test_the_files_that_ship_use_no_key_of_an_earlier_release(capsys):
    for path in PUBLISHED.parent.glob("*.yaml"):
        claims.load(path.name, [path.parent])
    assert capsys.readouterr().err == ""


def test_an_analysis_brings_a_form_of_its_own(monkeypatch):
    class Halved(statements.Term):
        form: Literal["halved"]
        arm: patterns.Pattern

    own = Analysis("mine", "Why?", Strict, forms={"halved": Form(Halved, "elsewhere:halved")})
    monkeypatch.setattr(registry, "_added", {"mine": own})
    statement = {"form": "halved", "measure": "ece", "arm": {"objective": "ce"}}
    found = claims.parse(altered(statement=statement)).claims[0]
    assert isinstance(found.statement, Halved)
    assert found.model_dump()["statement"] == {**statement, "subset": "all"}
