"""The study of parts from its configuration to its report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from distilscope import store

from .making import REPOSITORY, begin

DATA = yaml.safe_load(Path(__file__).with_name("parts.yaml").read_text())["data"]
DATA["path"] = str(REPOSITORY / DATA["path"])
HEADLINE = {"method": "saliency", "variant": "mass_absolute", "subset": "common"}


@pytest.fixture(scope="module")
def results(tmp_path_factory, made) -> Path:
    folder = begin(tmp_path_factory.mktemp("parts"), "parts.yaml", data=DATA)
    done = made(folder)
    assert done.ended_well, done.said
    return folder / "results"


def value(results: Path, model: str, measure: str, **place) -> float:
    rows = pd.read_parquet(results / "parts" / "measures.parquet")
    rows = rows[(rows["model"] == model) & (rows["measure"] == measure) & rows["class"].isna()]
    for column, wanted in place.items():
        rows = rows[rows[column] == wanted]
    assert len(rows) == 1
    return rows["value"].item()


def test_every_model_is_measured_over_parts_beside_its_null_and_the_twin(results):
    rows = pd.read_parquet(results / "parts" / "measures.parquet")
    for measure in ("part_rho", "null_part_rho", "focus", "focus_chance", "faithfulness"):
        measured = set(rows.loc[rows["measure"] == measure, "model"])
        compared = {m for m in rows["model"] if m != "teacher-s1"}
        assert compared <= measured
    assert value(results, "teacher-s1", "focus", **HEADLINE) > 0


def test_the_decisive_parts_are_recovered_by_removal_and_not_by_chance(results):
    """Four epochs teach a little: what the network then needs are more often the deciding parts."""
    rows = pd.read_parquet(results / "parts" / "measures.parquet")
    rows = rows[(rows["subset"] == "all") & rows["class"].isna()]
    rows = rows[(rows["method"] == "saliency") & (rows["variant"] == "mass_absolute")]
    removal = rows[rows["measure"] == "removal_recall"].set_index("model")["value"]
    chance = rows[rows["measure"] == "deciding_recall_chance"].set_index("model")["value"]
    assert (removal["same-kd-T4-a0.5-s1"]) > chance["same-kd-T4-a0.5-s1"] + 0.1


def test_the_students_are_judged_by_the_published_claims(results):
    claims = pd.read_parquet(results / "parts" / "claims.parquet").set_index("claim")
    assert set(claims["verdict"]) == {"undetermined"}  # one seed
    row = claims.loc["focus-on-top-parts"]
    first, second = (
        value(results, f"tiny-{cell}-s1", "focus", **HEADLINE) for cell in ("kd-T4-a0.9", "ce")
    )
    assert row["ours"] == pytest.approx(first - second)
    published = pd.read_parquet(results / "parts" / "published.parquet")
    assert len(published) == 12


def test_the_figures_of_the_study_are_drawn_and_its_report_holds_them(results):
    page = (results / "parts" / "report.html").read_text(encoding="utf-8")
    for name in ("regimes", "part-alignment", "part-focus", "logit-table", "covariation", "parts"):
        numbers = pd.read_csv(results / "parts" / "figures" / f"{name}.csv")
        assert "why_empty" not in numbers and len(numbers)
        assert f'id="figure-{name}"' in page


def test_the_parts_are_made_once_for_all_models(results):
    assert len(list((results / "store" / "parts").iterdir())) == 1
    for folder in (results / "store" / "observations").iterdir():
        store.verify(folder / "test" / "removed.safetensors")
