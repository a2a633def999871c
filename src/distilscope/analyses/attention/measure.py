"""The numbers of attention and fidelity: of each model, beside its references, of its teachers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from distilscope.analyses.attention import cells
from distilscope.analyses.attention.model_rows import add_model
from distilscope.analyses.attention.pair_rows import add_pair
from distilscope.analyses.attention.sets import Sets
from distilscope.analyses.attention.teacher_rows import add_teachers, pairs_table
from distilscope.measuring.study import Study


def measure(study: Study, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """The rows of measures, and the table `attention_pairs`. See the declaration.

    Settings: those of `analyses.attention.configuration.Attention`; of each view its `name`.
    """
    sets = Sets(study, settings)
    rows = study.rows
    rows.add_each(lambda own, entry: add_model(sets, own, entry), study.entries)
    rows.add_each(lambda own, each: add_pair(sets, own, each), study.compared)
    taught = [entry for entry in study.entries if entry.role in cells.TAUGHT]
    rows.add_each(lambda own, entry: add_teachers(sets, own, entry), taught)
    return {"attention_pairs": pairs_table(sets)}


def conclude(
    study: Study, settings: Mapping[str, Any], measures: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The table `attention_cells`: each way of teaching as the published tables show it."""
    return {"attention_cells": cells.table(study, measures)}
