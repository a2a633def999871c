"""Drawn views: torchvision's own pictures for the same draw, kept once."""

import inspect
import shutil
from collections import namedtuple

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from distilscope import store
from distilscope.configuration.data import Views
from distilscope.data import drawn, policies, transforms
from distilscope.data.dataset import Split
from distilscope.data.hashing import Stream, mix
from distilscope.planning.job import Job
from distilscope.planning.settings import view_settings
from distilscope.training.images import Images

from ..training.making import make_dataset

SIZE = 32
EVERY_SETTING = {
    "RandomAffine": {"degrees": 20, "translate": [0.1, 0.1]},
    "RandomAdjustSharpness": {"sharpness_factor": 2.0},
    "RandomCrop": {"size": SIZE, "padding": 4},
    "RandomPosterize": {"bits": 3},
    "RandomRotation": {"degrees": 30},
    "RandomSolarize": {"threshold": 100},
    "GaussianBlur": {"kernel_size": 3},
    "RandomResizedCrop": {"size": SIZE},
}


@pytest.fixture(scope="module")
def image():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (3, SIZE, SIZE), dtype=torch.uint8, generator=generator)


def seeded(transform, image, index, number):
    """The picture of a transform that is called by itself, from the stated seed."""
    torch.manual_seed(int(mix(Stream.DRAWN_VIEW, index, number)) // 2)
    return transform(image)


def test_weak_and_strong_are_torchvisions_own_pictures(image):
    crop = v2.RandomResizedCrop(SIZE, scale=(0.2, 1.0), antialias=True)
    weak = [crop, v2.RandomHorizontalFlip(), v2.RandomRotation(15)]
    strong = [*weak, v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10)]
    holes = 0
    for number in range(40):
        own = drawn.draw(transforms.graded(SIZE, 0.0), image, 7, number)
        assert torch.equal(own, seeded(v2.Compose(weak), image, 7, number))
        own = drawn.draw(transforms.graded(SIZE, 1.0), image, 7, number)
        without = seeded(v2.Compose(strong), image, 7, number)
        row, column = (int(torch.randint(0, SIZE, ())) for _ in range(2))
        other = without.clone()  # the hole, as an independent loop digs it
        for y in range(SIZE):
            for x in range(SIZE):
                if row - 1 <= y <= row and column - 1 <= x <= column:
                    other[:, y, x] = 0
        assert torch.equal(own, other)
        holes += not torch.equal(without, other)
    assert holes > 20


@pytest.mark.parametrize("name", sorted(policies.TORCHVISION))
def test_a_policy_by_name_is_torchvisions_for_the_same_draw(name, image):
    settings = EVERY_SETTING.get(name, {})
    made = transforms.torchvision(SIZE, name, settings)
    assert torch.equal(
        drawn.draw(made, image, 3, 5), seeded(getattr(v2, name)(**settings), image, 3, 5)
    )
    assert made(image).shape == image.shape


@pytest.mark.parametrize("name", sorted(policies.TORCHVISION))
def test_what_a_policy_may_be_told_is_in_torchvisions_signature(name):
    assert set(policies.TORCHVISION[name]) <= set(inspect.signature(getattr(v2, name)).parameters)


def test_between_weak_and_strong_a_share_of_draws_is_augmented(image):
    def changed(strength):
        pairs = (
            (drawn.draw(transforms.graded(SIZE, s), image, 0, n) for s in (0.0, strength))
            for n in range(100)
        )
        return sum(not torch.equal(*pair) for pair in pairs)

    shares = [changed(strength) for strength in (0.2, 0.4, 0.6, 0.8, 1.0)]
    assert shares == sorted(shares) and shares[0] < 35 and shares[-1] > 90


def test_a_draw_leaves_torchs_generator_as_it_was(image):
    torch.manual_seed(3)
    drawn.draw(transforms.graded(SIZE, 1.0), image, 0, 0)
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(after, torch.rand(1))


@pytest.mark.parametrize(
    ("row", "column", "side", "holes"), [(0, 0, 4, 4), (5, 5, 4, 16), (7, 7, 3, 4), (3, 0, 3, 6)]
)
def test_a_hole_loses_what_lies_outside_the_image(row, column, side, holes):
    cutout = transforms.Cutout(side)
    found = cutout.transform(torch.ones(3, 8, 8, dtype=torch.uint8), {"row": row, "column": column})
    assert int((found == 0).all(dim=0).sum()) == holes


# ------------------------------------------------------------------------------------ the job


