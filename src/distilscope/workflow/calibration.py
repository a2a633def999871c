"""The speed of this machine with a study's networks: measured once, and kept for the user.

It is measured in processes beside this one, as many as will train at once, and kept outside the
study's folder, which may move to another machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from distilscope import store
from distilscope.planning import fingerprint
from distilscope.planning.study import Study
from distilscope.workflow import provenance
from distilscope.workflow.effort import Speed

AT_ONCE = 4
GOOD_FOR_SECONDS = 24 * 3600
"""Another day the machine may be less busy."""

COMMAND = (sys.executable, "-m", "distilscope.training.speed")


def cache() -> Path:
    """Where speeds are kept: a machine's and a user's, of no study."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "distilscope" / "speeds.json"


class Calibration:
    """The speeds of a study's networks on this machine.

    Args:
        study: whose networks, image size, precision and threads.
        architectures: of the networks.
        at_once: trainings that will run at once.
    """

    def __init__(
        self, study: Study, architectures: Sequence[Mapping[str, Any]], at_once: int
    ) -> None:
        self._study, self._at_once = study, max(1, min(at_once, AT_ONCE))
        # Of texts nobody knows how long they are before they are prepared.
        measured = architectures if study.configuration.data.image_size else ()
        self._architectures = {store.canonical_json(a): a for a in measured}
        self._processes: list[subprocess.Popen[str]] = []
        self._missing: list[str] = []

    def begin(self) -> None:
        """Start to measure what is not known yet, in the background."""
        known = _read()
        self._missing = [key for key in self._architectures if self._place(key) not in known]
        if not self._missing:
            return
        asked = {
            "architectures": [self._architectures[key] for key in self._missing],
            "image_size": self._study.configuration.data.image_size,
            "precision": self._study.precision,
            "threads": self._study.configuration.threads,
        }
        for _ in range(self._at_once):
            process = subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": str(asked["threads"])},
            )
            self._processes.append(process)
            process.stdin.write(json.dumps(asked))
            process.stdin.close()

    @property
    def ready(self) -> bool:
        """Whether `speeds` has nothing to wait for."""
        return all(process.poll() is not None for process in self._processes)

    def cancel(self) -> None:
        """Measure no more."""
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes = []

    def speeds(self) -> dict[str, Speed]:
        """By `effort.key`; without the networks that can't be measured."""
        answers = [_answer(process) for process in self._processes]
        self._processes = []
        found = {}
        for place, key in enumerate(self._missing):
            pairs = [answer[place] for answer in answers if answer and answer[place]]
            if pairs:
                means = [sum(values) / len(values) for values in zip(*pairs, strict=True)]
                found[self._place(key)] = [*means, time.time()]
        self._missing = []
        if found:
            _keep({**_read(), **found})
        return self.known()

    def known(self) -> dict[str, Speed]:
        """By `effort.key`: what was measured here before, with however many at once."""
        kept = _read()
        named = {key: kept.get(self._place(key)) for key in self._architectures}
        return {key: Speed(*kept[:2]) for key, kept in named.items() if kept}

    def _place(self, key: str) -> str:
        """What a speed depends on, in short."""
        builder = self._architectures[key]["builder"]
        covered = {
            "network": key,
            "source": str(fingerprint.source("distilscope.training.speed", builder)),
            "image_size": self._study.configuration.data.image_size,
            "precision": self._study.precision,
            "threads": self._study.configuration.threads,
            "host": socket.gethostname(),
            "processor": provenance.processor_name(),
            "capability": os.environ.get("ATEN_CPU_CAPABILITY", ""),
            "torch": metadata.version("torch"),
        }
        return store.digest_bytes(store.canonical_json(covered).encode())[:16]


def _answer(process: subprocess.Popen[str]) -> list[list[float] | None] | None:
    with process:
        said = process.stdout.read()
    try:
        return json.loads(said)
    except ValueError:
        return None


def _read() -> dict[str, list[float]]:
    oldest = time.time() - GOOD_FOR_SECONDS
    try:
        found = json.loads(cache().read_text(encoding="utf-8"))
        return {key: kept for key, kept in found.items() if kept[-1] > oldest}
    except (OSError, ValueError, RuntimeError, AttributeError, TypeError, LookupError):
        return {}


def _keep(known: Mapping[str, list[float]]) -> None:
    """Where nothing can be kept it is measured again the next time."""
    unwritable = contextlib.suppress(OSError)
    with unwritable, store.atomic(cache(), digest=False) as temporary:
        temporary.write_text(json.dumps(known), encoding="utf-8")
