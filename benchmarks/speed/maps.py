"""Rows 4 and 5: GradCAM of a test set, and the measures of pairs of maps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from torch.nn import functional as F

from distilscope import catalog, store
from distilscope.analyses.alignment import image_specific, image_specific_unit
from distilscope.analyses.alignment import maps as measures
from distilscope.analyses.alignment.pairs import Prepared
from distilscope.observing.forward import forward
from distilscope.observing.numerics import exact
from distilscope.observing.probe import Probe
from distilscope.observing.request import Request

from . import material
from .timing import Goal, Row, compared, interleaved, missing

NETWORK = "resnet18"
IMAGES, OUR_BATCH, THEIR_BATCH = 200, 100, 100
REPEATS = 3
TOLERANCE = 1e-4
PAIRS, PIXELS, GRID = 10_000, 1_024, 8


# ------------------------------------------------------------------------------------ GradCAM


def gradcam(place: Path) -> tuple[list[Row], str]:
    """Row 4: maps of the last block written to Parquet, against forward only and the libraries."""
    with exact(threads=1):
        return _gradcam(place), ""


def _gradcam(place: Path) -> list[Row]:
    model, split = material.teacher(NETWORK), material.noise(IMAGES, seed=1)
    inputs = material.NORMALISATION(split.images)
    last, before = catalog.ARCHITECTURES[NETWORK].explained[:2]
    ways: dict[str, Callable[[], None]] = {
        "forward": lambda: _forward_only(model, inputs),
        "ours": lambda: _written(place, model, split, (last,)),
        "both": lambda: _written(place, model, split, (last, before)),
        "captum": _captum(model, inputs, last),
    }
    absent = ""
    try:
        ways["grad-cam"] = _pytorch_grad_cam(model, inputs, last)
    except ImportError as error:
        absent = str(error)
    seconds = interleaved(ways, REPEATS)
    what = f"GradCAM of the last block, {NETWORK}, written to Parquet"
    more = {"precision": "fp32", "scale": 1000 / IMAGES}
    rows = [
        compared(
            4,
            what,
            seconds["ours"],
            seconds["forward"],
            Goal(1.15, at_most=True),
            times_slower=True,
            against="forward only",
            note="two classes an image: its label, the prediction",
            **more,
        ),
        compared(
            4,
            "the same with the block before, whose maps need a backward pass",
            seconds["both"],
            seconds["forward"],
            times_slower=True,
            against="forward only",
            note="one pass back through the last block for each class",
            **more,
        ),
        compared(
            4,
            what,
            seconds["ours"],
            seconds["captum"],
            against="captum 0.9.0",
            note="captum needs a forward pass of its own to know the prediction",
            **more,
        ),
    ]
    if absent:
        return [*rows, missing(4, what, "grad-cam 1.5.7", absent)]
    apart = _apart(place, model, split, inputs, last)
    word = "within" if apart <= TOLERANCE else "ABOVE"
    return [
        *rows,
        compared(
            4,
            what,
            seconds["ours"],
            seconds["grad-cam"],
            Goal(3),
            against="grad-cam 1.5.7, batched",
            note=f"maps equal up to its scaling: {apart:.1e} apart on [0, 1], {word} {TOLERANCE:g}",
            **more,
        ),
    ]


def _forward_only(model: torch.nn.Module, inputs: torch.Tensor) -> None:
    with torch.inference_mode():
        for batch in inputs.split(OUR_BATCH):
            model(batch)


def _written(place: Path, model: torch.nn.Module, split, explained: tuple[str, ...]) -> None:
    """The pass of an observation, for GradCAM alone, and its table."""
    entry = catalog.ARCHITECTURES[NETWORK]
    request = Request(
        architecture=material.architecture(NETWORK),
        layers=dict(entry.layers),
        explained=explained,
        head=entry.head,
        preprocessing=None,
        probes=(),
        methods=("gradcam",),
        subset_images=IMAGES,
        subset_seed=0,
        ig_steps=1,
        ig_maximum_steps=None,
        gram_batch=OUR_BATCH,
        reductions=(),
        threads=1,
    )
    indices = split.indices.numpy()
    none = np.empty((IMAGES, 0), dtype=np.int64)
    probe = Probe(
        "test", indices, split.labels.numpy(), none, "images", split.images, split.indices
    )
    passed = forward(model, probe, ("saliency",), request, material.NORMALISATION)
    store.write_table(place / "saliency.gradcam.parquet", passed.maps.frame())


def _captum(model: torch.nn.Module, inputs: torch.Tensor, layer: str) -> Callable[[], None]:
    from captum.attr import LayerGradCam

    explainer = LayerGradCam(model, model.get_submodule(layer))

    def work() -> None:
        for batch in inputs.split(THEIR_BATCH):
            with torch.no_grad():
                classes = model(batch).argmax(dim=1)
            explainer.attribute(batch, target=classes)

    return work


def _pytorch_grad_cam(
    model: torch.nn.Module, inputs: torch.Tensor, layer: str
) -> Callable[[], None]:
    import pytorch_grad_cam  # noqa: F401  an ImportError is wanted before anything is timed

    def work() -> None:
        for batch in inputs.split(THEIR_BATCH):
            _their_maps(model, batch, layer, None)

    return work


def _their_maps(model, batch: torch.Tensor, layer: str, classes: np.ndarray | None) -> np.ndarray:
    """grad-cam's maps of the classes, or of the predictions; it needs parameters with gradients."""
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    targets = None if classes is None else [ClassifierOutputTarget(c) for c in classes]
    model.requires_grad_(True)
    try:
        with GradCAM(model=model, target_layers=[model.get_submodule(layer)]) as explainer:
            return explainer(input_tensor=batch, targets=targets)
    finally:
        model.zero_grad(set_to_none=True)
        model.requires_grad_(False)


