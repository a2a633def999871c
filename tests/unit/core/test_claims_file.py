"""A wrong claims file is refused while the plan is made; a right one is part of the identity."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from distilscope.configuration import claims
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse
from distilscope.planning.study import Study

from .test_study import RAW, REPOSITORY

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
        ({"statement__first": {"objective": "kd", "T": 4}}, ["first", "needs `alpha`"]),
        ({"statement__second": {"objective": "ce", "T": 4}}, ["second", "takes no `T`"]),
        ({"statement__second": {"objective": "cee"}}, ["'cee'"]),
        ({"statement__first": {"objective": "kd", "T": 0, "alpha": 0.9}}, ["T: 0 is outside"]),
        ({"statement": {"measure": "ece"}}, ["needs `form`"]),
        ({"direction": "up"}, ["direction", "'higher'"]),
        ({"delta": -1}, ["delta"]),
        ({"alpha": 0.7}, ["alpha"]),
        ({"alhpa": 0.05}, ["'alhpa'", "'alpha'"]),
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
