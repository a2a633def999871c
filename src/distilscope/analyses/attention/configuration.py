"""Settings of `analyses.attention`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from distilscope.configuration.data import Policy
from distilscope.configuration.kinds import Count, Name, Section, Whole, number, whole


class Attention(Section):
    """How attended regions and predictions are compared, and on which views besides none.

    `views` are policies that draw at random: one draw of each training and test image under each
    of them. `base` is the one that affinity divides by.
    """

    threshold: Annotated[float, Field(gt=0, lt=1), BeforeValidator(number)] = 0.4
    batch: Count = 128
    shuffles: Annotated[int, Field(ge=5), BeforeValidator(whole)] = 20
    seed: Whole = 0
    views: dict[Name, Policy] = {}
    base: str | None = None

    def check(self, configuration: Any) -> None:
        """The views are drawn ones, and the base is one of them."""
        where = "analyses.attention"
        for name, policy in self.views.items():
            if policy.drawn is None:
                raise ValueError(
                    f"{where}.views.{name}: {policy.policy!r} is no policy that draws at random; "
                    "give one such as weak, strong, graded or torchvision/RandAugment"
                )
        if self.base is not None and self.base not in self.views:
            raise ValueError(
                f"{where}.base is {self.base!r}, which is none of its `views`: "
                f"{', '.join(self.views) or 'there are none'}"
            )
