"""What a model says of images that lack a part, against the model itself, a picture at a time."""

import numpy as np
import pytest
import torch

from distilscope import store
from distilscope.data.part_maps import REMOVED_FILE
from distilscope.data.removal import Removed
from distilscope.models.halving import Halving
from distilscope.observing.observe import observe
from distilscope.observing.removal import observe_removal

from .making import SIZE


@pytest.fixture
def pictures(tmp_path):
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (300, 3, SIZE, SIZE), np.uint8)
    made = Removed(pixels, np.repeat(np.arange(100), 3), np.tile([1, 2, 4], 100))
    made.save(tmp_path / "parts" / REMOVED_FILE)
    return made


def prepare(batch):
    return batch.float() / 255 - 0.5


def test_logits_are_those_of_each_picture_alone(plain, pictures, tmp_path):
    path = tmp_path / "removed.safetensors"
    facts = observe_removal(plain, pictures, prepare, "cpu", path, Halving("model"))
    found = store.read_tensors(path)
    assert facts == {"pictures": 300}
    assert found["indices"].tolist() == pictures.indices.tolist()
    assert found["parts"].tolist() == pictures.parts.tolist()
    with torch.no_grad():
        for row in (0, 17, 299):
            alone = plain(prepare(torch.from_numpy(pictures.pixels[row : row + 1])))[0]
            assert found["logits"][row] == pytest.approx(alone.numpy(), abs=1e-5)


def test_a_logit_that_is_no_number_names_image_and_part(plain, pictures, tmp_path):
    def broken(batch):
        return prepare(batch) * torch.nan

    with pytest.raises(ValueError, match="image 0 without part 1: a logit is not finite"):
        path = tmp_path / "x.safetensors"
        observe_removal(plain, pictures, broken, "cpu", path, Halving("model"))


def test_pictures_that_do_not_fit_in_memory_together_are_shown_in_halves(plain, pictures, tmp_path):
    def refuse(batch):
        if len(batch) > 70:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried too much")
        return prepare(batch)

    halving, paths = Halving("model"), [tmp_path / f"{name}.safetensors" for name in "ab"]
    observe_removal(plain, pictures, prepare, "cpu", paths[0], Halving("model"))
    observe_removal(plain, pictures, refuse, "cpu", paths[1], halving)
    whole, halved = (store.read_tensors(path)["logits"] for path in paths)
    np.testing.assert_allclose(halved, whole, atol=1e-5)
    assert halving.notes("pictures") == [
        "a batch did not fit in memory: the model took 64 pictures at once"
    ]


def test_an_observation_shows_them_only_where_it_is_told_to(make_job, pictures, tmp_path):
    job = make_job()
    observe(job)
    assert not list(job.folder.rglob(REMOVED_FILE))
    from dataclasses import replace

    observers = ["distilscope.observing.removal:observer"]
    job = make_job("with-removal", removal="test", observers=observers)
    job = replace(job, inputs={**job.inputs, "parts": str(tmp_path / "parts")})
    observe(job)
    assert len(store.read_tensors(job.folder / "test" / REMOVED_FILE)["logits"]) == 300
