"""What analyses observe besides: every observer that a plan may name."""

from __future__ import annotations

import numpy as np
import torch

from distilscope import store
from distilscope.analyses.dark_knowledge import plan as dark_knowledge
from distilscope.data.dataset import load
from distilscope.observing.observe import observe


def test_training_images_are_observed_as_they_are(make_job, plain):
    job = make_job(observers=[dark_knowledge.OBSERVES])
    observe(job)
    found = store.read_table(job.folder / "train/logits.parquet")
    dataset = load(job.input("dataset"), "cpu")
    train = dataset.split("train")
    manifest = store.read_json(job.input("dataset") / "manifest.json")
    mean, std = (torch.tensor(manifest[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        told = plain.eval()((train.images.float() / 255 - mean) / std).numpy()
    order = np.argsort(train.indices)
    assert found["index"].tolist() == np.asarray(train.indices)[order].tolist()
    np.testing.assert_allclose(np.stack(found["logits"]), told[order], atol=1e-4)


def test_other_observations_have_no_training_images(make_job):
    job = make_job()
    observe(job)
    assert not (job.folder / "train").exists()
