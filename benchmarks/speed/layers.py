"""Row 6: CKA of every pair of layers, and whether it is right."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from distilscope.analyses.representation import representation
from distilscope.observing import grams

from .timing import Goal, Row, compared, doing, interleaved, missing

LAYERS, IMAGES, FEATURES = 30, 128, 4_096
REPEATS = 3
COMMON_MEAN, LARGER_MEAN = 1.0, 3.0
SIDES = (0, 1)
Sides = list[list[Tensor]]


class Emitting(nn.Module):
    """A network whose layers put out what they are given, so that only arithmetic is timed."""

    def __init__(self, features: list[Tensor]) -> None:
        super().__init__()
        self.features = features
        self.layers = nn.ModuleList(_Layer() for _ in features)

    def forward(self, images: Tensor) -> Tensor:
        """Every layer's features in turn; `images` count for nothing."""
        for layer, features in zip(self.layers, self.features, strict=True):
            layer(features)
        return images


class _Layer(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return features


def cka(place: Path) -> tuple[list[Row], str]:
    """Debiased CKA of 30 x 30 layers, Grams included, and the error of both on ReLU features."""
    what = f"debiased CKA, {LAYERS} x {LAYERS} layers, {IMAGES} images x {FEATURES:,} features"
    against = "torch-cka 0.21, the arithmetic of `compare`"
    sides = [_features(LAYERS, side) for side in SIDES]
    try:
        import torch_cka  # noqa: F401  asked before anything is timed
    except ImportError as error:
        return [missing(6, what, against, str(error))], ""
    stored = [_grams(side) for side in sides]
    seconds = interleaved(
        {
            "ours": doing(_ours, sides),
            "pair": doing(representation.cka, *stored),
            "theirs": doing(_torch_cka, sides),
        },
        REPEATS,
    )
    more = {"against": against, "precision": "fp32", "unit": "s", "scale": 1.0}
    rows = [
        compared(
            6,
            what,
            seconds["ours"],
            seconds["theirs"],
            Goal(10),
            note="from features; ours with means and HSIC sums in float64",
            **more,
        ),
        compared(
            6,
            "the same for a grid of 27 students and their teacher",
            [28 * grams_ + 27 * pair for grams_, pair in zip(*_parts(seconds), strict=True)],
            [27 * theirs for theirs in seconds["theirs"]],
            note="by counts: the Grams of a model are made once, when it is observed",
            **more,
        ),
    ]
    return [*rows, _rightness()], ""


def _features(layers: int, seed: int) -> list[Tensor]:
    """Noise after a ReLU; the two sides share a part."""
    shared = torch.Generator().manual_seed(7)
    own = torch.Generator().manual_seed(seed)
    shape = (IMAGES, FEATURES)
    return [
        (torch.randn(shape, generator=shared) + torch.randn(shape, generator=own)).relu()
        for _ in range(layers)
    ]


def _ours(sides: Sides) -> np.ndarray:
    return representation.cka(*map(_grams, sides)).debiased


def _grams(side: list[Tensor]) -> list[np.ndarray]:
    return [grams.centred_gram(features).numpy()[None] for features in side]


def _parts(seconds: dict[str, list[float]]) -> tuple[list[float], list[float]]:
    """By repeat: the Grams of one model, and what a pair costs once they are there."""
    pairs = zip(seconds["ours"], seconds["pair"], strict=True)
    return [(whole - pair) / 2 for whole, pair in pairs], seconds["pair"]


def _torch_cka(sides: Sides) -> np.ndarray:
    """What torch-cka finds. Raises ImportError where it isn't installed."""
    from torch_cka import CKA

    nets = [Emitting(side) for side in sides]
    names = [[f"layers.{place}" for place in range(len(net.layers))] for net in nets]
    loader = DataLoader(TensorDataset(torch.zeros(IMAGES, 1)), IMAGES)
    with (
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
        torch.no_grad(),
    ):
        warnings.simplefilter("ignore")
        comparison = CKA(*nets, "one", "other", *names, device="cpu")
        comparison.compare(loader)
    return comparison.export()["CKA"].numpy()


def _by_definition(sides: Sides) -> np.ndarray:
    """Debiased CKA from float64 features, U-centred as in Nguyen et al. 2021, pair by pair."""
    centred = [[_u_centred(f.double().numpy()) for f in side] for side in sides]
    found = [
        [np.vdot(a, b) / np.sqrt(np.vdot(a, a) * np.vdot(b, b)) for b in centred[1]]
        for a in centred[0]
    ]
    return np.array(found)


def _u_centred(features: np.ndarray) -> np.ndarray:
    rows = features - features.mean(axis=0)
    gram = rows @ rows.T
    np.fill_diagonal(gram, 0.0)
    n = len(gram)
    means = gram.sum(axis=1) / (n - 2)
    gram += gram.sum() / ((n - 1) * (n - 2)) - means[:, None] - means[None, :]
    np.fill_diagonal(gram, 0.0)
    return gram


def _rightness() -> Row:
    """The largest error on features with a common mean, as the layers of ReLU networks have it."""
    theirs = _largest_error(_torch_cka, COMMON_MEAN)
    beyond = _largest_error(_torch_cka, LARGER_MEAN)
    fault = "ends in NaN" if math.isnan(beyond) else f"is off by {beyond:.1g}"
    return Row(
        6,
        f"largest error of CKA, features of sd 1 with a common mean of {COMMON_MEAN:g}",
        against="torch-cka 0.21",
        precision="fp32",
        ours=_largest_error(_ours, COMMON_MEAN),
        theirs=theirs,
        unit="CKA",
        note=(
            "from the definition in float64. torch-cka's trace formula cancels in float32: with a "
            f"mean of {LARGER_MEAN:g} it {fault}. It also names layers in the order of "
            "`named_modules` and fills them in the order of execution"
        ),
    )


def _largest_error(function: Callable[[Sides], np.ndarray], mean: float) -> float:
    """How far a function is from the definition; NaN where it gives up."""
    sides = [[features + mean for features in _features(4, side)] for side in SIDES]
    try:
        return float(np.abs(function(sides) - _by_definition(sides)).max())
    except AssertionError:  # torch-cka's own, on NaN
        return math.nan
