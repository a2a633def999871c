"""Small networks, and a data set, models and references on disk as the other rooms leave them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import nn

from distilscope import store
from distilscope.data.dataset import load
from distilscope.models.build import build

CLASSES, SIZE = 4, 16
PLAIN = {
    "builder": "distilscope.models.plain:build",
    "settings": {"widths": [6, 8, 10], "pools": [1, 2]},
}
PLAIN_LAYERS = {f"block{i}": f"blocks.block{i}" for i in (1, 2, 3)}
RESNET = {
    "builder": "distilscope.models.resnet:build",
    "settings": {"depth": 18, "width": 8, "stem": "small"},
}


def lively(architecture: dict, seed: int) -> nn.Module:
    """A network in eval mode whose normalisation layers do something, biases included."""
    model = build(architecture, CLASSES, seed=seed).eval()
    generator = torch.Generator().manual_seed(seed + 1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.copy_(0.3 * torch.randn(module.num_features, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(module.num_features, generator=generator))
            module.bias.data.copy_(0.3 * torch.randn(module.num_features, generator=generator))
    return model


def write_model(folder: Path, model: nn.Module, architecture: dict | None = None) -> Path:
    """A model's folder: its weights, and the `run.json` that says what it is."""
    with store.atomic(folder / "weights.safetensors") as temporary:
        save_file(model.state_dict(), temporary)
    settings = {"kind": "trained", "architecture": architecture or PLAIN}
    store.write_json(folder / "run.json", {"settings": settings, "inputs": {}})
    return folder


def write_dataset(folder: Path, order: np.ndarray | None = None, images: int = 30) -> Path:
    """A data set of noise with a coloured corner by class; `order` permutes the test rows."""
    generator = np.random.default_rng(4)
    arrays: dict[str, np.ndarray] = {}
    for part, first in (("train", 0), ("test", 100)):
        labels = np.arange(images) % CLASSES
        pixels = generator.integers(0, 256, (images, 3, SIZE, SIZE), dtype=np.uint8)
        pixels[:, 0, :4, :4] = (60 * labels).astype(np.uint8)[:, None, None]
        arrays |= {
            f"{part}.images": pixels,
            f"{part}.labels": labels.astype(np.int64),
            f"{part}.indices": first + 2 * np.arange(images, dtype=np.int64),
        }
    arrays["train.held_out"] = np.arange(images) % 3 == 0
    if order is not None:
        for name in ("images", "labels", "indices"):
            arrays[f"test.{name}"] = arrays[f"test.{name}"][order]
    store.write_tensors(folder / "images.safetensors", arrays)
    manifest = {
        "classes": [f"class {c}" for c in range(CLASSES)],
        "image_size": SIZE,
        "mean": [0.5, 0.48, 0.45],
        "std": [0.25, 0.24, 0.26],
    }
    store.write_json(folder / "manifest.json", manifest)
    return folder


def write_reference(folder: Path, indices: np.ndarray, predictions: np.ndarray) -> Path:
    """An observation whose logits say `predictions`."""
    logits = np.eye(CLASSES, dtype=np.float32)[predictions]
    table = pd.DataFrame({"index": indices, "label": predictions, "logits": list(logits)})
    store.write_table(folder / "test" / "logits.parquet", table)
    return folder


# ---------------------------------------------------------------------------------- observed

INDICES = 100 + 2 * np.arange(30)
LABELS = np.arange(30) % CLASSES
FIRST_REFERENCE = (LABELS + (np.arange(30) % 5 == 0)) % CLASSES
SECOND_REFERENCE = (LABELS + 2 * (np.arange(30) % 7 == 0)) % CLASSES
MAP_FILES = tuple(
    f"saliency.{method}.parquet" for method in ("gradcam", "saliency", "integrated-gradients")
)


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of maps of an observation's `test` probe, by file."""
    return {name: store.read_table(folder / "test" / name) for name in MAP_FILES}


def own_predictions(tmp_path: Path) -> torch.Tensor:
    """What the observed model predicts for the test images, in index order."""
    dataset = load(tmp_path / "dataset")
    with torch.no_grad():
        return lively(PLAIN, seed=1)(dataset.normalise(dataset.split("test").images)).argmax(1)
