"""An overview in lines, and as what rich draws."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from distilscope.planning.artefact import Artefact
from distilscope.workflow import progress
from distilscope.workflow.watching.overview import Overview, why_silent

if TYPE_CHECKING:
    from rich.console import RenderableType

BAR = 30


def of_study(overview: Overview) -> str:
    """`study 37 %, about 6 min left`."""
    if overview.complete:
        return "study 100 %"
    return f"study {100 * min(overview.share, 0.99):.0f} %, {left(overview.seconds_left)}"


def left(seconds: float | None) -> str:
    """`about 6 min left`, to the minute where it is more than one: an estimate is no better."""
    return "time left not known yet" if seconds is None else f"{about(seconds)} left"


def about(seconds: float) -> str:
    """`about 40 s`, `about 6 min`, `about 2 h 10 min`, `about 3 days`."""
    if seconds < 90:
        return f"about {max(10, round(seconds / 10) * 10)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min"
    if minutes < 60 * 24 * 2:
        return f"about {minutes // 60} h {minutes % 60 // 10 * 10:02d} min"
    return f"about {round(minutes / 60 / 24)} days"


def finished(artefact: Artefact, seconds: float | None, overview: Overview) -> str:
    """The line at the end of a job."""
    taken = "" if seconds is None else f" in {progress.duration(seconds)}"
    return f"{name_of(artefact)}: done{taken}; {of_study(overview)}"


def name_of(artefact: Artefact) -> str:
    """As its own job calls it."""
    return artefact.slug if artefact.kind == "model" else f"{artefact.kind} {artefact.slug}"


def lines(overview: Overview) -> list[str]:
    """The whole overview: the study, then each job that runs, then those that did not end well."""
    count = f"{overview.done} of {overview.jobs} jobs done, {len(overview.running)} running"
    found = [f"{overview.study}: {of_study(overview)}; {count}"]
    now = time.time()
    for status in overview.running:
        found.append(f"  {sign(progress.line(status), why_silent(status, now))}")
    return found + [f"  {status['sentence']}" for status in overview.ended]


def sign(line: str, of_life: str) -> str:
    """A job's line with what is wrong with it."""
    return f"{line}; {of_life}" if of_life else line


def drawn(overview: Overview) -> RenderableType:
    """For a terminal: a bar of the study and a row for each job that runs."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    head = Text.assemble(
        (overview.study, "bold"),
        f"  {of_study(overview)}  {overview.done} of {overview.jobs} jobs done",
    )
    rows = Table.grid(padding=(0, 2))
    for _ in range(7):
        rows.add_column(no_wrap=True)
    now = time.time()
    for status in overview.running:
        said, sign = progress.words(status), why_silent(status, now)
        rows.add_row(
            f"  {status['job']}",
            ProgressBar(total=1.0, completed=status["share"] or 0.0, width=BAR // 2),
            said.stage,
            said.share,
            Text(sign, style="red") if sign else said.left,
            said.rate,
            said.detail,
        )
    failed = [Text(f"  {status['sentence']}", style="red") for status in overview.ended]
    bar = Table.grid()  # alone it would end no line
    bar.add_row(ProgressBar(total=1.0, completed=overview.share, width=BAR * 2))
    return Group(head, bar, rows, *failed)
