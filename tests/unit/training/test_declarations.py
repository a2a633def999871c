"""What objectives declare, and those that come from outside the package."""

import subprocess
import sys

import pytest
from pydantic import TypeAdapter

from distilscope import catalog
from distilscope.configuration.grid import Entry
from distilscope.planning.conditions import Condition
from distilscope.training.objectives.declaration import RESERVED, Objective, Parameter

KD = catalog.OBJECTIVES["kd"]
OWN = Objective(
    "own",
    loss="a_module:loss",
    parameters={"tau_true": Parameter("t", 0.0, 10.0, low_open=True, meaning="of the label")},
    needs="logits",
)


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(catalog, "OBJECTIVES", dict(catalog.OBJECTIVES))
    catalog.register(OWN)


def parsed(entry):
    return TypeAdapter(Entry).validate_python(entry)


def test_the_plan_reads_declarations_without_torch():
    code = "import sys; from distilscope import catalog; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_every_parameter_says_what_it_is():
    parameters = [p for o in catalog.OBJECTIVES.values() for p in o.parameters.values()]
    assert parameters
    assert all(parameter.meaning for parameter in parameters)


def test_distillation_at_alpha_0_is_cross_entropy_and_at_no_other():
    assert KD.reduced({"T": 4.0, "alpha": 0.0}) == "ce"
    assert KD.reduced({"T": 4.0, "alpha": 1e-9}) == "kd"
    assert catalog.OBJECTIVES["ce"].reduced({}) == "ce"


def test_a_job_is_told_how_a_committee_is_combined_and_nothing_of_it_for_one_teacher():
    assert "combine" not in KD.settings({"T": 4.0, "alpha": 0.5})
    assert KD.settings({"T": 4.0, "alpha": 0.5}, "logits") == {
        "name": "kd",
        "loss": "distilscope.training.objectives.kd:loss",
        "parameters": {"T": 4.0, "alpha": 0.5},
        "combine": "logits",
    }


@pytest.mark.usefixtures("registered")
def test_an_entry_of_the_grid_takes_the_parameters_of_an_objective_from_outside():
    entry = parsed({"objective": "own", "students": ["tiny"], "tau_true": [2, 4]})
    assert entry.tau_true == [2.0, 4.0]
    assert entry.taught_by == "teacher"
    assert entry.model_dump()["tau_true"] == [2.0, 4.0]


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tau_true": 0}, "0 is outside (0, 10]"),
        ({"tau": 2}, "unknown key 'tau'; did you mean 'tau_true'"),
        ({"objective": "owm"}, "unknown objective 'owm'; did you mean 'own'"),
    ],
)
def test_a_fault_in_such_an_entry_is_named(changes, said):
    with pytest.raises(ValueError) as caught:
        parsed({"objective": "own", "students": ["tiny"], "tau_true": 2, **changes})
    assert said in str(caught.value)


def test_an_objective_of_another_package_can_not_take_a_name_that_is_taken(monkeypatch):
    monkeypatch.setattr(catalog, "OBJECTIVES", dict(catalog.OBJECTIVES))
    catalog.register(KD)  # the same again, as when its module is imported twice
    with pytest.raises(ValueError, match="there is an objective 'kd' already"):
        catalog.register(Objective("kd", loss="a_module:loss"))


@pytest.mark.parametrize("name", ["seeds", "teacher", "two words"])
def test_a_parameter_that_no_configuration_could_spell_is_refused(name):
    with pytest.raises(ValueError, match=f"a parameter can't be called '{name}'"):
        Objective("own", loss="a_module:loss", parameters={name: Parameter("x", 0, 1)})


@pytest.mark.parametrize("name", ["label", "teachers"])
def test_a_derived_column_that_the_table_of_conditions_has_is_refused(name):
    parameters = {"tau": Parameter("t", 0, 1)}
    with pytest.raises(ValueError, match=f"a column can't be called '{name}'"):
        Objective("own", loss="a_module:loss", parameters=parameters, derived={name: "tau"})


@pytest.mark.parametrize("name", ["noise", "prune", "flip", "dtype"])
@pytest.mark.parametrize("what", ["parameter", "column"])
def test_a_name_of_what_is_done_to_finished_models_is_refused(name, what, monkeypatch):
    """A condition's fields hold both: one would stand for the other in tables and claims."""
    monkeypatch.setattr(catalog, "OBJECTIVES", dict(catalog.OBJECTIVES))
    called, column = (name, "own") if what == "parameter" else ("own", name)
    parameters = {called: Parameter("x", 0, 1)}
    own = Objective("own", "a_module:loss", parameters=parameters, derived={column: called})
    with pytest.raises(ValueError, match=f"a {what} can't be called '{name}'.*none of prune,"):
        catalog.register(own)
    assert "own" not in catalog.OBJECTIVES


def test_the_names_that_no_parameter_may_have_are_those_of_entries_and_conditions():
    keys = {*type(parsed({"objective": "ce", "students": ["tiny"]})).model_fields}
    keys |= {*type(parsed({"objective": "kd", "students": ["a"], "T": 1, "alpha": 1})).model_fields}
    assert keys - set(KD.parameters) | set(Condition("student", "tiny").fields) <= RESERVED


@pytest.mark.parametrize("wrong", [{"derived": {"T": "T"}}, {"reduces_to": {"ce": {"alpha": 0.0}}}])
def test_a_column_or_reduction_of_a_parameter_that_is_not_there_is_refused(wrong):
    with pytest.raises(ValueError, match="it has no parameter"):
        Objective("own", loss="a_module:loss", **wrong)
