"""How far a study is: what exists, what its jobs say of themselves, and what the rest will take."""

from __future__ import annotations

import heapq
import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from distilscope import store
from distilscope.planning.artefact import Artefact
from distilscope.planning.state import StoreState, needs
from distilscope.planning.study import Study
from distilscope.workflow import progress
from distilscope.workflow.effort import Effort

SILENT_SECONDS = 30.0
"""A job whose last sign is older is said to be silent: its node may be gone."""

BEFORE_SECONDS = 3.0
"""Between a job's start and the moment from which it counts, about: imports."""

SAMPLES = 30
"""Finished jobs of a kind from which it is learned how long they take here."""

Status = Mapping[str, Any]


@dataclass(frozen=True)
class Overview:
    """A study at a moment.

    Attributes:
        study: its name.
        jobs, done: how many there are in all, and how many are done.
        share: of the whole, weighted by what jobs cost.
        seconds_left: None where nothing tells.
        running: what the jobs that run say, the longest first.
        ended: what the jobs say that failed or were stopped.
        finished: those that were done since the last look, with their seconds.
    """

    study: str
    jobs: int
    done: int
    share: float
    seconds_left: float | None
    running: tuple[Status, ...]
    ended: tuple[Status, ...]
    finished: tuple[tuple[Artefact, float | None], ...]

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return self.done == self.jobs


class Watcher:
    """Looks at a study again and again.

    Args:
        study: which.
        effort: what its jobs cost.
        slots: jobs that can run at once; None takes as many as are seen to run.
        local: whether the jobs run on this machine, of whose speed `effort` knows.
    """

    def __init__(
        self, study: Study, effort: Effort, slots: int | None = None, local: bool = True
    ) -> None:
        self.study, self.effort = study, effort
        self._slots, self._local = slots, local
        to_make = StoreState(study).to_make()
        self._pending = {one.folder: one for one in to_make.artefacts}
        self._publish = to_make.publish
        self._share = 0.0
        self._artefacts = list(study.artefacts.values())
        self._by_status = {status_file(a): a for a in self._artefacts}
        self._taken: dict[str, list[tuple[float, Artefact]]] = {}
        for artefact in self._artefacts:
            if artefact.folder not in self._pending:
                self._learn(artefact)

    @property
    def pending(self) -> tuple[Artefact, ...]:
        """What is still to be made, inputs before what is made from them."""
        return tuple(self._pending.values())

    def look(self) -> Overview:
        """How it is now."""
        finished = tuple(self._newly_done())
        if self._publish and not self._pending:
            self._publish = StoreState(self.study).to_make().publish
        statuses = list(read_statuses(progress.FOLDER))
        mine = {
            path: status
            for path, status in statuses
            if path in self._by_status or path.parent.name in ("download", "publish")
        }
        running = {p: s for p, s in mine.items() if s["state"] == "running"}
        share, left = self._whole(running)
        return Overview(
            study=self.study.configuration.study,
            jobs=len(self._artefacts) + 1,
            done=len(self._artefacts) - len(self._pending) + (not self._publish),
            share=share,
            seconds_left=left,
            running=tuple(sorted(running.values(), key=lambda s: s["started"])),
            ended=tuple(s for s in mine.values() if s["state"] != "running"),
            finished=finished,
        )

    def _newly_done(self) -> Iterator[tuple[Artefact, float | None]]:
        for folder, artefact in list(self._pending.items()):
            if os.path.exists(folder / store.RUN_FILE):
                del self._pending[folder]
                yield artefact, self._learn(artefact)

    def _learn(self, artefact: Artefact) -> float | None:
        """Note how long a job took, if it says so and ran here: the seconds."""
        known = self._taken.setdefault(artefact.kind, [])
        if len(known) >= SAMPLES:
            return None
        try:
            run = json.loads((artefact.folder / store.RUN_FILE).read_text(encoding="utf-8"))
            seconds = float(run["seconds"]["total"])
            here = not self._local or run["machine"]["host"] == socket.gethostname()
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if here and not run.get("facts", {}).get("resumed_from"):
            known.append((seconds, artefact))
        return seconds

    def _scale(self, kind: str, running: Mapping[Path, Status]) -> float | None:
        """Seconds that a job of that kind takes here for each that it was thought to take.

        A training where no network was measured is like those that ended, or that run and say how
        long they will take: like no other job.
        """
        own = self._taken.get(kind)
        if not own and self._local and self.effort.known:
            return 1.0
        known = own or list(self._foretold(kind, running))
        if not known and (kind != "model" or self.effort.known):
            known = [pair for pairs in self._taken.values() for pair in pairs]
        thought = sum(self.effort.seconds(artefact) for _, artefact in known)
        return sum(s + BEFORE_SECONDS for s, _ in known) / thought if thought else None

    def _foretold(
        self, kind: str, running: Mapping[Path, Status]
    ) -> Iterator[tuple[float, Artefact]]:
        """The jobs of that kind that run, with the seconds that they say they will have taken."""
        for artefact in self._pending.values():
            status = running.get(status_file(artefact)) if artefact.kind == kind else None
            if status and status["seconds_left"] is not None:
                yield status["elapsed"] + status["seconds_left"], artefact

    def _whole(self, running: Mapping[Path, Status]) -> tuple[float, float | None]:
        """The share that is done, and the seconds that the rest takes if all slots are used."""
        kinds = dict.fromkeys(artefact.kind for artefact in self._artefacts)
        scales = {kind: self._scale(kind, running) for kind in kinds}
        total = done = 0.0
        left: dict[Path, float] = {}
        unknown = False
        for artefact in self._artefacts:
            scale = scales[artefact.kind]
            seconds = self.effort.seconds(artefact) * (scale or 1.0)
            total += seconds
            if artefact.folder not in self._pending:
                done += seconds
                continue
            status = running.get(status_file(artefact))
            share, rest = _of_running(status, seconds)
            done += share * seconds
            left[artefact.folder] = rest
            unknown |= scale is None
        if not total:
            return float(not self._pending), 0.0
        share = min(done / total, 1.0)
        if self.effort.known:  # what is learned of the rest makes it longer, not what is done less
            share = self._share = max(self._share, share)
        if unknown:
            return share, None
        slots = self._slots or max(1, len(running))
        return share, makespan(self.study, self._pending, left, slots)


