"""A loss of a large vocabulary, a piece of the rows at a time.

Each piece goes forward and back at once and leaves the gradients of its hidden states and its part
of the head's, so that memory is a piece's whatever the batch. Liger's kernels (arXiv 2410.10989)
fuse head and cross-entropy in this way; here autograd has the derivatives, so that it serves every
objective.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from distilscope.training.rows import Kept, Projected
from distilscope.training.signals import Loss

Rows = Tensor | Projected | Kept
"""What a student or a teacher says of P tokens."""


def by_pieces(loss: Loss) -> Loss:
    """The same loss of logits that are there, and of those that are not made yet.

    Args:
        loss: a mean over rows; it may be called with some of them.

    Returns:
        a loss whose `logits` are a tensor or `Projected`, and whose teachers are `Rows`.
    """

    def of(logits: Tensor | Projected, labels: Tensor, teachers: Sequence[Rows]) -> Tensor:
        if isinstance(logits, Tensor):
            return _of_rows(loss, logits, labels, [_whole(teacher) for teacher in teachers])

        def of_piece(states: Tensor, rows: slice) -> Tensor:
            own, said = logits.logits(states), [_piece(teacher, rows) for teacher in teachers]
            logits.largest.append(own.detach().argmax(dim=1))
            return _of_rows(loss, own, labels[rows], said)

        learnt = [each for each in logits.head.parameters() if each.requires_grad]
        return _Mean.apply(of_piece, list(logits.pieces), logits.states, *learnt)

    return of


def _of_rows(
    loss: Loss, logits: Tensor, labels: Tensor, teachers: Sequence[Tensor | Kept]
) -> Tensor:
    """The loss of rows whose logits (p, V) are there."""
    if not any(isinstance(teacher, Kept) for teacher in teachers):
        return loss(logits, labels, teachers)
    if len(teachers) > 1:
        raise ValueError("teachers of whom only the top k is kept can't be combined")
    (kept,) = teachers
    return loss(kept.of_student(logits), torch.zeros_like(labels), [kept.logits])


def _whole(said: Rows) -> Tensor | Kept:
    return said if isinstance(said, Tensor) else said.whole()


def _piece(said: Rows, rows: slice) -> Tensor | Kept:
    return said[rows] if isinstance(said, Tensor) else said.piece(rows)


class _Mean(torch.autograd.Function):
    """The mean over rows of a loss of pieces; what goes back was computed on the way forward."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        of_piece: Callable[[Tensor, slice], Tensor],
        pieces: Sequence[slice],
        states: Tensor,
        *learnt: Parameter,
    ) -> Tensor:
        """The loss; `learnt` are the head's parameters, by which `of_piece` makes logits."""
        total = torch.zeros((), device=states.device)
        of_states = torch.empty_like(states)
        of_learnt = [torch.zeros_like(each) for each in learnt]
        for rows in pieces:
            with torch.enable_grad():
                own = states[rows].detach().requires_grad_()
                part = of_piece(own, rows) * (len(own) / len(states))
            of_states[rows], *found = torch.autograd.grad(part, [own, *learnt])
            for sums, each in zip(of_learnt, found, strict=True):
                sums += each
            total += part.detach()
        ctx.save_for_backward(of_states, *of_learnt)
        return total

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, upstream: Tensor
    ) -> tuple[Tensor | None, ...]:
        """The gradients that `forward` left, times that of the loss."""
        return (None, None, *(upstream * each for each in ctx.saved_tensors))