def job(tmp_path, dataset, per_image=3, policy="strong", **changed):
    settings = {**Views(policy=policy, per_image=per_image).transform, "per_image": per_image}
    return Job(
        kind="views",
        slug="strong-train",
        identity="0" * 12,
        settings={**settings, "split": "train", **changed},
        inputs={"dataset": str(dataset)},
        folder=tmp_path / "views",
    )


def test_training_is_shown_the_rendered_pictures(tmp_path):
    from distilscope.data.dataset import load

    folder = make_dataset(tmp_path / "dataset")
    drawn.make(job(tmp_path, folder))
    dataset = load(folder)
    split = dataset.split("train")
    views = view_settings(Views(policy="strong", per_image=3))
    shown = Images.of(dataset, views, drawn=tmp_path / "views")
    rows, draws = torch.tensor([4, 0, 4]), torch.tensor([2, 1, 0])
    transform = transforms.graded(dataset.image_size, 1.0)
    expected = [
        drawn.draw(transform, split.images[r], int(split.indices[r]), int(d))
        for r, d in zip(rows, draws, strict=True)
    ]
    assert torch.equal(shown.shown(rows, draws), torch.stack(expected))
    assert store.read_json(tmp_path / "views" / "run.json")["facts"]["draws"] == 3


def test_draws_of_other_images_are_refused(tmp_path):
    from distilscope.data.dataset import load

    folder = make_dataset(tmp_path / "dataset")
    drawn.make(job(tmp_path, folder, per_image=1))
    split = load(folder).split("train")
    other = Split(split.images, split.labels, split.indices + 1)
    with pytest.raises(drawn.DrawnError, match="other images"):
        drawn.Drawn(tmp_path / "views", other)


def test_draws_that_do_not_fit_the_disk_are_refused_before_any_is_made(tmp_path, monkeypatch):
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(10**9, 0, 2 * 10**8))
    shape = (50_000, 8, 3, 32, 32)
    with pytest.raises(drawn.DrawnError) as fault:
        drawn.require_room(tmp_path / "views", "strong-train", shape)
    for words in ("8 draws of 50000 images take 1.23 GB", "0.2 GB free", "`views.per_image` of 1"):
        assert words in str(fault.value)
    assert not list(tmp_path.rglob("*.npy"))


def test_the_size_is_said_before_the_draws_are_made(tmp_path, caplog):
    with caplog.at_level("INFO", logger="distilscope"):
        drawn.require_room(tmp_path, "weak-train", (1000, 8, 3, 32, 32))
    assert "weak-train: 8 draws of 1000 images, 0.0246 GB" in caplog.text


def test_a_policy_that_changes_the_size_of_an_image_is_refused(tmp_path):
    folder = make_dataset(tmp_path / "dataset")
    smaller = {"name": "RandomCrop", "settings": {"size": 4}}
    made = job(
        tmp_path, folder, transform="distilscope.data.transforms:torchvision", arguments=smaller
    )
    with pytest.raises(drawn.DrawnError, match="keeps size and type"):
        drawn.make(made)


# ------------------------------------------------------------------------------ configuration


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"policy": "stron", "per_image": 2}, ["stron", "did you mean 'strong'"]),
        ({"policy": "torchvision/RandAugmnt", "per_image": 2}, ["'torchvision/RandAugment'"]),
        ({"policy": "weak"}, ["`per_image` is all", "'weak' draws at random", "1 to 32767"]),
        ({"policy": "weak", "per_image": 40_000}, ["`per_image` is 40000"]),
        ({"policy": "weak", "per_image": 2, "settings": {"p": 1}}, ["'weak' has none"]),
        (
            {"policy": "torchvision/RandAugment", "per_image": 2, "settings": {"num_op": 1}},
            ["num_op", "did you mean 'num_ops'"],
        ),
        ({"policy": "graded", "per_image": 2, "strength": 1.5}, ["strength", "1"]),
    ],
)
def test_a_policy_that_can_not_be_is_refused_by_name(given, words):
    with pytest.raises(ValueError) as fault:
        Views(**given)
    for word in words:
        assert word in str(fault.value)


def test_weak_is_graded_at_0_and_strong_at_1():
    for name, strength in (("weak", 0.0), ("strong", 1.0)):
        one, other = (
            Views(policy=name, per_image=2),
            Views(policy="graded", per_image=2, strength=strength),
        )
        assert one.transform == other.transform
    assert Views(policy="graded", per_image=2, strength=0.4).name == "graded-0.4"


def test_numbers_of_draws_are_the_columns_of_the_view_table():
    from distilscope.training.batches import table_of

    table = table_of(view_settings(Views(policy="weak", per_image=3)), torch.arange(5))
    assert np.array_equal(table.numpy(), np.tile([0, 1, 2], (5, 1)))
