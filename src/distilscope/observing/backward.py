"""Input-level explanations of a probe, on all of it or on its stratified subset."""

from __future__ import annotations

import importlib

import numpy as np
import torch
from torch import nn

from distilscope.catalog import METHODS
from distilscope.data.dataset import stratified_subset
from distilscope.models.halving import Halving
from distilscope.observing import classes
from distilscope.observing.capture import frozen
from distilscope.observing.forward import Prepare
from distilscope.observing.maptable import MapTable
from distilscope.observing.probe import Probe
from distilscope.observing.request import Request
from distilscope.workflow import progress

INPUT_LAYER = "input"
BATCH = 32


def chosen_positions(method: str, probe: Probe, request: Request) -> np.ndarray:
    """Positions, ascending, of the images that a method explains: all, or the fixed subset.

    The subset depends on labels, indices and the request alone, so that all models share it.
    Images without a label are of one class here.
    """
    if METHODS[method].whole_probe or request.subset_images >= len(probe):
        return np.arange(len(probe))
    positions = stratified_subset(
        torch.from_numpy(probe.labels).clamp(min=0),
        torch.from_numpy(probe.indices),
        request.subset_images,
        request.subset_seed,
    )
    return positions.numpy()


def work_of(method: str, request: Request) -> float:
    """What a map costs, in passes forward of one image (a pass back costs two); for telling how
    far an observation is.
    """
    return 3.0 * METHODS[method].gradients(vars(request))


def explain(
    method: str,
    model: nn.Module,
    probe: Probe,
    own: np.ndarray,
    request: Request,
    prepare: Prepare,
) -> MapTable:
    """Maps at the input for the references' predictions, or the own one where there is none.

    Args:
        own: (N,) the model's predictions for the probe's images in index order.
    """
    positions = chosen_positions(method, probe, request)
    wanted = classes.of_inputs(own[positions], probe.references[positions])
    rows, ranks, explained = classes.ranked_pairs(wanted)
    black = prepare(torch.zeros_like(probe.examples(positions[:1])))
    module = importlib.import_module(METHODS[method].module)
    settings = {name: getattr(request, name) for name in METHODS[method].settings}
    table = MapTable()
    stage = progress.stage(f"{probe.name}: {method}", len(rows), "maps", work_of(method, request))
    halving = Halving("model")
    with frozen(model):
        for start in range(0, len(rows), BATCH):
            part = slice(start, start + BATCH)
            where = positions[rows[part]]
            inputs = prepare(probe.examples(where))
            targets = torch.from_numpy(explained[part]).to(inputs.device)
            made = halving.run(
                len(where),
                lambda rows, inputs=inputs, targets=targets: module.attribute(
                    model, inputs[rows], targets[rows], black, **settings
                ),
            )
            columns = {name: np.concatenate([each[name] for each in made]) for name in made[0]}
            table.add(
                INPUT_LAYER,
                indices=probe.indices[where],
                ranks=ranks[part],
                classes=explained[part],
                maps=columns.pop("map"),
                columns=columns,
            )
            stage.reach(start + len(where))
    return table
