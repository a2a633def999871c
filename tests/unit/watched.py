"""What stages a job opens, and how far each of them gets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from distilscope.workflow import progress


@contextlib.contextmanager
def stages(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[progress.Stage]]:
    """The stages that this process opens while the block runs, in their order."""
    found: list[progress.Stage] = []

    class Recording(progress.Job):
        def begin(self, *arguments, **named):
            found.append(super().begin(*arguments, **named))
            return found[-1]

    with monkeypatch.context() as own:
        own.setattr(progress, "_current", Recording("watched"))
        yield found