def _apart(place: Path, model, split, inputs: torch.Tensor, layer: str) -> float:
    """The largest difference of our maps of the labels, scaled as grad-cam scales, to its own."""
    _written(place, model, split, (layer,))
    table = store.read_table(place / "saliency.gradcam.parquet").drop_duplicates("index")
    order = table.set_index("index").loc[split.indices.numpy()]
    side = round(len(order["map"].iloc[0]) ** 0.5)
    ours = torch.from_numpy(np.stack(order["map"])).view(-1, 1, side, side).relu()
    scaled = F.interpolate(_unit_range(ours), size=(material.SIZE,) * 2, mode="bilinear")
    labels = split.labels.numpy()
    theirs = _their_maps(model, inputs, layer, labels)
    return float(np.abs(_unit_range(scaled)[:, 0].numpy() - theirs).max())


def _unit_range(found: torch.Tensor) -> torch.Tensor:
    low = found.amin(dim=(2, 3), keepdim=True)
    return (found - low) / ((found - low).amax(dim=(2, 3), keepdim=True) + 1e-7)


# --------------------------------------------------------------------------------- pairs of maps


def pairs(place: Path) -> tuple[list[Row], str]:
    """Row 5: measures of 10,000 pairs of maps against a loop over scipy for rho alone."""
    generator = np.random.default_rng(0)
    side = round(PIXELS**0.5)
    native = measures.positive_part(generator.standard_normal((2, PAIRS, GRID, GRID)))
    a, b = (measures.upsample(m, side).reshape(PAIRS, PIXELS) for m in native)
    labels = np.arange(PAIRS) % material.CLASSES
    fold = image_specific_unit.fold_of(np.arange(PAIRS), 5, seed=0)
    found: dict[str, np.ndarray] = {}

    def loop() -> None:
        rows = zip(a, b, strict=True)
        found["loop"] = np.array([stats.spearmanr(*pair).statistic for pair in rows])

    def rho() -> None:
        found["rho"] = measures.spearman(a, b)

    def all_measures() -> None:
        one, other = (Prepared.of(n, m) for n, m in zip(native, (a, b), strict=True))
        units = measures.unit_rows(one.ranks), measures.unit_rows(other.ranks)
        measures.correlate_units(*units)
        image_specific.of_unit_ranks(*units, labels)
        measures.iou(one.order, other.order, 0.2)
        measures.mass_lift(one.values, other.order, 0.2)
        residuals = (
            image_specific_unit.class_mean_residuals(m.ranks, labels, fold, ~m.flat, 10)
            for m in (one, other)
        )
        image_specific_unit.image_specific_rho_unit(*residuals)

    seconds = interleaved({"loop": loop, "rho": rho, "all": all_measures}, 3, warm_ups=0)
    apart = float(np.nanmax(np.abs(found["loop"] - found["rho"])))
    more = {
        "against": "a loop over scipy.stats.spearmanr, rho alone",
        "scale": 1e6 / PAIRS,
        "unit": "us/pair",
    }
    return [
        compared(
            5,
            f"rho of {PAIRS:,} pairs of {PIXELS:,} pixels",
            seconds["rho"],
            seconds["loop"],
            Goal(2),
            note=f"largest difference {apart:.0e}",
            **more,
        ),
        compared(
            5,
            "rho, IoU, mass and image-specific rho together",
            seconds["all"],
            seconds["loop"],
            **more,
        ),
    ], ""