def status_file(artefact: Artefact) -> Path:
    """Where the job of an artefact says how it is."""
    return progress.FOLDER / artefact.kind / f"{artefact.name}.json"


def _of_running(status: Status | None, seconds: float) -> tuple[float, float]:
    """The share of a job that is done, and the seconds left, by what it says or by its age."""
    if status is None:
        return 0.0, seconds
    share = status["share"]
    if share is None:
        share = min(status["elapsed"] / seconds, 0.95) if seconds else 0.0
    rest = status["seconds_left"]
    return share, (1 - share) * seconds if rest is None else rest


def makespan(
    study: Study, pending: Mapping[Path, Artefact], left: Mapping[Path, float], slots: int
) -> float:
    """Seconds until all is done, if a job begins as soon as its inputs and a slot are there.

    Args:
        pending: inputs before what is made from them.
        left: seconds of each.
        slots: how many run at once.
    """
    free = [0.0] * min(slots, max(1, len(pending)))
    ends: dict[Path, float] = {}
    for folder, artefact in pending.items():
        inputs = [ends.get(needed.folder, 0.0) for needed in needs(study, artefact)]
        ready = max(inputs, default=0.0)
        begin = max(ready, heapq.heappop(free))
        ends[folder] = begin + left[folder]
        heapq.heappush(free, ends[folder])
    return max(ends.values(), default=0.0)


def read_statuses(folder: Path) -> Iterator[tuple[Path, Status]]:
    """What jobs left in a folder, with its path; what goes away meanwhile is passed over."""
    for path in sorted(folder.glob("*/*.json")):
        try:
            status = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(status, dict) and "state" in status:
            yield path, status


def why_silent(status: Status, now: float) -> str:
    """Empty for a job that is alive; else what can be said of it."""
    silent = now - status["heartbeat"]
    if silent < SILENT_SECONDS:
        return ""
    if status["host"] == socket.gethostname() and not psutil.pid_exists(status["pid"]):
        return f"ended without a word {progress.duration(silent)} ago"
    return f"no sign of life for {progress.duration(silent)} (host {status['host']})"
