"""Settings of `analyses.masking`."""

from __future__ import annotations

from typing import Any

from distilscope.analyses.shortcuts.configuration import Causal, require_layer_method
from distilscope.configuration.kinds import Count, Section


class Masking(Section, Causal):
    """The causal check: the teacher's most important area is covered, by its maps of `method`.

    `images` bounds the stratified part of the test images that it is made on.
    """

    images: Count = 1000
    method: str | None = None

    def check(self, configuration: Any) -> None:
        """Maps at layers are there."""
        require_layer_method("masking", self.method, configuration.observe.methods)
