"""`compare` leaves the user's networks, and the process around them, as they were."""

from __future__ import annotations

import copy
import os
import random
import signal
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import distilscope as ds

from .test_refusals import IMAGES, LABELS, network


def hooks(module: torch.nn.Module) -> int:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(part, kind)) for part in module.modules() for kind in kinds)


def of_the_process() -> dict:
    """Whatever a library might change behind its user's back."""
    import matplotlib

    return {
        "cwd": Path.cwd(),
        "files": sorted(os.listdir()),
        "environment": dict(os.environ),
        "threads": (torch.get_num_threads(), threading.active_count()),
        "precision": torch.get_float32_matmul_precision(),
        "deterministic": torch.get_deterministic_debug_mode(),
        "gradients": torch.is_grad_enabled(),
        "type": torch.get_default_dtype(),
        "torch": torch.get_rng_state().tolist(),
        "numpy": repr(np.random.get_state()),
        "errors": np.geterr(),
        "python": random.getstate(),
        "filters": list(warnings.filters),
        "signals": [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)],
        "pictures": (dict(matplotlib.rcParams), matplotlib.get_backend()),
    }


@pytest.mark.filterwarnings("ignore:there are 12 images", "ignore:the teacher was in training")
def test_networks_images_and_the_process_are_as_they_were(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    normalised = torch.nn.BatchNorm1d(3)
    teacher, student = network(last=normalised).train(), network(seed=1)
    student.conv.weight.requires_grad_(False)  # the user's own choice
    teacher.head.weight.grad = torch.ones_like(teacher.head.weight)
    kept = teacher.relu.register_forward_hook(lambda *_: None)
    ds.compare(network(), network(), IMAGES).plot(1)  # numerical libraries set filters of warnings
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    images, before = IMAGES.clone(), of_the_process()
    weights = copy.deepcopy([teacher.state_dict(), student.state_dict()])
    found = ds.compare(teacher, student, images, LABELS)
    found.plot(2)
    assert of_the_process() == before
    for module, former in zip((teacher, student), weights, strict=True):
        for name, tensor in module.state_dict().items():
            assert torch.equal(tensor, former[name]), name
    assert torch.equal(images, IMAGES)
    assert teacher.training and normalised.training and not student.training
    assert not student.conv.weight.requires_grad and student.head.weight.requires_grad
    assert torch.equal(teacher.head.weight.grad, torch.ones_like(teacher.head.weight))
    assert (hooks(teacher), hooks(student)) == (1, 0)
    kept.remove()


def test_a_failure_leaves_no_trace_either():
    broken = network().train()
    broken.head.bias.data[0] = float("nan")
    threads = torch.get_num_threads()
    with pytest.raises(ValueError, match="not finite"):
        ds.compare(broken, network(seed=1), IMAGES, LABELS, layers=["relu"])
    assert hooks(broken) == 0 and broken.training
    assert all(parameter.requires_grad for parameter in broken.parameters())
    assert torch.get_num_threads() == threads
