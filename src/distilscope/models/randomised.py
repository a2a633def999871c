"""A trained network with some of its modules set back to random weights."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from distilscope import store
from distilscope.data.files import MANIFEST_FILE
from distilscope.models import weights
from distilscope.models.build import ModelError, build, check_layers
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run


def make(job: Job) -> None:
    """Make `weights.safetensors` and `run.json` of a model with random weights in some modules.

    Inputs: `dataset`, and `original`, the folder of the model. Settings: `architecture`, and
    `randomised` with `modules` (paths) and `seed`. The random weights are those that a network of
    the architecture begins with under that seed.

    Raises:
        ModelError, WeightsError: the network, its weights or the modules can't be used.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("load")
    settings = job.settings
    classes = len(store.read_json(job.input("dataset") / MANIFEST_FILE, classes=list)["classes"])
    model = build(settings["architecture"], classes)
    weights.load_into(model, job.input("original") / "weights.safetensors")
    fresh = build(settings["architecture"], classes, seed=settings["randomised"]["seed"])
    replaced = randomise(model, fresh, settings["randomised"]["modules"])
    stopwatch.phase("write")
    weights.save(model, job.folder / "weights.safetensors")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    facts = {"parameters": parameters, "randomised_numbers": replaced}
    write_run(job, stopwatch, facts)


def randomise(model: nn.Module, fresh: nn.Module, modules: Iterable[str]) -> int:
    """Give modules the weights and running statistics of a network that was just built.

    Args:
        model: changed in place.
        fresh: of the same architecture, with the random weights to take.
        modules: paths, as in `model.named_modules()`.

    Returns:
        how many numbers were replaced; a tensor that two modules share counts once.

    Raises:
        ModelError: there is no such module, or it has no weights.
    """
    modules = list(modules)
    check_layers(model, {path: path for path in modules})
    own, other = model.state_dict(), fresh.state_dict()
    taken: set[str] = set()
    for path in modules:
        names = {name for name in own if name.startswith(f"{path}.")}
        if not names:
            raise ModelError(f"{type(model).__name__}: module {path!r} has no weights to randomise")
        taken |= names
    with torch.no_grad():
        for name in taken:
            own[name].copy_(other[name])
    return sum(own[name].numel() for name in taken)
