"""Settings of `analyses.compression`."""

from __future__ import annotations

from typing import Any

from distilscope.configuration.kinds import Count, Section


class Compression(Section):
    """What compressing a model costs: `shown` pictures of the images that change first."""

    shown: Count = 8

    def check(self, configuration: Any) -> None:
        """There is something compressed."""
        if not configuration.compress:
            raise ValueError(
                "analyses.compression: nothing is compressed; name a model and how in `compress`, "
                "such as `compress: [{of: student, prune: [0.3, 0.5]}]`"
            )
