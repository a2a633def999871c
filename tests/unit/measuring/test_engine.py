"""What the engine asks of an analysis that it does not know: that it says what it makes."""

import dataclasses

import pandas as pd
import pytest

from distilscope import registry, store
from distilscope.analyses.declaration import Analysis, Measure, Table
from distilscope.configuration.kinds import Section
from distilscope.measuring.compare import compare
from distilscope.measuring.rows import Rows
from distilscope.measuring.tables import measure

from .made_entry import made_entry
from .made_models import MODELS
from .made_study import MadeStudy

HERE = __name__


class Settings(Section):
    """Settings of the made-up analysis."""


LETTERS = Analysis(
    name="letters",
    question="How long are the names of models?",
    section=Settings,
    measures={"length": Measure()},
    places=("alphabet",),
    tables={"names": Table(("model", "length")), "lengths": Table(("measure",))},
    compare=f"{HERE}:compare_names",
    measure=f"{HERE}:measure_names",
    conclude=f"{HERE}:conclude_names",
)


def compare_names(pair, settings):
    return {"names": pd.DataFrame({"letter": list(settings["letters"])})}


def measure_names(study, settings):
    def add(rows, each):
        found = store.read_table(each.folder / "names.parquet")
        rows.add(each, "length", len(found), alphabet=settings["alphabet"], subset="all")

    study.rows.add_each(add, study.compared)
    return {"names": pd.DataFrame({"model": ["m"], "length": [1]})}


def conclude_names(study, settings, measures):
    return {"lengths": measures.loc[measures["measure"] == "length", ["measure", "value"]]}


@pytest.fixture
def add(monkeypatch):
    """Make analyses known, for a test."""
    monkeypatch.setattr(registry, "_added", {})
    return registry.add


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engine")
    return MadeStudy(folder, MODELS[:3], images=40, subset=8, gram_batch=10).write()


def run(study, folder):
    others = dict.fromkeys(("outputs", "alignment", "representation"))
    for name in ("teacher-s2", "copy-s1"):
        compare(study.compare_job(name, letters={"letters": "abc"}, **others))
    job = study.tables_job(letters={"alphabet": "latin"}, **others)
    measure(dataclasses.replace(job, folder=folder))
    return folder


def test_an_analysis_of_another_package_has_its_rows_tables_and_places(add, study, tmp_path):
    add(LETTERS)
    folder = run(study, tmp_path)
    rows = store.read_table(folder / "measures.parquet")
    assert set(rows["analysis"]) == {"letters"}
    assert rows["value"].tolist() == [3.0, 3.0]
    assert set(rows["alphabet"]) == {"latin"}
    assert dict(zip(rows["model"], rows["relation"], strict=True)) == {
        "teacher-s2": "twin",
        "copy-s1": "teacher",
    }
    assert len(store.read_table(folder / "lengths.parquet")) == 2
    assert store.read_table(folder / "names.parquet")["model"].tolist() == ["m"]
    made = {path.stem for path in folder.glob("*.parquet")}
    assert made == {"models", "conditions", "measures", "seeds", "names", "lengths"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"measures": {"width": Measure()}}, "'length', which is not in its `measures`.*width"),
        ({"places": ()}, "'alphabet', which is no column.*`places`"),
        ({"tables": {"names": LETTERS.tables["names"]}}, "table 'lengths'.*declares names"),
        (
            {"tables": {**LETTERS.tables, "names": Table(("model", "breadth"))}},
            "'names'.*lacks the columns breadth",
        ),
    ],
)
def test_what_an_analysis_does_not_declare_is_refused(add, study, tmp_path, changes, words):
    add(dataclasses.replace(LETTERS, **changes))
    with pytest.raises(ValueError, match=words):
        run(study, tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "outputs"}, "an analysis 'outputs' already"),
        ({"measures": {"rho": Measure()}}, "'rho' in `measures`, which 'alignment' has already"),
        ({"tables": {"maps": Table(())}}, "'maps' in `tables`, which 'alignment' has already"),
    ],
)
def test_a_name_that_another_analysis_has_is_refused(add, changes, words):
    with pytest.raises(ValueError, match=words):
        add(dataclasses.replace(LETTERS, **changes))


def test_analyses_of_the_package_share_no_name():
    for kind in ("measures", "tables", "figures", "forms"):
        names = [n for found in registry.analyses().values() for n in getattr(found, kind)]
        assert len(names) == len(set(names))


def one_number(measure):
    """The table of one number of the analysis of maps."""
    rows = Rows("made-up", "test", ("alignment",), analysis="alignment")
    rows.add(made_entry("copy-s1"), measure, 0.5)
    return rows.frame()


@pytest.mark.parametrize("name", ["iou25", "mass_lift07.sd", "null_other_iou99", "edges_iou25"])
def test_measures_of_a_share_are_declared_at_every_share(name):
    """`analyses.alignment.top` chooses it, and names of measures say it."""
    assert one_number(name)["measure"].tolist() == [name]


@pytest.mark.parametrize("name", ["rho25", "iou", "iou5", "iouxx", "iou025"])
def test_a_name_that_is_no_share_of_a_measure_is_refused(name):
    with pytest.raises(ValueError, match=f"added the measure '{name}', which is not in its"):
        one_number(name)


@pytest.mark.parametrize(
    ("name", "alike"),
    [("iou25", "iou20"), ("null_mass_lift07", "null_mass_lift20"), ("iou", None), ("rho20", None)],
)
def test_a_measure_at_another_share_is_the_same_measure(name, alike):
    assert registry.measure(name) == (registry.measures()[alike] if alike else None)
