"""The numbers of dark knowledge: of teachers, of what relates them, of the students they teach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from distilscope.analyses.dark_knowledge.ladder import Ladder
from distilscope.analyses.dark_knowledge.student_rows import add_signals, arms_table, rungs_table
from distilscope.analyses.dark_knowledge.teacher_rows import (
    add_distinctness,
    add_planted,
    relations_table,
)
from distilscope.measuring.study import Study


def measure(study: Study, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """`distinctness`, `relations`, `rungs`; `arms` where settings were tuned. See the declaration.

    Settings: those of `analyses.dark_knowledge.configuration.DarkKnowledge`.
    """
    ladder = Ladder.of(study, settings)
    tables = {"distinctness": add_distinctness(ladder), "relations": relations_table(ladder)}
    add_planted(ladder)
    add_signals(ladder)
    if settings["tuning"]:
        tables["arms"] = arms_table(ladder)
    tables["rungs"] = rungs_table(ladder, tables.get("arms"))
    return tables
