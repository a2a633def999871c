"""What a run would do and why, in the study's words."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from distilscope.commands.configured import study_of
from distilscope.commands.differences import Reasons, counted
from distilscope.planning import record
from distilscope.planning.state import StoreState, ToMake
from distilscope.planning.study import Study
from distilscope.words import count


def explain(study: Study, root: Path) -> list[str]:
    """What a run of the study would do, a line each: the number of jobs, then the reasons."""
    name = study.configuration.study
    todo = StoreState(study).to_make()
    if not todo:
        return [f"{name}: nothing to do; {study.published}/ holds this study"]
    lines = [f"{name}: {_jobs(todo)}"]
    before = record.read(name)
    if before is None:
        return [*lines, "  nothing is published under this name yet: what is missing is made"]
    reasons = Reasons(study, todo, before, root)
    found = [*reasons.lines(), *reasons.no_longer(), *reasons.already_there()]
    if not todo.artefacts:
        found.append("everything is there from an earlier configuration: it is published again")
    found = found or reasons.edits()
    return [*lines, *(f"  {line}" for line in found)]


def _jobs(todo: ToMake) -> str:
    counts = Counter(artefact.kind for artefact in todo.artefacts)
    total = counts.total() + todo.publish
    words = [counted(number, kind) for kind, number in counts.items()]
    return f"{count(total, 'job')}: {', '.join([*words, 'publish'])}"


def main(path: Path, root: Path) -> int:
    """Print the plan of the configuration in `path`."""
    print("\n".join(explain(study_of(path, root), root)))
    return 0
