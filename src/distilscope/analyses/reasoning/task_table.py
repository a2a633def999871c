"""Each condition on each task, beside each of its references: means over seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from distilscope.measuring.study import PROBE, Study

ALL = "all"
"""In the column `task`: over all of them."""

OWN = (
    *("exact_accuracy", "choice_accuracy", "question_free_accuracy", "unparsed", "improvement"),
    *("planted_errors", "other_procedure_steps"),
)
BESIDE = (
    *("answer_agreement", "answer_agreement_excess", "choice_agreement"),
    *("choice_agreement_excess", "choice_kl", "token_kl", "step_fidelity", "step_fidelity_null"),
    *("planted_errors_copied", "planted_choices_copied", "planted_choices_copied_null"),
    "procedure_copied",
)
COLUMNS = (
    *("condition", "label", "role", "network", "reference", "relation", "task", "seeds"),
    *OWN,
    *BESIDE,
)


def table(study: Study, measures: pd.DataFrame) -> pd.DataFrame:
    """A row for each condition, teacher entry that it is compared with, relation and task.

    A condition without a reference has rows of its own numbers alone.

    Args:
        measures: the table.
    """
    rows = _of_all_items(measures[measures["measure"].isin((*OWN, *BESIDE))])
    labels = study.job.settings["conditions"]
    networks = {entry.id: entry.network for entry in study.entries}
    rows = rows.assign(beside=rows["reference"].map(networks))
    own = _means(rows[rows["relation"].isna()], ["condition", "task"])
    beside = _means(rows[rows["relation"].notna()], ["condition", "beside", "relation", "task"])
    records = []
    for (condition, task), numbers in own.items():
        known = study.conditions[condition]
        about = {
            "condition": condition,
            "label": labels[condition]["label"],
            "role": known.role,
            "network": known.network,
            "task": task,
            "seeds": sum(entry.condition == condition for entry in study.entries),
            **numbers,
        }
        references = [key[1:3] for key in beside if key[0] == condition and key[3] == task]
        for reference, relation in references or [(None, None)]:
            found = beside.get((condition, reference, relation, task), {})
            records.append({**about, "reference": reference, "relation": relation, **found})
    made = pd.DataFrame.from_records(records, columns=COLUMNS)
    return made.astype(dict.fromkeys((*OWN, *BESIDE), np.float64))


def _of_all_items(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows over all items of the probe, with a word in `task` where they are of all tasks."""
    kept = rows[(rows["probe"] == PROBE) & (rows["subset"] == "all")]
    return kept.assign(task=kept["task"].fillna(ALL))


def _means(rows: pd.DataFrame, keys: list[str]) -> dict[tuple, dict[str, float]]:
    """Key -> measure -> mean over models; NaN where no model has a value."""
    found: dict[tuple, dict[str, float]] = {}
    for (*key, measure), values in rows.groupby([*keys, "measure"], sort=False)["value"]:
        found.setdefault(tuple(key), {})[measure] = float(values.mean())
    return found
