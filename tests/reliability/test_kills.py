"""Whatever is killed, and whenever: the next run ends with the bits of an undisturbed one."""

from __future__ import annotations

import json
import random
import signal

import pytest

from ..running.once import once
from . import killing, studies
from .killing import Moment, Snapshot

EPOCHS = 120
LONGER = studies.small(
    study="longer", recipes__teacher__epochs=EPOCHS, recipes__student__epochs=EPOCHS
)
"""Trainings of some seconds, with a dozen checkpoints."""

TWO_TEACHERS = {**LONGER, "study": "pair"}
TWO_TEACHERS["teachers"] = {"teacher": {**LONGER["teachers"]["teacher"], "twins": [2]}}

SOON = 10.0
"""Seconds in which a training that is asked to stop must be gone."""


@pytest.fixture
def folder(tmp_path):
    return studies.begin(tmp_path / "study", LONGER)


@pytest.fixture(scope="module")
def study():
    return studies.plan(LONGER)


@pytest.fixture(scope="module")
def teacher(study):
    return study.models[0].artefact


@pytest.fixture(scope="module")
def student(study):
    return study.models[1].artefact


@pytest.fixture(scope="module")
def trained_here(study, tmp_path_factory):
    """Digests of the models, and of what they are made from, as this process makes them."""

    def make(folder):
        with studies.inside(folder):
            for artefact in studies.in_order(study):
                if artefact.kind in ("dataset", "model", "targets"):
                    studies.make(artefact)

    return studies.digests(once(tmp_path_factory, "longer-trained-here", make))


def resumed_from(folder, artefact):
    run = json.loads((folder / artefact.folder / "run.json").read_text())
    return run["facts"]["resumed_from"]


def with_checkpoint(seen: Snapshot) -> bool:
    return bool(seen.checkpoints)


def within_a_write(seen: Snapshot) -> bool:
    return seen.writing


def unlock(folder):
    """Snakemake refuses the folder and says what to type; that works."""
    status, said = studies.run(folder)
    assert status != 0
    assert "--unlock" in said
    studies.run_well(folder, "--unlock")


# ------------------------------------------------------------------------------- in `make test`


def test_a_killed_training_and_a_killed_snakemake_end_with_the_same_bits(
    folder, teacher, student, trained_here
):
    """The teacher dies within a checkpoint's write, then Snakemake while the student trains."""
    killing.kill_training(folder, Moment(4, within_a_write, teacher.name))
    kept = killing.newest_checkpoint(folder, teacher.name)
    assert kept is not None

    assert killing.kill_snakemake(folder, Moment(12, with_checkpoint, student.name)) < SOON
    assert resumed_from(folder, teacher) == kept
    unlock(folder)

    kept = killing.newest_checkpoint(folder, student.name)
    assert kept is not None
    studies.run_well(folder, str(student.folder / "run.json"))
    assert resumed_from(folder, student) == kept
    found = studies.digests(folder)
    assert {path: found.get(path) for path in trained_here} == trained_here


# --------------------------------------------------------------------------- in `make test-long`


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, trained_here):
    """Digests of the study as Snakemake makes it on two cores, with nothing that disturbs."""

    def make(folder):
        studies.run_well(studies.begin(folder, LONGER), cores=2)

    found = studies.digests(once(tmp_path_factory, "longer-by-snakemake", make))
    assert {path: found.get(path) for path in trained_here} == trained_here
    return found


def ends_well(folder, undisturbed):
    studies.run_well(folder)
    assert studies.digests(folder) == undisturbed
    assert not list((folder / "results/checkpoints").iterdir())


@pytest.mark.long(2, minutes=5)
@pytest.mark.parametrize("seed", range(5))
def test_five_kills_at_random_moments_of_a_study_end_with_the_same_bits(
    folder, study, undisturbed, seed
):
    """Two of the five are within a checkpoint's write. Each run goes on where the last one was."""
    chance = random.Random(seed)
    wanted = [within_a_write, within_a_write, with_checkpoint, with_checkpoint, anything]
    chance.shuffle(wanted)
    names = [model.artefact.name for model in study.models]
    for kind in wanted:
        kept = {name: killing.newest_checkpoint(folder, name) for name in names}
        killing.kill_training(folder, Moment(chance.randint(1, 15), kind))
        for name in names:
            log = folder / f"results/logs/model/{name}.log"
            if kept[name] and "images/s" in log.read_text():
                assert f"goes on from its checkpoint ({kept[name]})" in log.read_text()
    ends_well(folder, undisturbed)


def anything(seen: Snapshot) -> bool:
    return True


@pytest.mark.long(1)
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_training_is_answered_with_a_checkpoint_within_seconds(
    folder, teacher, undisturbed, by
):
    assert killing.kill_training(folder, Moment(20, with_checkpoint, teacher.name), by) < SOON
    kept = killing.newest_checkpoint(folder, teacher.name)
    log = (folder / f"results/logs/model/{teacher.name}.log").read_text()
    assert f"stopped by {by.name}" in log
    assert f"results/checkpoints/{teacher.name}: run the same command to go on" in log
    ends_well(folder, undisturbed)
    assert resumed_from(folder, teacher) == kept


@pytest.fixture(scope="module")
def pair():
    """Two teachers, which are trained side by side."""
    return [model.artefact for model in studies.plan(TWO_TEACHERS).models[:2]]


@pytest.fixture(scope="module")
def pair_trained_here(pair, tmp_path_factory):
    """Digests of the two and of their images, as this process makes them."""
    folder = tmp_path_factory.mktemp("pair")
    with studies.inside(folder):
        for artefact in (pair[0].inputs["dataset"], *pair):
            studies.make(artefact)
    return studies.digests(folder)


@pytest.mark.long(1)
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_snakemake_alone_reaches_all_of_its_trainings(
    tmp_path, pair, pair_trained_here, by
):
    """Two trainings at once: each leaves a checkpoint, and nothing is left running or locked."""
    folder = studies.begin(tmp_path / "study", TWO_TEACHERS)

    def both_train(seen: Snapshot) -> bool:
        """One may still be starting where the other has long begun."""
        return all(any((folder / "results/checkpoints" / a.name).glob("*")) for a in pair)

    seconds = killing.ask_snakemake(folder, Moment(2, both_train), by, cores=2)
    assert seconds < SOON
    kept = {a.name: killing.newest_checkpoint(folder, a.name) for a in pair}
    assert all(kept.values()), kept
    for artefact in pair:
        log = (folder / f"results/logs/model/{artefact.name}.log").read_text()
        assert f"stopped by {by.name}" in log
    studies.run_well(folder, *(str(a.folder / "run.json") for a in pair), cores=2)
    assert studies.digests(folder) == pair_trained_here
    assert {a.name: resumed_from(folder, a) for a in pair} == kept


@pytest.mark.long(1)
def test_control_c_leaves_a_checkpoint_and_no_lock(folder, teacher, undisturbed):
    assert killing.press_control_c(folder, Moment(20, with_checkpoint, teacher.name)) < SOON
    kept = killing.newest_checkpoint(folder, teacher.name)
    ends_well(folder, undisturbed)
    assert resumed_from(folder, teacher) == kept


@pytest.mark.long(2)
@pytest.mark.parametrize("rule", ["targets", "observation", "comparison", "tables", "figures"])
def test_a_kill_of_another_job_ends_with_the_same_bits(folder, undisturbed, rule):
    killing.kill_job(folder, rule)
    ends_well(folder, undisturbed)
