"""How far a study is and what its jobs do, on this machine or on a cluster's nodes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from distilscope.commands.configured import study_of
from distilscope.workflow.calibration import Calibration
from distilscope.workflow.effort import Effort
from distilscope.workflow.watching import words
from distilscope.workflow.watching.overview import Overview, Watcher

REFRESH_SECONDS, LINES_SECONDS = 1.0, 10.0


def main(path: Path, root: Path, *, once: bool = False) -> int:
    """Show the study of the configuration in `path` until it is done, or once.

    It reads what jobs leave in `results/progress/`, and changes nothing.
    """
    study = study_of(path, root)
    effort = Effort(study)
    effort.speeds = Calibration(study, effort.architectures, at_once=1).known()
    watcher = Watcher(study, effort)
    overview = watcher.look()
    if once or overview.complete:
        print("\n".join(words.lines(overview)))
    elif sys.stdout.isatty():
        _live(watcher, overview)
    else:
        _plainly(watcher, overview)
    return 0


def _live(watcher: Watcher, overview: Overview) -> None:
    from rich.live import Live

    with Live(words.drawn(overview), auto_refresh=False) as live:
        while not overview.complete:
            time.sleep(REFRESH_SECONDS)
            overview = watcher.look()
            live.update(words.drawn(overview), refresh=True)


def _plainly(watcher: Watcher, overview: Overview) -> None:
    while True:
        print("\n".join(words.lines(overview)), flush=True)
        if overview.complete:
            return
        time.sleep(LINES_SECONDS)
        overview = watcher.look()
