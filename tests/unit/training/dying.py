"""Trainings that die on the way, and what they end with when they are run again."""

from __future__ import annotations

import pytest

from distilscope import store
from distilscope.training import runtime
from distilscope.training.checkpoint import Keeper

from .making import digest

FILES = ("weights.safetensors", "history.parquet")


class Died(Exception):
    """Stands for a process that ends without a word."""


def die():
    raise Died


def at_step(monkeypatch, number, act):
    """Do something as the run's step `number` (from 0) begins, the first time."""
    seed_step, done = runtime.seed_step, []

    def acting(seed, step, device):
        if step == number and not done:
            done.append(step)
            act()
        seed_step(seed, step, device)

    monkeypatch.setattr(runtime, "seed_step", acting)


def dies_at(monkeypatch, step, run):
    """Call what trains; it dies as that step begins, behind a checkpoint of each step before."""
    with monkeypatch.context() as patched:
        patched.setattr(Keeper, "due", lambda self, *, epoch_ended: True)
        at_step(patched, step, die)
        with pytest.raises(Died):
            run()


def digests(folder):
    return [digest(folder, name) for name in FILES]


def resumed_from(folder):
    return store.read_json(folder / "run.json")["facts"]["resumed_from"]
