"""The primary measure, its older form and both forms' verdicts, side by side, of a finished study.

    python benchmarks/old_and_new_measure.py FOLDER [--claims FILE]

FOLDER holds the study's tables. For each condition: the mean over its models of each form with its
null, the number without the object's place, and the shares of rank variance that are the
images' own, all on the common images, GradCAM of the last block at input resolution. Then each
claim of the file (the shipped ones by default) that rests on image-specific rho, judged by either
form: with the older one every term is `image_specific_rho_unit`, and a chance of 0 is its null.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distilscope.configuration import claims
from distilscope.measuring.claim_rows import values_of
from distilscope.planning.conditions import Condition
from distilscope.statistics.values import Values
from distilscope.statistics.verdicts import Judgement, judge

ROOT = Path(__file__).resolve().parents[1]
CLAIMS = ROOT / "resources/published/reasoning-consistency.yaml"
NEW, OLD = "image_specific_rho", "image_specific_rho_unit"
SHOWN = {
    "new": NEW,
    "its null": f"null_{NEW}",
    "old": OLD,
    "its null ": f"null_{OLD}",
    "no place": f"partial_{NEW}",
    "share": "image_specific_share",
    "share, teacher": "reference_image_specific_share",
}
CONDITION = ["role", "condition"]


def by_condition(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a condition: the means over its models, the classes' extreme nulls, and images."""
    own = rows[(rows["subset"] == "common") & rows["measure"].isin(SHOWN.values())]
    whole = own[own["class"].isna()]
    means = whole.pivot_table("value", CONDITION, "measure", dropna=False, observed=True)
    means = means.dropna(how="all").reindex(columns=list(SHOWN.values()))
    found = means.set_axis(list(SHOWN), axis=1)
    nulls = own[own["class"].notna() & (own["measure"] == f"null_{NEW}")]
    of_null = nulls.groupby(CONDITION)["value"]
    found["null by class, smallest"], found["largest"] = of_null.min(), of_null.max()
    found["models"] = whole[whole["measure"] == NEW].groupby(CONDITION).size()
    found["n"] = whole[whole["measure"] == NEW].groupby(CONDITION)["n"].min()
    return found.reset_index()


def older(value: Any) -> Any:
    """A claim's numbers with the older form for the newer one, wherever it is named."""
    if isinstance(value, list | tuple):
        return [older(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: older(one) for key, one in value.items()}
    if found.get("measure") == NEW:
        found["measure"] = OLD
        if "chance" in found:
            found["chance"] = f"null_{OLD}"
    return found


def verdicts(values: Values, file: claims.Claims) -> list[tuple[Judgement, Judgement]]:
    """(new, old) of each claim that rests on the measure."""
    second = claims.parse(older(file.model_dump(exclude_none=True)))
    both = (judge(each, values, published_data=False) for each in (file, second))
    return [
        (new, old)
        for new, old in zip(*both, strict=True)
        if NEW in str(new.claim.statement.model_dump())
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="with the study's tables")
    parser.add_argument("--claims", type=Path, default=CLAIMS)
    given = parser.parse_args(arguments)
    names = ("measures", "models", "conditions")
    measures, models, table = (pd.read_parquet(given.folder / f"{name}.parquet") for name in names)
    conditions = {row["condition"]: Condition.of(row) for row in table.to_dict("records")}
    values = values_of(measures, models, conditions, int(measures["class"].max()) + 1)
    rows = measures[measures["headline"]].drop(columns="role", errors="ignore")
    print(
        by_condition(rows.merge(table[CONDITION])).to_string(
            index=False, float_format="{:.3f}".format, na_rep="-"
        )
    )
    for new, old in verdicts(values, claims.load(given.claims.name, [given.claims.parent])):
        print(f"\n{new.claim.id} (delta {new.claim.delta:g}): {new.claim.sentence}")
        for name, found in (("new", new), ("old", old)):
            interval = f"{found.ours:.3f} [{found.low:.3f}, {found.high:.3f}]"
            numbers = interval if np.isfinite(found.ours) else "no number"
            print(f"  {name}: {found.verdict:<13} {numbers}, {found.seeds} seeds. {found.why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
