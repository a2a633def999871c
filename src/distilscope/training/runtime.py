"""The process that computes: threads, determinism, precision, generators."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator

import torch


def prepare(threads: int, device: str) -> None:
    """Set the process up so that the same settings give the same bits. Call it before any work.

    The debug mode `error` is `torch.use_deterministic_algorithms(True)` without its import of
    torch's compiler. Memory that torch hands out is not filled first: that aid to debugging costs
    a tenth of a small network's step.
    """
    if device.startswith("cuda"):
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.conv.fp32_precision = "ieee"
        torch.backends.cuda.matmul.fp32_precision = "ieee"
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Convolutions and products in bf16 where `precision` is `bf16`; fp32 otherwise.

    Raises:
        ValueError: another precision.
    """
    if precision not in ("fp32", "bf16"):
        raise ValueError(f"precision is {precision!r}; accepted are 'fp32' and 'bf16'")
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


@contextlib.contextmanager
def generators_restored(device: torch.device) -> Iterator[None]:
    """Leave the global generators as they were."""
    devices = [torch.cuda.current_device()] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield


def seed_step(seed: int, step: int, device: torch.device) -> None:
    """Seed the global generators (dropout draws from them) as a function of (seed, step) alone.

    So a run that is resumed at a step draws what the undisturbed run drew there. This is not
    `torch.manual_seed`, which records a stack trace each time while CUDA is not in use.
    """
    word = int.from_bytes(hashlib.sha256(f"step {seed} {step}".encode()).digest()[:8]) >> 1
    torch.default_generator.manual_seed(word)
    if device.type == "cuda":
        torch.cuda.manual_seed(word)
