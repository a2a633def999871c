"""Write down TRL's generalised JSD of given logits: python -m tests.unit.training.record_trl

TRL is no dependency of the tests: with what it needs it would take minutes to install.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

SHAPE = (12, 9)


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    """Random logits of student and teacher, float32 (12, 9), the same on every machine."""
    student, teacher = 3 * np.random.default_rng(11).normal(size=(2, *SHAPE))
    return torch.from_numpy(student).float(), torch.from_numpy(teacher).float()


def main() -> None:
    """The loss at several beta and temperatures, as a mean over tokens."""
    from trl.experimental.gkd import GKDTrainer

    student, teacher = pair()
    losses = []
    for beta in (0.0, 0.1, 0.5, 0.9, 1.0):
        for temperature in (1.0, 2.0):
            found = GKDTrainer.generalized_jsd_loss(
                student, teacher, beta=beta, temperature=temperature, reduction="batchmean"
            )
            losses.append({"beta": beta, "T": temperature, "loss": found.item()})
    versions = {name: version(name) for name in ("trl", "torch")}
    place = Path(__file__).with_name("trl.json")
    place.write_text(json.dumps({"versions": versions, "losses": losses}, indent=1) + "\n")


if __name__ == "__main__":
    main()
