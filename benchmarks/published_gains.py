"""The gains that the fifth study published, tested again with the unit of replication right.

    python -m benchmarks.published_gains

Reads the study's own result files (resources/kd-generalization; arXiv 2505.15442). A row is a
student, a teacher and one of three objectives: 33 a family of tasks, of 6 students and 11 pairs.
Printed for each task and for the mean over tasks:

- `t`, `p`: the published test, one-sided over 33 rows, each at the temperature that is best on
  the test items;
- `gain` at T = 1, in points, with 95 % t intervals over rows, over pairs and over students
  (means of each): rows that share a student share its score on labels only;
- `size`, `teacher`, `agreement`, `fidelity`: Spearman's rho of the published gain with each, and
  `|sft` the same with the student's score on labels only held fixed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from distilscope.statistics.ranks import spearman

FOLDER = Path(__file__).resolve().parents[1] / "resources/kd-generalization"
FAMILIES = {
    "mathematics": ("math_results_main", "llama_math_results", "EM1", "BLEU"),
    "common sense": ("cs_results_main", "llama_cs_results", "EM1_cs", None),
}
"""Scores of Qwen2.5 and of Llama, agreement with the teacher, likeness of rationales."""

OBJECTIVES = {"_KD_temp": "forward KL", "_RevKD_temp": "reverse KL", "_GKD_temp": "JSD"}
KEY = ["Teacher", "Student", "Objective"]
MEAN = "Average"
UNITS = {"rows": KEY, "pairs": KEY[:2], "students": KEY[1:2]}


def scores(family: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of a family: (a row for each model on labels only, by name; a row a distilled student).

    Students have `Objective` and `T`. What learned from a teacher that was not tuned is left out.
    """
    files = FAMILIES[family][:2]
    every = pd.concat([_read(name) for name in files], ignore_index=True)
    alone = every[every["Method"] == "SFT"].set_index("Student").drop(columns=["Teacher", "Method"])
    taught = every[every["Method"].str.contains("student") & ~every["Method"].str.contains("base")]
    kinds = taught["Method"].str.extract(f"({'|'.join(OBJECTIVES)})_(.+)$")
    taught = taught.assign(
        Teacher=taught["Teacher"].str.split("_").str[0],
        Objective=kinds[0].map(OBJECTIVES),
        T=kinds[1].astype(float),
    )
    return alone, taught.drop(columns="Method")


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"{name}.csv")


def best_rows(taught: pd.DataFrame) -> pd.DataFrame:
    """As published: of each row and task the temperature that is best on the test items."""
    return taught.drop(columns="T").groupby(KEY, as_index=False).max()


def rows_at_one(taught: pd.DataFrame) -> pd.DataFrame:
    """Each row at T = 1."""
    return taught[taught["T"] == 1].drop(columns="T").reset_index(drop=True)


def gains(rows: pd.DataFrame, alone: pd.DataFrame, task: str) -> np.ndarray:
    """Points above the same student on labels only, (rows,)."""
    return (rows[task] - rows["Student"].map(alone[task])).to_numpy()


def interval(rows: pd.DataFrame, gain: np.ndarray, unit: Sequence[str]) -> tuple[float, float]:
    """95 % t interval of the mean over units, each the mean of its rows."""
    means = rows.assign(gain=gain).groupby(list(unit))["gain"].mean().to_numpy()
    half = stats.t.ppf(0.975, len(means) - 1) * stats.sem(means)
    return means.mean() - half, means.mean() + half


def tests(family: str) -> pd.DataFrame:
    """A row for each task of a family and one for the mean over them."""
    alone, taught = scores(family)
    best, at_one = best_rows(taught), rows_at_one(taught)
    found = {}
    for task in [*(name for name in alone.columns if name != MEAN), MEAN]:
        published = gains(best, alone, task)
        test = stats.ttest_1samp(published, 0, alternative="greater")
        own = gains(at_one, alone, task)
        record = {"t": test.statistic, "p": test.pvalue, "gain": own.mean()}
        for name, unit in UNITS.items():
            record[f"{name} low"], record[f"{name} high"] = interval(at_one, own, unit)
        before = best["Student"].map(alone[task]).to_numpy()
        for name, with_what in _beside(family, best, alone, task).items():
            record[name] = spearman(published, with_what)
            record[f"{name}|sft"] = spearman(published, with_what, [before])
        found[task] = record
    return pd.DataFrame.from_dict(found, orient="index")


def _beside(
    family: str, rows: pd.DataFrame, alone: pd.DataFrame, task: str
) -> dict[str, np.ndarray]:
    """What the gain is set beside: the student's size, the teacher's score, and what both share."""
    size = rows["Student"].str.extract(r"-([\d.]+)B$")[0].astype(float).to_numpy()
    found = {"size": size, "teacher": rows["Teacher"].map(alone[task]).to_numpy()}
    for name, file in zip(("agreement", "fidelity"), FAMILIES[family][2:], strict=True):
        if file and task != MEAN:
            shared = _read(file).query("Method == 'KD'").set_index(["Teacher", "Student"])[task]
            pairs = zip(rows["Teacher"], rows["Student"], strict=True)
            found[name] = np.array([shared[pair] for pair in pairs])
    return found


def main() -> int:
    """Print a table a family."""
    for family in FAMILIES:
        print(f"{family}: {len(best_rows(scores(family)[1]))} rows\n")
        with pd.option_context("display.width", 250, "display.max_columns", 30):
            print(tests(family).T.to_string(float_format="{:.3g}".format), "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
