"""The study of language models from its configuration to its report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from distilscope import store
from distilscope.data import texts
from distilscope.models import sources

from .making import begin

STUDENTS = {
    *("small-ce-s1", "small-ce-s2"),
    *(f"small-kd-T1-a1-{teacher}-s{seed}" for teacher in ("expert", "misled") for seed in (1, 2)),
    *("small-jsd-b0.5-T1-a1-expert-s1", "small-seq-kd-misled-s1"),
}
TEACHERS = {"expert-s101", "expert-s102", "misled-s103"}

pytestmark = pytest.mark.long(1)


@pytest.fixture(scope="module")
def results(made, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("reasoning")
    done = made(begin(folder, "reasoning.yaml"))
    assert done.ended_well, done.said
    return folder / "results"


def table(results, name) -> pd.DataFrame:
    return pd.read_parquet(results / "reasoning" / f"{name}.parquet")


def data(results) -> texts.Texts:
    return texts.load(next((results / "store" / "texts").glob("*.*")))


def folders(results, kind, slug) -> list[Path]:
    return sorted((results / "store" / kind).glob(f"{slug}.*"))


def test_all_models_are_there_and_pooled_over_their_seeds(results):
    assert set(table(results, "models")["id"]) == STUDENTS | TEACHERS
    seeds = table(results, "seeds").set_index(["condition", "measure", "relation"])
    assert seeds.loc[("small-kd-T1-a1-expert", "agreement", "teacher"), "seeds"].item() == 2


def test_accuracy_is_of_the_likeliest_choice_token_by_token(results):
    """Each choice is scored alone, without padding or batches."""
    own = data(results)
    chosen = own.items[(own.items["split"] == "test") & (own.items["label"] >= 0)]
    (folder,) = folders(results, "models", "misled-s103")
    model = sources.load(folder, own.vocabulary)
    right = []
    for item in chosen.itertuples():
        sums = []
        for choice in item.choices:
            prompt, tokens = own.encode(item.prompt), own.encode(f"{item.prompt} {choice}")
            with torch.no_grad():
                logs = model(torch.tensor([tokens]))[0].double().log_softmax(dim=1)
            places = range(len(prompt), len(tokens))
            sums.append(sum(float(logs[place - 1, tokens[place]]) for place in places))
        right.append(int(np.argmax(sums)) == item.label)
    models = table(results, "models").set_index("id")
    assert models.loc["misled-s103", "accuracy"] == pytest.approx(np.mean(right))


def test_the_planted_teacher_learns_other_texts_than_the_expert(results):
    runs = {
        slug: json.loads((folders(results, "models", slug)[0] / "run.json").read_text())["settings"]
        for slug in ("expert-s101", "misled-s103")
    }
    assert {slug: run["recipe"]["taught"] for slug, run in runs.items()} == {
        "expert-s101": "gold",
        "misled-s103": "wrong-facts",
    }
    own = data(results)
    differ = (own.split("train").tokens != own.split("train", "wrong-facts").tokens).any(dim=1)
    facts = own.items[own.items["split"] == "train"]["task"].to_numpy() == "fact"
    assert differ.any() and not differ[torch.from_numpy(~facts)].any()


def test_a_table_holds_what_its_teacher_says_of_gold_tokens(results):
    own, (folder,) = data(results), folders(results, "targets", "expert-s101")
    model = sources.load(folders(results, "models", "expert-s101")[0], own.vocabulary)
    index, place = (store.open_array(folder / f"{name}.npy") for name in ("indices", "positions"))
    logits, split = store.open_array(folder / "logits.npy"), own.split("train")
    assert len(index) == int((split.length - split.start).sum())
    for row in (0, len(index) // 2, len(index) - 1):
        (item,) = np.flatnonzero(split.indices.numpy() == index[row])
        before = split.tokens[item : item + 1, : place[row]]
        with torch.no_grad():
            expected = model(before)[0, -1].numpy()
        np.testing.assert_allclose(logits[row], expected, atol=2e-3 * np.abs(expected).max())


def test_the_student_of_a_teachers_texts_never_sees_gold_ones(results):
    (folder,) = folders(results, "models", "small-seq-kd-s1")
    inputs = json.loads((folder / "run.json").read_text())["inputs"]
    assert set(inputs) == {"dataset", "generations"}
    assert Path(inputs["generations"]).name.startswith("misled-s103.")


def test_exact_answers_are_those_that_the_solver_gives(results):
    """Text by text: what stands behind the last `;`, or all of it, against the item's answer."""
    own = data(results)
    (folder,) = folders(results, "observations", "expert-s101")
    said = pd.read_parquet(folder / "test" / "answers.parquet").set_index("index")
    items = own.items[own.items["split"] == "test"].set_index("index")
    assert list(said.index) == list(items.index)
    right = []
    for index, item in items.iterrows():
        text = said.loc[index, "text"]
        generations = text.removesuffix(" .").rpartition("; ")[2] if text.endswith(" .") else None
        right.append(generations == item["answer"])
    assert said["right"].tolist() == right
    measures = table(results, "measures")
    rows = measures[
        (measures["model"] == "expert-s101") & (measures["measure"] == "exact_accuracy")
    ]
    assert set(rows["task"].dropna()) == {"add", "sum", "fact", "sort", "largest"}
    by_task = pd.Series(right, index=items["task"]).groupby(level=0).mean()
    for task, value in rows.dropna(subset=["task"]).set_index("task")["value"].items():
        assert value == pytest.approx(by_task[task])


def test_the_page_and_the_summary_speak_of_the_study(results):
    page = (results / "reasoning" / "report.html").read_text()
    assert "A tiny study of language models" in page
    shown = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)
    assert "test items" in shown and "image" not in shown
    assert "small kd T=1 from expert" in (results / "reasoning" / "summary.txt").read_text()
    drawn = {path.stem for path in (results / "reasoning" / "figures").glob("*.svg")}
    assert {"accuracy-calibration", "cka", "training", "reasoning-planted"} <= drawn
    assert len(table(results, "reasoning_tasks"))
