"""Asymmetric temperatures that each example chooses for itself, by a rule of ours.

The published ISATS is named and plotted, but its rule was not found; this one is this package's.
For each example the pair (tau_true, tau_rest) on a grid is taken that spreads the wrong classes'
probabilities most, of the pairs that leave the wrong classes no more than `cap` together. Where no
pair does, the one that leaves them least is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import ce, soft
from distilscope.training.objectives.declaration import Objective, Parameter

if TYPE_CHECKING:
    from torch import Tensor

STEPS = 8
"""Temperatures of the grid, in equal ratios from the lowest to the highest."""

OBJECTIVE = Objective(
    "isats",
    loss=f"{__name__}:loss",
    parameters={
        "tau_low": soft.temperature("l", "lowest temperature of the grid", "τmin"),
        "tau_high": soft.temperature("h", "highest temperature of the grid", "τmax"),
        "cap": Parameter(
            "c",
            0.0,
            1.0,
            low_open=True,
            meaning="most that wrong classes have together",
            sign="cap",
        ),
        "tau_student": soft.temperature("s", "temperature of the student", "τs"),
        "alpha": soft.ALPHA,
    },
    needs="logits",
    reduces_to={"ce": {"alpha": 0.0}},
    target=f"{__name__}:target",
    tau="tau_student",
)


def loss(
    logits: Tensor,
    labels: Tensor,
    teachers: Sequence[Tensor],
    *,
    tau_low: float,
    tau_high: float,
    cap: float,
    tau_student: float,
    alpha: float,
) -> Tensor:
    """`ats` with the temperatures of `chosen` for each example.

    With tau_low = tau_high it is `ts` bit for bit.

    Args:
        logits: the student's (B, C). labels: (B,) int64. teachers: the one teacher's (B, C).

    Raises:
        ValueError: not exactly one teacher, or tau_low is above tau_high.
    """
    if alpha == 0:
        return ce.loss(logits, labels)
    said = soft.only(teachers, "isats")
    aim = target(said, labels, tau_low=tau_low, tau_high=tau_high, cap=cap)
    return soft.distil(logits, labels, aim, tau_student, alpha)


def target(
    teacher: Tensor, labels: Tensor, *, tau_low: float, tau_high: float, cap: float, **others: float
) -> Tensor:
    """The logarithms of the probabilities that a student aims at, (B, C).

    Raises:
        ValueError: tau_low is above tau_high.
    """
    import torch  # here, because the plan reads this file without torch
    from torch.nn import functional as F

    grid = temperatures(tau_low, tau_high)
    true, rest = chosen(teacher, labels, grid, cap)
    softened, rows = torch.stack([teacher / tau for tau in grid]), torch.arange(len(teacher))
    at_label = soft.of_label(labels, teacher.shape[1])
    return F.log_softmax(torch.where(at_label, softened[true, rows], softened[rest, rows]), dim=1)


def temperatures(low: float, high: float) -> list[float]:
    """`STEPS` temperatures in equal ratios, both ends exact; one where both are the same.

    Raises:
        ValueError: low is above high.
    """
    if low > high:
        raise ValueError(f"isats: tau_low is {low:g} and tau_high {high:g}; it must not be above")
    if low == high:
        return [low]
    ratio = (high / low) ** (1 / (STEPS - 1))
    return [low, *(low * ratio**step for step in range(1, STEPS - 1)), high]


def chosen(
    teacher: Tensor, labels: Tensor, grid: Sequence[float], cap: float
) -> tuple[Tensor, Tensor]:
    """Where in the grid each example's temperatures are: of the label, of the wrong classes.

    The first pair of the grid wins where several are equal; two classes have no spread at all.

    Args:
        teacher: fp32 (B, C). labels: int64 (B,). grid: G temperatures. cap: of the wrong mass.

    Returns:
        int64 (B,) and int64 (B,), from 0 to G - 1.
    """
    import torch

    classes = teacher.shape[1]
    at_label = soft.of_label(labels, classes)
    own = teacher.gather(1, labels[:, None])[:, 0]
    wrong = teacher[~at_label].view(len(teacher), classes - 1)
    true = torch.stack([own / tau for tau in grid])  # (G, B)
    rest = torch.stack([wrong / tau for tau in grid])  # (G, B, C - 1)
    spread = rest.softmax(dim=2).var(dim=2, unbiased=False)
    mass = torch.sigmoid(rest.logsumexp(dim=2)[None] - true[:, None])  # (G true, G rest, B)
    allowed, each = mass <= cap, mass**2 * spread[None]
    best = torch.where(allowed, each, -1.0).flatten(0, 1).argmax(dim=0)
    least = mass.flatten(0, 1).argmin(dim=0)
    place = torch.where(allowed.flatten(0, 1).any(dim=0), best, least)
    return place // len(grid), place % len(grid)
