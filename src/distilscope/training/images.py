"""Images as the training loop asks for them: views rendered a batch at a time on the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from distilscope import store
from distilscope.data.dataset import Dataset, Split
from distilscope.data.drawn import Drawn
from distilscope.data.views import ViewPolicy, make_policy
from distilscope.models import weights
from distilscope.planning.job import Job
from distilscope.training.inputs import Batches
from distilscope.training.signals import OnlineTeacher

HELD_OUT_BATCH = 250


@dataclass(frozen=True, eq=False)
class Images:
    """See `inputs.Inputs`.

    Attributes:
        train: images that are learnt from.
        held_out_images: images that are not.
        policy: how they vary.
        normalise: uint8 (B, 3, H, W) to float32, of the model that is trained.
        drawn: the pictures of a random policy's draws; None under a finite policy.
    """

    train: Split
    held_out_images: Split
    policy: ViewPolicy
    normalise: Callable[[Tensor], Tensor]
    drawn: Drawn | None = None
    unit: ClassVar[str] = Dataset.unit

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        views: Mapping[str, Any],
        own: Mapping[str, Any] | None = None,
        drawn: Path | None = None,
    ) -> Images:
        """Those of a data set in a recipe's views, for a model with its own preprocessing or none.

        Where the views are drawn, `drawn` is the folder that `data.drawn.make` wrote.

        Raises:
            ValueError: views that the policy doesn't have.
        """
        return cls(
            train=dataset.split("train"),
            held_out_images=dataset.split("held-out"),
            policy=make_policy(views),
            normalise=dataset.preprocessing(own),
            drawn=Drawn(drawn, dataset.split("train")) if drawn else None,
        )

    @property
    def device(self) -> torch.device:
        """Where the labels are; pictures may stay on the disk."""
        return self.train.labels.device

    def labels_of(self, rows: Tensor) -> Tensor:
        """Int64 (B,) of the training images at rows (B,)."""
        return self.train.labels.index_select(0, rows)

    @property
    def held_out(self) -> Batches:
        """Batches of the held-out images."""
        return batches(self.held_out_images)

    def shown(self, rows: Tensor, view_ids: Tensor) -> Tensor:
        """Views uint8 (B, 3, H, W)."""
        if self.drawn is not None:
            return self.drawn.shown(rows, view_ids)
        return self.policy.render(self.train.images.index_select(0, rows), view_ids)

    def to_model(self, examples: Tensor) -> Tensor:
        """Float32 (B, 3, H, W), normalised, channels last."""
        return prepared(self.normalise, examples)


def batches(split: Split) -> Batches:
    """A split as it is, in batches; none where it is empty."""
    if not len(split):
        return []
    cut = (split.images.split(HELD_OUT_BATCH), split.labels.split(HELD_OUT_BATCH))
    return list(zip(*cut, strict=True))


def prepared(normalise: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Uint8 images (B, 3, H, W) as a network takes them: normalised, channels last."""
    return normalise(images).contiguous(memory_format=torch.channels_last)


def drawn_of(job: Job) -> Path | None:
    """The folder of the drawn views that a job reads; None where it reads none."""
    return job.input("views") if "views" in job.inputs else None


def online_teacher(
    folder: Path,
    dataset: Dataset,
    precision: str,
    device: torch.device,
    in_training_mode: bool = False,
) -> OnlineTeacher:
    """The model of an artefact's folder, ready to answer for its own preprocessing."""
    model = weights.load_model(folder, len(dataset.classes), str(device))
    settings = store.read_json(folder / "run.json", settings=dict)["settings"]
    normalise = dataset.preprocessing(settings.get("preprocessing"))
    return OnlineTeacher(model, partial(prepared, normalise), precision, in_training_mode)
