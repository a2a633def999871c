"""A model of the store, whatever its weights come from: one call, `load`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from distilscope import store
from distilscope.models import weights
from distilscope.models.build import build
from distilscope.models.combined import Combined


def load(folder: Path, classes: int) -> nn.Module:
    """The model of an artefact's folder, on the CPU, in evaluation mode.

    Its `run.json` says what it is: a network with weights (`trained`, `given`, randomised), or
    other models that answer as one (`combined`).

    Raises:
        WeightsError: the weights don't fit the network. DamagedFile: a file is missing or altered.
    """
    run: dict[str, Any] = store.read_json(Path(folder) / store.RUN_FILE, settings=dict, inputs=dict)
    settings = run["settings"]
    if settings.get("kind") == "combined":
        members = [load(Path(member), classes) for member in run["inputs"]["members"]]
        return Combined(members, settings["how"]).eval()
    model = build(settings["architecture"], classes)
    weights.load_into(model, Path(folder) / "weights.safetensors")
    return model.eval()
