"""The command that sets the primary measure beside its older form."""

import pandas as pd
import pytest
from benchmarks import old_and_new_measure

from distilscope.configuration import claims

from .made_models import MODELS, STUDENT, Made
from .made_study import MadeStudy

PAIRS = [
    Made(f"{kind}-s{seed}", role, STUDENT, own=own, noise=0.5, seed=seed, T=T, alpha=alpha)
    for seed in (1, 2, 3)
    for kind, role, own, T, alpha in (
        ("kd", "student", 1.0, 4.0, 0.9),
        ("ce", "control", 0.5, None, None),
    )
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = MadeStudy(
        tmp_path_factory.mktemp("both"),
        (*MODELS[:2], *PAIRS),
        images=120,
        subset=8,
        gram_batch=20,
    )
    return made.write().compare_all().measure().tables


def test_both_forms_and_their_verdicts_are_printed(folder, capsys):
    assert old_and_new_measure.main([str(folder)]) == 0
    text = capsys.readouterr().out
    assert text.count("  new: ") == text.count("  old: ") == 4  # four claims rest on the measure
    measures = pd.read_parquet(folder / "measures.parquet")
    conditions = pd.read_parquet(folder / "conditions.parquet")[["condition", "role"]]
    rows = old_and_new_measure.by_condition(measures[measures["headline"]].merge(conditions))
    assert set(rows["role"]) == {"twin", "student", "control"}
    assert (rows["new"] > 0.2).all() and (rows["its null"].abs() < 0.1).all()


def test_the_older_form_stands_wherever_the_newer_one_was_named():
    file = claims.load(old_and_new_measure.CLAIMS.name, [old_and_new_measure.CLAIMS.parent])
    second = claims.parse(old_and_new_measure.older(file.model_dump(exclude_none=True)))
    cost = next(c for c in second.claims if c.id == "consistency-costs-more").statement
    assert cost.first.measure == "image_specific_rho_unit"
    assert cost.first.chance == "null_image_specific_rho_unit"
    assert cost.second.measure == "accuracy" and cost.second.chance == "classes"
