"""Wrong classes' probabilities mixed with how the teacher relates classes on the whole.

The study that names it prints no formula that was found; this one is this package's. The
wrong-class probabilities q~ = q / (1 - p_true) become (1 - gamma) q~ + gamma R[label], where R is
the teacher's class-relation matrix: the mean of q~ over the training examples of each class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import ce, soft
from distilscope.training.objectives.declaration import Objective, Parameter

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

CHUNK = 2048
"""Examples whose views are read at a time."""

OBJECTIVE = Objective(
    "fused",
    loss=f"{__name__}:loss",
    parameters={
        "gamma": Parameter("g", 0.0, 1.0, meaning="share of the class relations", sign="γ"),
        "tau_teacher": soft.temperature("t", "temperature of the teacher", "τ"),
        "tau_student": soft.temperature("s", "temperature of the student", "τs"),
        "alpha": soft.ALPHA,
    },
    needs="logits",
    reduces_to={"ce": {"alpha": 0.0}},
    prepare=f"{__name__}:prepare",
    prepare_takes=("tau_teacher",),
    target=f"{__name__}:target",
    tau="tau_student",
)


def loss(
    logits: Tensor,
    labels: Tensor,
    teachers: Sequence[Tensor],
    *,
    relations: Tensor,
    gamma: float,
    tau_teacher: float,
    tau_student: float,
    alpha: float,
) -> Tensor:
    """`ts` towards p_true at the label, (1 - p_true) ((1 - gamma) q~ + gamma R[label]) elsewhere.

    With gamma = 0 it is `ts` bit for bit.

    Args:
        logits: the student's (B, C). labels: (B,) int64. teachers: the one teacher's (B, C).
        relations: R, fp32 (C, C), of `prepare`.

    Raises:
        ValueError: not exactly one teacher.
    """
    if alpha == 0:
        return ce.loss(logits, labels)
    own = {"relations": relations, "gamma": gamma, "tau_teacher": tau_teacher}
    aim = target(soft.only(teachers, "fused"), labels, **own)
    return soft.distil(logits, labels, aim, tau_student, alpha)


def target(
    teacher: Tensor,
    labels: Tensor,
    *,
    relations: Tensor,
    gamma: float,
    tau_teacher: float,
    **others: float,
) -> Tensor:
    """The logarithms of the probabilities that a student aims at, (B, C)."""
    import torch  # here, because the plan reads this file without torch
    from torch.nn import functional as F

    said = F.log_softmax(teacher / tau_teacher, dim=1)
    if gamma == 0:
        return said
    at_label = soft.of_label(labels, said.shape[1])
    wrong = said.masked_fill(at_label, -torch.inf)
    mass = wrong.logsumexp(dim=1, keepdim=True)
    mixed = (1 - gamma) * (wrong - mass).exp() + gamma * relations[labels]
    return torch.where(at_label, said, mass + mixed.log())


def prepare(table: np.ndarray, labels: Tensor, *, tau_teacher: float) -> dict[str, Tensor]:
    """The teacher's class-relation matrix.

    Args:
        table: float16 (N, V, C): its logits for V views of N examples.
        labels: int64 (N,), on the CPU.

    Returns:
        `relations`: fp32 (C, C), rows add up to 1 and have 0 on the diagonal. The row of a class
        that has no example is NaN; no example asks for it.
    """
    import torch

    classes = table.shape[2]
    total = torch.zeros(classes, classes, dtype=torch.float64)
    count = torch.zeros(classes, dtype=torch.float64)
    for start in range(0, len(table), CHUNK):
        rows = slice(start, start + CHUNK)
        said = torch.from_numpy(table[rows].astype("float64")) / tau_teacher
        own = labels[rows]
        wrong = said.masked_fill(soft.of_label(own, classes)[:, None], -torch.inf)
        total.index_add_(0, own, wrong.softmax(dim=2).mean(dim=1))
        count.index_add_(0, own, torch.ones(len(own), dtype=torch.float64))
    return {"relations": (total / count[:, None]).float()}
