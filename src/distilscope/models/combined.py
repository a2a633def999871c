"""Several models that answer as one: the mean of their logits, or of their probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run

WAYS = ("logits", "probabilities")


class Combined(nn.Module):
    """A committee.

    Args:
        members: models of the same classes. how: `logits` or `probabilities`.

    Raises:
        ValueError: fewer than two members, or another way.
    """

    def __init__(self, members: Sequence[nn.Module], how: str) -> None:
        super().__init__()
        if len(members) < 2:
            raise ValueError(f"a committee has two members or more, got {len(members)}")
        if how not in WAYS:
            raise ValueError(f"members are combined by {' or '.join(WAYS)}, not by {how!r}")
        self.members, self.how = nn.ModuleList(members), how

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C) logits whose softmax is the committee's answer.

        Raises:
            ValueError: the members have different numbers of classes.
        """
        logits = [member(inputs).float() for member in self.members]
        classes = sorted({each.shape[1] for each in logits})
        if len(classes) > 1:
            raise ValueError(f"the members of a committee have {classes} classes; they must agree")
        stacked = torch.stack(logits)
        if self.how == "logits":
            return stacked.mean(dim=0)
        return stacked.log_softmax(dim=2).logsumexp(dim=0) - torch.tensor(len(logits)).log()


def make(job: Job) -> None:
    """Make `run.json` of a committee: it has no weights of its own, its inputs name the members."""
    stopwatch = Stopwatch()
    stopwatch.phase("write")
    write_run(job, stopwatch, {"members": len(job.inputs_of("members"))})
