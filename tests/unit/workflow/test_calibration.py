"""The speed of this machine: measured once for a network, kept for the user, of no result."""

from __future__ import annotations

import io
import json
import sys
import time

import pytest

from distilscope.training import speed
from distilscope.workflow import calibration
from distilscope.workflow.calibration import Calibration
from distilscope.workflow.effort import Effort, Speed
from tests.reliability import studies


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with studies.inside(tmp_path):
        yield


def answering(monkeypatch, said):
    """The program that measures answers with that text, and notes what it was asked."""
    code = f"import sys; open('asked', 'a').write(sys.stdin.read() + chr(10)); print({said!r})"
    monkeypatch.setattr(calibration, "COMMAND", (sys.executable, "-c", code))


def of(raw, at_once=2):
    study = studies.plan(raw)
    return Calibration(study, Effort(study).architectures, at_once)


def measured(raw, at_once=2):
    made = of(raw, at_once)
    made.begin()
    return list(made.speeds().values())


def asked():
    with open("asked") as lines:
        return [json.loads(line) for line in lines]


def test_a_network_is_measured_by_as_many_processes_as_train_at_once_and_then_known(monkeypatch):
    answering(monkeypatch, "[[0.5, 0.125]]")
    assert measured(studies.SMALL) == [Speed(0.5, 0.125)]
    assert len(asked()) == 2
    assert asked()[0]["image_size"] == 32 and asked()[0]["precision"] == "fp32"
    assert measured(studies.SMALL) == [Speed(0.5, 0.125)]
    assert len(asked()) == 2
    assert list(of(studies.SMALL, at_once=1).known().values()) == [Speed(0.5, 0.125)]


def test_another_precision_or_size_is_measured_for_itself(monkeypatch):
    answering(monkeypatch, "[[0.5, 0.125]]")
    measured(studies.SMALL, at_once=1)
    measured(studies.small(precision="bf16"), at_once=1)
    measured(studies.small(data__image_size=28), at_once=1)
    assert [a["precision"] for a in asked()] == ["fp32", "bf16", "fp32"]


@pytest.mark.parametrize("said", ["[null]", "Traceback", ""])
def test_what_can_not_be_measured_is_not_known(monkeypatch, said):
    answering(monkeypatch, said)
    assert measured(studies.SMALL) == []


def test_what_was_measured_another_day_is_measured_again(monkeypatch):
    answering(monkeypatch, "[[0.5, 0.125]]")
    measured(studies.SMALL, at_once=1)
    later = time.time() + 25 * 3600
    monkeypatch.setattr(calibration.time, "time", lambda: later)
    measured(studies.SMALL, at_once=1)
    assert len(asked()) == 2


@pytest.mark.parametrize("kept", ["[1, 2", "[1, 2]", '{"a": 3}'])
def test_a_damaged_cache_is_measured_anew(monkeypatch, kept):
    calibration.cache().parent.mkdir(parents=True)
    calibration.cache().write_text(kept)
    answering(monkeypatch, "[[0.5, 0.125]]")
    assert measured(studies.SMALL) == [Speed(0.5, 0.125)]


def test_the_program_measures_what_can_be_built(monkeypatch, capsys):
    catalogued = of(studies.SMALL)._architectures
    (network,) = catalogued.values()
    broken = {"builder": "distilscope.models.plain:nothing", "settings": {}}
    words = {"image_size": 16, "precision": "fp32", "threads": 1}
    given = json.dumps({"architectures": [network, broken], **words})
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    speed.main()
    (learning, forward), none = json.loads(capsys.readouterr().out)
    assert learning > 0 and forward > 0
    assert none is None
