"""The rows over parts of `measures.parquet`, and the tables beside them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from distilscope import registry, store
from distilscope.measuring.tables import measure

from .made_models import MODELS, STUDENT, Made
from .made_parts import FINDING, NAMES, VARIANTS, PartedStudy

FURTHER = (
    Made("copy-s2", "student", STUDENT, T=4.0, alpha=0.9, seed=2, noise=0.3),
    Made("mild-s1", "student", STUDENT, T=4.0, alpha=0.5, own=0.6, noise=0.8),
    Made("mild-s2", "student", STUDENT, T=4.0, alpha=0.5, own=0.6, noise=0.8, seed=2),
)
HEADLINE = {"method": "integrated-gradients", "variant": "mass_absolute"}
COMMON = {**HEADLINE, "subset": "common"}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = PartedStudy(tmp_path_factory.mktemp("parted"), (*MODELS, *FURTHER)).write()
    measure(made.compare_all().tables_job())
    return made


@pytest.fixture(scope="module")
def measures(study):
    return study.table("measures")


def one(table, model, name, *, by_class=None, **key):
    rows = table[(table["model"] == model) & (table["measure"] == name)]
    for column, value in key.items():
        rows = rows[rows[column] == value]
    rows = rows[rows["class"].isna()] if by_class is None else rows[rows["class"] == by_class]
    assert len(rows) == 1, rows
    return rows.iloc[0]


def images(study, model, **key):
    rows = study.parts_of(model)
    for column, value in {**HEADLINE, **key}.items():
        rows = rows[rows[column] == value]
    return rows


def test_means_nulls_and_classes_are_those_of_the_images(study, measures):
    rows = images(study, "finer-s1")
    common = rows[rows["common"]]
    for name in ("part_rho", "focus", "null_focus", "faithfulness", "null_faithfulness"):
        row = one(measures, "finer-s1", name, **COMMON)
        values = common[name].astype(float)
        assert row["value"] == pytest.approx(values.mean(), abs=1e-12)
        assert (row["n"], row["n_undefined"]) == (values.notna().sum(), values.isna().sum())
        assert row["low"] < row["value"] < row["high"]
    own = common.loc[common["label"] == 2, "focus"].astype(float)
    row = one(measures, "finer-s1", "focus", by_class=2, **COMMON)
    assert row["value"] == pytest.approx(own.mean(), abs=1e-12)
    classes = measures[measures["class"].notna() & measures["variant"].notna()]
    assert set(classes["variant"]) == {"mass_absolute"}
    assert set(classes["method"]) == {"integrated-gradients"}


def test_only_the_median_of_the_odds_is_given(study, measures):
    odds = images(study, "finer-s1")["focus_odds"].astype(float)
    row = one(measures, "finer-s1", "focus_odds", **HEADLINE, subset="all")
    assert row["value"] == pytest.approx(odds.median())
    assert np.isnan(row["low"])


def test_the_teachers_own_rows_are_of_its_maps_alone(study, measures):
    rows = images(study, "copy-s1")
    rows = rows[rows["common"]]
    row = one(measures, "teacher-s1", "focus", **COMMON)
    assert row["value"] == pytest.approx(rows["reference_focus"].astype(float).mean(), abs=1e-12)
    assert pd.isna(row["reference"])
    teacher = measures[(measures["model"] == "teacher-s1") & measures["variant"].notna()]
    assert "part_rho" not in set(teacher["measure"])
    assert one(measures, "teacher-s1", "null_faithfulness", **COMMON)["n"] > 0


def test_the_ratio_to_the_twin_is_of_what_lies_above_each_null(study, measures):
    model, twin = (
        images(study, name).set_index("index").query("common")
        for name in ("finer-s1", "teacher-s2")
    )
    above = [t["part_rho"].astype(float) - t["null_part_rho"].astype(float) for t in (model, twin)]
    both = above[0].notna() & above[1].notna()
    expected = above[0][both].mean() / above[1][both].mean()
    row = one(measures, "finer-s1", "part_rho.ratio", **COMMON)
    if np.isnan(row["value"]):
        assert abs(above[1][both].mean()) < 0.1 and row["reason"]
    else:
        assert row["value"] == pytest.approx(expected, abs=1e-6)


def test_claims_read_the_headline_of_parts_and_of_whole_maps(measures):
    rows = measures[measures["headline"]]
    parts = rows[rows["variant"].notna()]
    assert set(parts["method"]) == {"integrated-gradients"}
    assert set(parts["variant"]) == {"mass_absolute"}
    whole = rows[rows["variant"].isna() & rows["method"].notna()]
    assert set(whole["method"]) == {"gradcam"}
    keys = ["model", "reference", "measure", "subset", "class"]
    assert not rows.duplicated(keys).any()


def test_recipes_over_seeds_have_the_headline_over_parts(study, measures):
    seeds = study.table("seeds")
    row = seeds[(seeds["condition"] == "mild-student") & (seeds["measure"] == "part_rho")]
    values = [one(measures, f"mild-s{s}", "part_rho", **COMMON)["value"] for s in (1, 2)]
    assert row["value"].item() == pytest.approx(np.mean(values))
    assert row["seeds"].item() == 2


def test_covariation_is_spearmans_over_cells_of_the_means_over_seeds(study, measures):
    table = study.table("covariation")
    cells = {}
    for made in study.models:
        if made.role in ("student", "control"):
            x = one(measures, made.id, "logit_rho", subset="all")["value"]
            y = one(measures, made.id, "part_rho", **COMMON)["value"]
            cells.setdefault(made.id.split("-")[0], []).append((x, y))
    means = np.array([np.mean(values, axis=0) for values in cells.values()])
    rows = table[(table["explanations"] == "part_rho") & (table["method"] == HEADLINE["method"])]
    rows = rows[rows["variant"] == HEADLINE["variant"]]
    whole = rows[rows["within"].isna()]
    assert whole["n"].item() == len(cells) == 4
    assert whole["rho"].item() == pytest.approx(stats.spearmanr(*means.T).statistic)
    assert whole["smallest_p"].item() == pytest.approx(2 / 24)
    assert set(table["explanations"]) == {"image_specific_rho", "rho", "part_rho"}
    within = rows[rows["within"] == "student"]
    assert np.isnan(within["p"].item()) and within["reason"].item()  # a cell each: none to permute


def test_the_table_of_parts_has_every_comparison_method_and_part(study):
    table = study.table("parts")
    compared = [made.id for made in study.models if made.role != "teacher"]
    assert len(table) == len(compared) * 3 * len(VARIANTS) * len(NAMES)
    own = store.read_table(study.comparison("mild-s1") / "importances.parquet")
    rows = table[table["model"] == "mild-s1"]
    assert rows["importance"].tolist() == own["importance"].tolist()
    about = store.read_table_metadata(study.tables / "parts.parquet")
    assert about["findings"] == [FINDING]


def test_a_study_without_the_analysis_has_no_table_and_no_row_of_it(study, measures, tmp_path):
    measure(replace(study.tables_job(parts=None), folder=tmp_path))
    assert not (tmp_path / "parts.parquet").exists()
    found = store.read_table(tmp_path / "measures.parquet")
    others = measures[measures["analysis"] != "parts"].reset_index(drop=True)
    assert found["variant"].isna().all() and others["variant"].isna().all()
    sides = [table.drop(columns="variant") for table in (found, others)]
    pd.testing.assert_frame_equal(*sides)
    covariation = store.read_table(tmp_path / "covariation.parquet")
    assert set(covariation["explanations"]) == {"image_specific_rho", "rho"}


def test_every_measure_over_parts_is_declared_and_the_other_way_round(measures):
    over_parts = measures[measures["variant"].notna()]
    assert set(over_parts["analysis"]) == {"parts"}
    stems = {name.split(".")[0] for name in over_parts["measure"]}
    assert stems == set(registry.analyses()["parts"].measures)


def test_integrated_gradients_that_miss_completeness_are_counted_by_model(study):
    table = study.table("maps").set_index("id")
    assert set(table["integrated_maps"]) == {len(study.subset_rows)}
    wrong = len(study.subset_rows[::10])
    assert table["incomplete_maps"].to_dict() == {
        made.id: wrong if made.role == "twin" else 0 for made in study.models
    }
