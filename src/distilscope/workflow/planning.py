"""What makes Snakemake's planning lighter; none of it changes a plan.

Measured on studies of 2,000 to 27,000 students: docs/performance.md.
"""

from __future__ import annotations

import functools
import gc
from dataclasses import dataclass
from typing import Any

from distilscope.planning.artefact import Artefact
from distilscope.planning.job import Job


def lighten() -> None:
    """Spare this process two costs that grow with the number of jobs.

    A plan makes millions of objects that stay: looking through the young ones for garbage every
    700 takes a tenth of the time. This often it takes next to nothing, and no more memory.

    Snakemake looks a rule's script up for each job, and asks smart_open three times what kind of
    address its path is. Each answer is an object of a class made for it, a sixth of the time; the
    addresses are those of a score of scripts.
    """
    gc.set_threshold(50_000, 10, 10)
    import smart_open

    if not hasattr(smart_open.parse_uri, "cache_info"):
        smart_open.parse_uri = functools.cache(smart_open.parse_uri)


@dataclass(frozen=True, repr=False)
class Told:
    """What a rule's job is told of its artefact, worked out when it is sent to the job.

    A script that Snakemake starts gets the `Job` itself.
    """

    artefact: Artefact

    def __repr__(self) -> str:
        """The artefact's folder, which says what it holds; Snakemake keeps it with its records."""
        return str(self.artefact.folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return Job.from_json, (self.artefact.job(),)
