"""The numbers of reasoning: of each model, of each beside its references, and over all tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from distilscope.analyses.reasoning import task_table, tests_table, tuning_table
from distilscope.analyses.reasoning.held import add_held
from distilscope.analyses.reasoning.model_rows import add_model
from distilscope.analyses.reasoning.pair_rows import add_pair
from distilscope.analyses.reasoning.said import Questions
from distilscope.measuring.study import Study


def measure(study: Study, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """The rows of measures. See the declaration.

    Settings: those of `analyses.reasoning.configuration.Reasoning`.
    """
    questions = Questions.of(study, settings)
    _ = questions.said  # read once, before rows are made side by side
    study.rows.add_each(lambda own, entry: add_model(questions, own, entry), study.entries)
    study.rows.add_each(lambda own, each: add_pair(questions, own, each), study.compared)
    add_held(questions, study.rows)
    return {}


def conclude(
    study: Study, settings: Mapping[str, Any], measures: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The tables `reasoning_tasks` and `reasoning_tests`, and `reasoning_tuning` if it was done."""
    tuned = settings.get("tuning")
    return {
        "reasoning_tasks": task_table.table(study, measures),
        "reasoning_tests": tests_table.table(study, measures, settings.get("ablations", ())),
        **({"reasoning_tuning": tuning_table.table(study, tuned)} if tuned else {}),
    }
