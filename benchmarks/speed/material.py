"""What all families measure with: networks, noise of CIFAR-10's shape, artefacts on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from distilscope import catalog, store
from distilscope.data.dataset import Dataset, Normalisation, Split
from distilscope.models import weights
from distilscope.models.build import build
from distilscope.planning.job import Job
from distilscope.workflow.machine import bf16_units

SIZE, CLASSES, BATCH = 32, 10, 128
STUDENTS = ("plain-tiny", "plain-small", "plain-medium")
TEACHER = "resnet50"
PRECISIONS = ("fp32", "bf16") if bf16_units() else ("fp32",)
"""bf16 is measured where a processor multiplies it; elsewhere it is emulated and never used."""
VIEWS = {"policy": "crop-flip", "pad": 4, "tabulated": None}
ALL_VIEWS = 162
T, ALPHA = 4.0, 0.9
RATE = 0.05
OPTIMIZER = {"name": "sgd", "lr": RATE, "momentum": 0.9, "weight_decay": 5e-4, "nesterov": False}
NORMALISATION = Normalisation((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))


def recipe(epochs: int, views: Mapping[str, Any] = VIEWS) -> dict[str, Any]:
    """The published students' recipe with a constant rate."""
    return {
        "epochs": epochs,
        "batch": BATCH,
        "optimizer": OPTIMIZER,
        "schedule": {"name": "constant"},
        "views": dict(views),
    }


def architecture(name: str) -> dict[str, Any]:
    """What builds a network of the catalogue."""
    entry = catalog.ARCHITECTURES[name]
    return {"builder": entry.builder, "settings": dict(entry.settings)}


def network(name: str, seed: int = 0) -> nn.Module:
    """A network of the catalogue with random weights, channels last."""
    model = build(architecture(name), CLASSES, seed=seed)
    return model.to(memory_format=torch.channels_last)


def teacher(name: str = TEACHER) -> nn.Module:
    """The same in eval mode, its parameters frozen."""
    return network(name).eval().requires_grad_(False)


def noise(images: int, seed: int = 0) -> Split:
    """Random pictures with random labels."""
    generator = torch.Generator().manual_seed(seed)
    return Split(
        torch.randint(0, 256, (images, 3, SIZE, SIZE), dtype=torch.uint8, generator=generator),
        torch.randint(0, CLASSES, (images,), generator=generator),
        torch.arange(images),
    )


def nothing() -> Split:
    """A split without images."""
    return Split(*(whole[:0] for whole in vars(noise(1)).values()))


def dataset(images: int) -> Dataset:
    """A data set of noise: as many training as test images, none held out."""
    splits = {"train": noise(images), "held-out": nothing(), "test": noise(images, seed=1)}
    return Dataset(tuple(map(str, range(CLASSES))), SIZE, NORMALISATION, splits)


def dataset_folder(folder: Path, images: int, test_images: int = 16) -> Path:
    """What `data.prepare` writes, of noise."""
    train, test = noise(images), noise(test_images, seed=1)
    parts = {"train": train, "test": test}
    arrays = {
        f"{name}.{what}": getattr(part, what).numpy()
        for name, part in parts.items()
        for what in ("images", "labels", "indices")
    }
    arrays["train.held_out"] = np.zeros(images, dtype=bool)
    store.write_tensors(folder / "images.safetensors", arrays)
    manifest = {
        "classes": [str(label) for label in range(CLASSES)],
        "image_size": SIZE,
        "mean": list(NORMALISATION.mean),
        "std": list(NORMALISATION.std),
    }
    store.write_json(folder / "manifest.json", manifest)
    return folder


def model_folder(folder: Path, name: str) -> Path:
    """What a training leaves, with random weights."""
    weights.save(network(name), folder / "weights.safetensors")
    settings = {"architecture": architecture(name), "preprocessing": None}
    store.write_json(folder / store.RUN_FILE, {"settings": settings})
    return folder


def targets_folder(folder: Path, images: int, views: int = ALL_VIEWS) -> Path:
    """What tabulating leaves, with random logits for all views."""
    generator = np.random.default_rng(0)
    logits = generator.standard_normal((images, views, CLASSES), dtype=np.float32)
    store.write_array(folder / "logits.npy", logits.astype(np.float16))
    store.write_array(folder / "views.npy", np.tile(np.arange(views, dtype=np.int16), (images, 1)))
    store.write_array(folder / "indices.npy", np.arange(images, dtype=np.int64))
    return folder


def job(kind: str, folder: Path, settings: Mapping[str, Any], **inputs: str | list[str]) -> Job:
    """A job outside any study."""
    return Job(kind, kind, "0123456789ab", settings, inputs, folder)
