"""How others distil: torchdistill's training box, and the loop that people write by hand."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torchvision import transforms

from . import material

Batch = tuple[Tensor, Tensor]


class Pictures(Dataset):
    """Noise as torchvision's CIFAR10 serves it: an array a picture, PIL, then transforms."""

    def __init__(self, images: int) -> None:
        split = material.noise(images)
        self._pixels = split.images.permute(0, 2, 3, 1).contiguous().numpy()
        self._labels = split.labels.tolist()
        self._transform = transforms.Compose(
            [
                transforms.RandomCrop(material.SIZE, padding=material.VIEWS["pad"]),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(material.NORMALISATION.mean, material.NORMALISATION.std),
            ]
        )

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        return self._transform(Image.fromarray(self._pixels[place])), self._labels[place]


def plain_nets(student: str) -> tuple[nn.Module, nn.Module]:
    """Teacher and student as people make them: fp32, channels first."""
    nets = material.teacher(), material.network(student)
    return tuple(net.to(memory_format=torch.contiguous_format) for net in nets)


def endless(loader: Any) -> Iterator[Any]:
    """Batch after batch, epoch after epoch."""
    while True:
        yield from loader


def plain_loop(student: str, images: int) -> Callable[[], None]:
    """A step of DataLoader, torchvision transforms, online teacher, fp32, torch's optimiser."""
    teacher, model = plain_nets(student)
    model.train()
    settings = {key: value for key, value in material.OPTIMIZER.items() if key != "name"}
    optimiser = torch.optim.SGD(model.parameters(), **settings)
    loader = DataLoader(Pictures(images), material.BATCH, shuffle=True, drop_last=True)
    batches = endless(loader)

    def step() -> None:
        pictures, labels = next(batches)
        with torch.no_grad():
            taught = teacher(pictures)
        logits = model(pictures)
        soft = F.kl_div(
            F.log_softmax(logits / material.T, dim=1),
            F.softmax(taught / material.T, dim=1),
            reduction="batchmean",
        )
        hard = F.cross_entropy(logits, labels)
        loss = material.ALPHA * material.T**2 * soft + (1 - material.ALPHA) * hard
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()

    return step


class Torchdistill:
    """torchdistill's distillation box, driven as its image classification example drives it."""

    def __init__(self, student: str, images: int) -> None:
        """Raises ImportError where torchdistill isn't installed."""
        from torchdistill.core.distillation import get_distillation_box

        logging.getLogger("torchdistill").setLevel(logging.WARNING)
        teacher, model = plain_nets(student)
        self.box = get_distillation_box(
            teacher,
            model,
            {"train": Pictures(images)},
            _box_settings(),
            torch.device("cpu"),
            None,
            False,
            1,
        )
        self.box.teacher_model.eval()
        self.box.pre_epoch_process(epoch=0)
        self._batches = endless(self.box.train_data_loader)

    def step(self) -> None:
        """One step with its own loader."""
        self.learn(*next(self._batches))

    def learn(self, pictures: Tensor, labels: Tensor, more: Any = None) -> float:
        """One step on a batch that is given; the loss."""
        self.box.pre_forward_process()
        loss = self.box.forward_process(pictures, labels, more or {})
        self.box.post_forward_process(loss)
        return loss.item()


def _box_settings() -> dict[str, Any]:
    """What its YAML files say; its alpha weighs the hard term."""
    loader = {
        "dataset_id": "train",
        "sampler": {"class_or_func": RandomSampler, "kwargs": {}},
        "kwargs": {"batch_size": material.BATCH, "num_workers": 0, "drop_last": True},
    }
    model = {
        "forward_proc": "forward_batch_only",
        "forward_hook": {"input": [], "output": []},
    }
    distilled = {
        "key": "KDLoss",
        "kwargs": {
            "student_module_path": ".",
            "student_module_io": "output",
            "teacher_module_path": ".",
            "teacher_module_io": "output",
            "temperature": material.T,
            "alpha": 1 - material.ALPHA,
            "reduction": "batchmean",
        },
    }
    settings = {key: value for key, value in material.OPTIMIZER.items() if key != "name"}
    return {
        "num_epochs": 1,
        "train_data_loader": loader,
        "val_data_loader": {},
        "teacher": {**copy.deepcopy(model), "requires_grad": False},
        "student": {**copy.deepcopy(model), "requires_grad": True},
        "optimizer": {"key": "SGD", "kwargs": settings},
        "criterion": {
            "key": "WeightedSumLoss",
            "kwargs": {"sub_terms": {"kd": {"criterion": distilled, "weight": 1.0}}},
        },
    }
