"""Which learning rate does best for each arm, on held-out items, under seeds not reported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from distilscope import store
from distilscope.measuring.study import Study

COLUMNS = (
    *("arm", "student", "teachers", "seed", "lr", "held_out_accuracy", "held_out_nll"),
    *("best", "used"),
)


def table(study: Study, tuning: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each arm, learning rate and seed that was tried.

    `held_out_accuracy` and `held_out_nll` are of the tokens of held-out gold texts, which all arms
    share, at the last epoch. `best` is the rate with the highest mean accuracy over the seeds, the
    first of equals; `used` is that of the grid.
    """
    records = []
    for own, folder in zip(tuning["tried"], study.job.inputs_of("tried"), strict=True):
        last = store.read_table(Path(folder) / "history.parquet").iloc[-1]
        records.append(
            {
                **own,
                "teachers": " + ".join(own["teachers"]),
                "held_out_accuracy": float(last["held_out_accuracy"]),
                "held_out_nll": float(last["held_out_nll"]),
            }
        )
    found = pd.DataFrame.from_records(records)
    mean = found.groupby(["student", "arm", "lr"])["held_out_accuracy"].transform("mean")
    most = mean.groupby([found["student"], found["arm"]]).transform("idxmax")
    best = found["lr"] == found["lr"].loc[most].to_numpy()
    return found.assign(best=best)[list(COLUMNS)]
