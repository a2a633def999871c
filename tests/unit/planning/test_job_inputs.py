"""Which files a job asks for, by what of the store is there."""

from __future__ import annotations

from distilscope.planning.job import Job
from distilscope.planning.state import StoreState

from .made_study import study

COMPARED = "tiny-ce-s1"


def comparison_of(made):
    return made.compared[COMPARED, "big-s10"]


def last(artefact):
    return f"{artefact.folder}/run.json"


def needed_by_the_comparison(made):
    """Its own observation, its teacher's, those of the teacher's family, and the dataset."""
    ids = (COMPARED, "big-s10", "big-s20", "big-s30")
    return *(made.observations[id] for id in ids), made.dataset


def asked_for(made, artefact, exists):
    """The files that a job asks for, over all roles of its inputs."""
    state = StoreState(made, exists)
    return {
        file for role in (*artefact.inputs, "checks") for file in state.inputs_of(artefact, role)
    }


def test_a_job_asks_for_one_file_of_each_artefact_that_it_needs():
    made = study()
    expected = {last(artefact) for artefact in needed_by_the_comparison(made)}
    assert asked_for(made, comparison_of(made), lambda path: False) == expected
    assert asked_for(made, comparison_of(made), lambda path: True) == expected


def test_a_training_waits_for_the_check_of_networks():
    made = study()
    student = made.by_id["tiny-kd-T4-a0.9-s1"].artefact
    needed = (made.networks, made.dataset, *student.inputs["targets"])
    assert asked_for(made, student, lambda path: False) == {last(artefact) for artefact in needed}


def test_a_job_asks_for_the_file_that_was_lost_unless_its_own_are_all_there():
    made = study()
    comparison = comparison_of(made)
    needed = needed_by_the_comparison(made)
    lost = f"{made.dataset.folder}/manifest.json"
    others = {last(artefact) for artefact in needed} - {last(made.dataset)}
    own = str(comparison.folder)
    unfinished = asked_for(made, comparison, lambda path: path != lost and own not in path)
    assert unfinished == {lost, *others}
    assert asked_for(made, comparison, lambda path: path != lost) == others


def test_the_folder_that_people_open_asks_for_what_it_is_copied_from():
    made = study()
    copied = (made.tables, made.figures, made.report)

    def asked(exists):
        state = StoreState(made, exists)
        return [file for artefact in copied for file in state.inputs_of_published(artefact)]

    sources = [last(artefact) for artefact in copied]
    assert asked(lambda path: False) == sources
    drawn = f"{made.figures.folder}/cka.svg"
    assert asked(lambda path: path not in (drawn, str(made.marker))) == [
        sources[0],
        drawn,
        sources[2],
    ]
    assert asked(lambda path: path != drawn) == [sources[0], sources[2]]


def test_a_job_arrives_as_it_was_written():
    artefact = comparison_of(study())
    arrived = Job.from_json(artefact.job())
    assert arrived.to_json() == artefact.job()
    assert arrived.settings == artefact.settings
    assert arrived.inputs["observation"] == str(artefact.inputs["observation"].folder)
