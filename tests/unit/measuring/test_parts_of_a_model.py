"""A small network that learns composed objects in seconds: what removal and focus say of it.

A miniature, not a study: one seed of one network, so that its numbers are of these weights only.
"""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from distilscope.analyses.parts.parts import PartSums
from distilscope.analyses.parts.parts_faithfulness import deciding_recall, logit_drops
from distilscope.analyses.parts.parts_focus import focus, top_parts
from distilscope.data import composed, composed_objects
from distilscope.data.composed import Scenes, Shortcut
from distilscope.data.composed_objects import CLASSES, MARK, NAMES

IMAGES, EPOCHS, BATCH, RATE = 2000, 6, 64, 0.01
TIED = "bird"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Two threads on shared cores wait for each other: ten times as long for so small a net."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def honest(one_thread):
    return trained(composed.scenes(IMAGES))


@pytest.fixture(scope="module")
def misled(one_thread):
    """As honest, but every training image of one class has a mark in a corner."""
    return trained(composed.scenes(IMAGES, shortcut=Shortcut(TIED, train=1.0)))


def trained(scenes: Scenes) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers: list[nn.Module] = []
        for before, width in ((3, 16), (16, 32), (32, 64)):
            convolution = nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
        model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    images, labels = inputs(scenes), torch.from_numpy(scenes.labels)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE)
    steps = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=EPOCHS * steps)
    generator = torch.Generator().manual_seed(0)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(images), generator=generator)[: steps * BATCH].split(BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(images[rows]), labels[rows]).backward()
            optimiser.step()
            schedule.step()
    return model.eval()


def inputs(scenes: Scenes) -> torch.Tensor:
    pictures = composed.render(scenes)[0].transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(pictures)).float() / 127.5 - 1


def logits(model: nn.Module, scenes: Scenes) -> np.ndarray:
    with torch.no_grad():
        return model(inputs(scenes)).numpy()


def removal(model: nn.Module, scenes: Scenes) -> np.ndarray:
    """(N, P) logit drops of the label when each part is drawn away."""
    without = np.full((len(scenes), len(NAMES), len(CLASSES)), np.nan)
    for place, name in enumerate(NAMES):
        rows = np.flatnonzero(scenes.shown[:, place])
        if len(rows):
            without[rows, place] = logits(model, scenes.take(rows).without(name))
    return logit_drops(logits(model, scenes), without, scenes.labels)


def saliency(model: nn.Module, scenes: Scenes) -> PartSums:
    images = inputs(scenes).requires_grad_()
    model(images).gather(1, torch.from_numpy(scenes.labels)[:, None]).sum().backward()
    maps = images.grad.abs().amax(dim=1).numpy()
    return PartSums.of(maps, composed.render(scenes)[1], len(NAMES))


def deciding(scenes: Scenes) -> np.ndarray:
    return composed_objects.deciding()[scenes.labels]


def test_removal_finds_the_deciding_parts_of_a_net_that_learned_the_classes(honest):
    scenes = composed.scenes(300, split="test")
    assert (logits(honest, scenes).argmax(axis=1) == scenes.labels).mean() > 0.8
    recall, chance = deciding_recall(removal(honest, scenes), deciding(scenes))
    assert np.isfinite(recall).all()
    assert recall.mean() > chance.mean() + 0.2


def test_a_planted_shortcut_draws_focus_off_the_parts(honest, misled):
    scenes = composed.scenes(1000, split="test")
    tied = scenes.labels == tuple(CLASSES).index(TIED)
    marked = scenes.take(np.flatnonzero(tied)).with_part(MARK)
    place = NAMES.index(MARK)

    true, false = (removal(model, marked) for model in (honest, misled))
    others = np.delete(false, place, axis=1)
    assert np.mean(false[:, place] > np.nanmax(others, axis=1)) > 0.8  # the mark decides
    assert np.mean(true[:, place] > np.nanmax(np.delete(true, place, axis=1), axis=1)) < 0.2

    reference = saliency(honest, marked)
    top = top_parts(reference.importance("mass_absolute"), 2)
    kept, lost = (focus(sums, top).share for sums in (reference, saliency(misled, marked)))
    assert stats.wilcoxon(lost, kept, alternative="less").pvalue < 1e-3
    assert np.median(lost / kept) < 0.95
