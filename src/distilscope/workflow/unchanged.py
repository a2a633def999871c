"""Whether a job computes with what its plan saw: the same source, and the same files of the user's.

The identity is settled when the plan is made, and a job begins hours later. It compares when it
begins, and again before it says that its artefact is whole.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from distilscope.planning import fingerprint
from distilscope.planning.job import Job
from distilscope.store import contents
from distilscope.store.contents import Content, State


class ChangedSincePlan(ValueError):
    """What a job uses is not what its plan was made for."""


@dataclass(frozen=True)
class Watch:
    """What a job saw when it began.

    Attributes:
        job: whose source and contents were those of the plan.
        modules: files of the source, with their state then.
        files: of each content, its files with their state then.
        loaded: the modules that were imported.
    """

    job: Job
    modules: Mapping[str, State | None]
    files: Mapping[str, Mapping[str, State]]
    loaded: frozenset[str]

    @classmethod
    def begin(cls, job: Job) -> Watch:
        """Look at what a job is about to use; its function's module is imported already.

        Raises:
            ChangedSincePlan: something is not what the plan saw.
        """
        modules = {name: _state_of(name) for name in job.parts}
        _check_source(job, list(job.parts))
        files = {}
        for name, content in job.contents.items():
            try:
                files[name] = content.states()
                now = Content.now(Path(content.place), content.files)
            except OSError as error:
                raise _of_content(job, name, content) from error
            if now != content:
                raise _of_content(job, name, content)
        return cls(job, modules, files, frozenset(sys.modules))

    def confirm(self) -> None:
        """Look again, before the artefact is said to be whole.

        Raises:
            ChangedSincePlan: something was changed meanwhile, put back or not.
        """
        touched = [name for name, state in self.modules.items() if _state_of(name) != state]
        _check_source(self.job, touched)
        late = [name for name in touched if name not in self.loaded and "/" not in name]
        if late:
            raise _of_source(self.job, late)
        for name, content in self.job.contents.items():
            try:
                same = content.states() == self.files[name]
            except OSError:
                same = False
            if not same:
                raise _of_content(self.job, name, content)


def _state_of(part: str) -> State | None:
    place = fingerprint.file_of(part)
    return contents.state(place) if place is not None and place.is_file() else None


def _check_source(job: Job, names: list[str]) -> None:
    changed = fingerprint.changed({name: job.parts[name] for name in names})
    if changed:
        raise _of_source(job, changed)


def _of_source(job: Job, names: list[str]) -> ChangedSincePlan:
    return ChangedSincePlan(
        f"{job.slug}: the source of {', '.join(names)} was edited after the plan was made, so that "
        "the result would not be what its path says. Run again to make it by the present source, "
        "or put the source back first"
    )


def _of_content(job: Job, name: str, content: Content) -> ChangedSincePlan:
    contents.forget()
    return ChangedSincePlan(
        f"{job.slug}: {name}: {content.place} has changed since the plan was made; run again to "
        "use it"
    )
