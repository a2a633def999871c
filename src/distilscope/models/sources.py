"""A model of the store, whatever its weights come from: one call, `load`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from torch import nn

from distilscope import store
from distilscope.models import programs, weights
from distilscope.models.build import build
from distilscope.models.combined import Combined
from distilscope.models.perturbed import Perturbed


def load(folder: Path, classes: int) -> nn.Module:
    """The model of an artefact's folder, on the CPU, in evaluation mode.

    Its `run.json` says what it is: a network with weights (`trained`, `given`, randomised), one
    that was `compressed`, a file that holds it whole (`program`), other models that answer as one
    (`combined`), or another model under perturbed inputs (`perturbed`).

    Raises:
        WeightsError: the weights don't fit the network. DamagedFile: a file is missing or altered.
    """
    run: dict[str, Any] = store.read_json(Path(folder) / store.RUN_FILE, settings=dict, inputs=dict)
    settings = run["settings"]
    kind, inputs = settings.get("kind"), run["inputs"]
    if kind == "combined":
        members = [load(Path(member), classes) for member in inputs["members"]]
        return Combined(members, settings["how"]).eval()
    if kind == "perturbed":
        return Perturbed(load(Path(inputs["original"]), classes), **settings["perturbed"]).eval()
    if kind == "program":
        return programs.opened(Path(folder) / programs.FILE, settings["program"]).eval()
    model, path = build(settings["architecture"], classes), Path(folder) / "weights.safetensors"
    if kind == "compressed":
        asked = settings["compression"]
        code = importlib.import_module(asked["module"])
        return code.restore(model, asked["value"], path).eval()
    weights.load_into(model, path)
    return model.eval()
