"""What a table keeps of a teacher for each token that is learnt: all logits, hidden states, top-k.

Each way says its size before anything is made, writes its own files, and is read back as what the
loss takes (`kept`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from distilscope import store
from distilscope.training.rows import Projected, pieces
from distilscope.training.runtime import autocast
from distilscope.training.targets import TargetsError
from distilscope.training.texts import AtTargets, Shown

HEAD_FILE = "head.safetensors"
TOLERANCE = {"fp32": 2.0**-8, "bf16": 2.0**-5}
"""How far a logit may be from what the head makes of rounded hidden states, as a part of the
largest |logit| (at least 1)."""


class Way:
    """What of a teacher's answers is kept.

    Attributes:
        learner: the teacher.
        vocabulary: how many logits a token has.
        precision: `fp32` or `bf16`, of the teacher.
        settings: of the job.
        largest: what the largest number is called among the facts.
        instead: what to set where the table is too large.
    """

    largest: ClassVar[str] = "largest_logit"

    def __init__(
        self, learner: AtTargets, vocabulary: int, precision: str, settings: Mapping[str, Any]
    ) -> None:
        self.learner, self.vocabulary = learner, vocabulary
        self.precision, self.settings = precision, settings

    @property
    def arrays(self) -> dict[str, tuple[type, int]]:
        """File -> the type of its numbers, and how many a token has."""
        raise NotImplementedError

    @property
    def besides(self) -> int:
        """Bytes of what does not grow with the tokens."""
        return 0

    @property
    def bytes_a_token(self) -> int:
        """Of all arrays."""
        return sum(np.dtype(kind).itemsize * numbers for kind, numbers in self.arrays.values())

    @property
    def instead(self) -> str:
        """See the class."""
        return "set `targets: online`"

    def check(self, few: Shown) -> dict[str, float]:
        """Whether what is kept is what the teacher says; facts of it.

        Raises:
            TargetsError: it is not.
        """
        return {}

    def of(self, shown: Shown) -> dict[str, Tensor]:
        """File -> what it has of these items, a row a token."""
        raise NotImplementedError

    def finish(self, folder: Path) -> dict[str, Any]:
        """Write what does not grow with the tokens; facts of what was kept, perhaps with `notes`,
        each to be said behind the teacher's name.
        """
        return {}

    def _answered(self, shown: Shown) -> Tensor | Projected:
        with autocast(self.precision, shown.device):
            return self.learner(shown)


class Logits(Way):
    """All logits, which serve every objective and temperature."""

    @property
    def arrays(self) -> dict[str, tuple[type, int]]:
        """See `Way`."""
        return {"logits.npy": (np.float16, self.vocabulary)}

    @property
    def instead(self) -> str:
        """See `Way`."""
        if not hasattr(self.learner.network, "hidden"):
            return super().instead
        size = 2 * self.learner.network.head.weight.shape[1]
        return f"set `targets: hidden`, which keeps as much in {size} bytes a token, or `online`"

    def of(self, shown: Shown) -> dict[str, Tensor]:
        """See `Way`."""
        answered = self._answered(shown).half()
        if isinstance(answered, Projected):
            answered = torch.cat([answered.piece(rows) for rows in answered.pieces])
        return {"logits.npy": answered}


class Hidden(Way):
    """Final hidden states, of which the teacher's head makes its logits at each step.

    They are exact up to the rounding to fp16, which has more digits than bf16.
    """

    largest: ClassVar[str] = "largest_state"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.head = head_of(self.learner.network)

    @property
    def arrays(self) -> dict[str, tuple[type, int]]:
        """See `Way`."""
        return {"states.npy": (np.float16, self.head.weight.shape[1])}

    @property
    def besides(self) -> int:
        """The head, in fp32."""
        return sum(4 * each.numel() for each in self.head.parameters())

    @torch.no_grad()
    def check(self, few: Shown) -> dict[str, float]:
        """See `Way`: some networks do more with logits than their head does (soft caps, scales)."""
        with autocast(self.precision, few.device):
            said = self.learner.at_once(few).float()
            made = self.head(self.learner.states(few).half().float()).float()
        difference = (made - said).abs().max().item()
        if not difference <= TOLERANCE[self.precision] * max(said.abs().max().item(), 1):
            raise TargetsError(
                f"{type(self.learner.network).__name__}: its head makes other logits of its final "
                f"hidden states than it gives (by up to {difference:.3g}): it does more with them; "
                "set `targets: table` or `targets: online`"
            )
        return {"largest_difference": difference}

    def of(self, shown: Shown) -> dict[str, Tensor]:
        """See `Way`."""
        with autocast(self.precision, shown.device):
            return {"states.npy": self.learner.states(shown).half()}

    def finish(self, folder: Path) -> dict[str, Any]:
        """See `Way`."""
        tensors = {
            name: each.float().cpu().numpy() for name, each in self.head.state_dict().items()
        }
        store.write_tensors(folder / HEAD_FILE, tensors)
        return {"head_bytes": self.besides}


@dataclass
class _Left:
    """What top-k leaves out, by token."""

    mass: list[Tensor] = field(default_factory=list)
    nats: list[Tensor] = field(default_factory=list)


class TopK(Way):
    """The gold token, the likeliest others up to k, and the probability of all others together."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.k = self.settings["top_k"]
        self.left = _Left()
        if self.k > self.vocabulary - 2:
            raise TargetsError(
                f"`top_k` is {self.k} of a vocabulary of {self.vocabulary}: too few others are "
                "left to be taken together; set `targets: table`, which keeps all logits"
            )

    @property
    def arrays(self) -> dict[str, tuple[type, int]]:
        """See `Way`."""
        return {"tokens.npy": (np.int32, self.k), "logits.npy": (np.float16, self.k + 1)}

    def of(self, shown: Shown) -> dict[str, Tensor]:
        """See `Way`."""
        answered, labels = self._answered(shown), shown.labels
        whole = isinstance(answered, Tensor)
        found = [
            self._piece(answered[rows] if whole else answered.piece(rows), labels[rows])
            for rows in pieces(len(labels), self.vocabulary)
        ]
        tokens, kept = (torch.cat(each) for each in zip(*found, strict=True))
        return {"tokens.npy": tokens.int(), "logits.npy": kept.half()}

    def _piece(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        said = logits.float().log_softmax(dim=1)
        tokens = said.scatter(1, labels[:, None], torch.inf).topk(self.k, dim=1).indices
        own = said.gather(1, tokens)
        left = said.scatter(1, tokens, -torch.inf).logsumexp(dim=1, keepdim=True)
        self.left.mass.append(1 - left.exp()[:, 0])
        self.left.nats.append(lost(said, own, left))
        return tokens, torch.cat([own, left], dim=1)

    def finish(self, folder: Path) -> dict[str, Any]:
        """How much of the probability is kept, and what the rest would have said."""
        mass, nats = (torch.cat(each).cpu().numpy() for each in (self.left.mass, self.left.nats))
        mean, worst, away = float(mass.mean()), float(np.quantile(mass, 0.1)), float(nats.mean())
        note = (
            f"the {self.k} tokens that are kept have {mean:.1%} of the probability ({worst:.1%} or "
            f"less at the worst tenth of places); how it tells the others apart, {away:.3f} nats a "
            "token, is lost; `targets: hidden` keeps it"
        )
        kept = {"mean": mean, "worst_tenth": worst}
        return {"kept_mass": kept, "lost_nats": away, "notes": [note]}


def lost(said: Tensor, own: Tensor, left: Tensor) -> Tensor:
    """(P,) KL(teacher || the same with the rest's mass spread evenly), in nats.

    Args:
        said: log-probabilities (P, V). own: those that are kept (P, k). left: (P, 1), the
            logarithm of the mass of the others.
    """
    of_others = (said.exp() * said).sum(dim=1) - (own.exp() * own).sum(dim=1)
    evenly = left[:, 0] - np.log(said.shape[1] - own.shape[1])
    return (of_others - left[:, 0].exp() * evenly).clamp(min=0)


WAYS: dict[str, type[Way]] = {"table": Logits, "hidden": Hidden, "top-k": TopK}
"""Word in a recipe (`targets`) -> what is kept; `kept.READ` reads it."""


def head_of(network: nn.Module) -> nn.Linear:
    """What makes a network's logits of its final hidden states.

    Raises:
        TargetsError: it says nothing of it.
    """
    head = getattr(network, "head", None)
    if not isinstance(head, nn.Linear) or not hasattr(network, "hidden"):
        raise TargetsError(
            f"{type(network).__name__} does not give the hidden states that its head makes logits "
            "of (`hidden` and `head`, a linear layer, as models.language.LanguageModel has them): "
            "set `targets: table` or `targets: online`"
        )
    return head
