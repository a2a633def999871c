"""Fixtures of the observing room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from distilscope.observing.observe import observe
from distilscope.planning.job import Job

from .making import (
    FIRST_REFERENCE,
    INDICES,
    PLAIN,
    PLAIN_LAYERS,
    RESNET,
    SECOND_REFERENCE,
    SIZE,
    lively,
    write_dataset,
    write_model,
    write_reference,
)


@pytest.fixture(scope="session")
def plain() -> nn.Module:
    return lively(PLAIN, seed=1)


@pytest.fixture(scope="session")
def resnet() -> nn.Module:
    return lively(RESNET, seed=2)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(7, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[..., Job]:
    """A job that observes the plain network on the data set; keyword arguments are settings."""
    write_model(tmp_path / "model", lively(PLAIN, seed=1))
    write_dataset(tmp_path / "dataset")

    def job(
        name: str = "observation", references: tuple = (), dataset: str = "dataset", **settings
    ) -> Job:
        given = {
            "architecture": PLAIN,
            "layers": PLAIN_LAYERS,
            "explained": ["block3", "block2"],
            "head": "head",
            "preprocessing": None,
            "probes": [
                {"name": "test", "split": "test", "contents": ["logits", "saliency", "features"]},
                {"name": "held-out", "split": "held-out", "contents": ["logits"]},
            ],
            "methods": ["gradcam", "saliency", "integrated-gradients"],
            "subset": {"images": 12, "seed": 5},
            "ig_steps": 64,
            "gram_batch": 8,
            "reductions": ["gap"],
            "threads": 1,
        }
        return Job(
            kind="observation",
            slug="plain-s1",
            identity="0123456789ab",
            settings={**given, **settings},
            inputs={
                "dataset": str(tmp_path / dataset),
                "model": str(tmp_path / "model"),
                "references": [str(folder) for folder in references],
            },
            folder=tmp_path / name,
        )

    return job


@pytest.fixture
def references(tmp_path: Path) -> tuple[Path, Path]:
    """Two models that err on different images, so that some images have three classes."""
    return (
        write_reference(tmp_path / "first", INDICES, FIRST_REFERENCE),
        write_reference(tmp_path / "second", INDICES, SECOND_REFERENCE),
    )


@pytest.fixture
def observed(make_job: Callable[..., Job], references: tuple[Path, Path]) -> Job:
    job = make_job(references=references, reductions=["gap", "flatten"])
    observe(job)
    return job
