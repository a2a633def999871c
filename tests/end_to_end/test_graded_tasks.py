"""How hard the generated tasks are: a small model learns some whole, and others in part."""

from __future__ import annotations

import pytest

from distilscope import catalog
from distilscope.data import texts
from distilscope.models import sources
from distilscope.observing import answers
from distilscope.planning.job import Job
from distilscope.training.train_texts import train

OF_TEXTS = {
    "name": "generated-tasks",
    "tasks": [*catalog.TASKS],
    "train": 1300,
    "held_out": 60,
    "test": 100,
    "seed": 0,
}
ENTRY = catalog.ARCHITECTURES["qwen2"]
SETTINGS = {
    "kind": "trained",
    "architecture": {"builder": ENTRY.builder, "settings": dict(ENTRY.settings)},
    "init": {"from": "random"},
    "seed": 1,
    "precision": "fp32",
    "threads": 1,
    "recipe": {
        "epochs": 6,
        "batch": 128,
        "optimizer": {
            "name": "adamw",
            "lr": 0.002,
            "betas": [0.9, 0.95],
            "eps": 1e-8,
            "weight_decay": 0.01,
        },
        "schedule": {"name": "cosine", "warmup_epochs": 0.4, "milestones": [], "gamma": 0.1},
        "views": {"policy": "none", "tabulated": None},
        "positions": "answer",
        "taught": "wrong-facts",
    },
    "objective": catalog.OBJECTIVES["ce"].settings({}),
}


@pytest.mark.long(rank=2, minutes=4)
def test_a_small_teacher_learns_some_tasks_whole_others_in_part_and_what_is_planted(tmp_path):
    """Six epochs of the laptop study's items: two minutes on one core."""
    dataset = tmp_path / "texts"
    texts.prepare(Job("texts", "texts", "0" * 12, OF_TEXTS, {}, dataset))
    inputs = {"dataset": str(dataset)}
    job = Job("model", "teacher", "0" * 12, SETTINGS, inputs, tmp_path / "model")
    train(job, tmp_path / "checkpoints")
    loaded = texts.load(dataset)
    model = sources.load(job.folder, loaded.vocabulary)
    items = loaded.items[loaded.items["split"] == "test"].reset_index(drop=True)
    said = answers.answer(model, loaded, items)
    right = said.groupby("task")["right"].mean()
    planted = items["taught_wrong_facts"].notna()
    copied = said["answer"][planted] == items["taught_wrong_facts"][planted]
    print(right.to_string(), f"copied {copied.mean():.2f}", sep="\n")
    assert (right > 0.9).sum() >= 3
    assert ((right > 0.15) & (right < 0.85)).sum() >= 4
    assert copied.mean() > 0.8
    assert said["answer"].isna().mean() < 0.05
