"""What every objective with a teacher's probabilities ends in: their divergence and the labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import ce
from distilscope.training.objectives.declaration import Parameter

if TYPE_CHECKING:
    from torch import Tensor

HOTTEST = 1000.0
ALPHA = Parameter("a", 0.0, 1.0, meaning="weight of the soft term", sign="α")


def temperature(symbol: str, meaning: str, sign: str) -> Parameter:
    """A parameter that softens: above 0."""
    return Parameter(symbol, 0.0, HOTTEST, low_open=True, meaning=meaning, sign=sign)


BETA = Parameter("b", 0.0, 1.0, meaning="weight of the teacher in the mixture", sign="β")
SOFTENED = {"T": temperature("T", "temperature of both softmaxes", "T"), "alpha": ALPHA}
"""What an objective takes that softens teacher and student alike."""


def only(teachers: Sequence[Tensor], objective: str) -> Tensor:
    """The one teacher's logits in fp32.

    Raises:
        ValueError: not exactly one teacher.
    """
    if len(teachers) != 1:
        raise ValueError(
            f"{objective} distils from exactly one teacher, got {len(teachers)}; "
            "`combine` makes one of them"
        )
    return teachers[0].float()


def log_probabilities(logits: Tensor, temperature: float) -> Tensor:
    """log softmax(z / T) of logits (B, C), in their precision."""
    from torch.nn import functional as F  # here, because the plan reads this file without torch

    return F.log_softmax(logits / temperature, dim=1)


def divergence(of: Tensor, by: Tensor) -> Tensor:
    """KL(of || by) of logarithms of probabilities, both (B, C); mean over the batch."""
    from torch.nn import functional as F

    return F.kl_div(by, of, reduction="batchmean", log_target=True)


def weighed(
    divergence: Tensor, logits: Tensor, labels: Tensor, temperature: float, alpha: float
) -> Tensor:
    """alpha T^2 times a divergence plus (1 - alpha) CE(s, label).

    Args:
        divergence: the mean over the batch. logits: the student's (B, C). labels: (B,) int64.
        temperature: T. alpha: above 0.
    """
    soft = alpha * temperature**2 * divergence
    return soft if alpha == 1 else soft + (1 - alpha) * ce.loss(logits, labels)


def distil(
    logits: Tensor, labels: Tensor, target: Tensor, temperature: float, alpha: float
) -> Tensor:
    """alpha T^2 KL(target || softmax(s / T)) + (1 - alpha) CE(s, label), mean over the batch.

    Args:
        logits: the student's (B, C). labels: (B,) int64.
        target: (B, C) fp32, logarithms of the probabilities to learn.
        temperature: T, of the student. alpha: above 0.
    """
    own = log_probabilities(logits.float(), temperature)
    return weighed(divergence(target, own), logits, labels, temperature, alpha)


def of_label(labels: Tensor, classes: int) -> Tensor:
    """bool (B, C): where the label is."""
    from torch.nn import functional as F

    return F.one_hot(labels, classes).bool()
