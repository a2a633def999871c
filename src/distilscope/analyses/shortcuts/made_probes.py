"""The probes that models are shown in the search for shortcuts, by name: read by the plan."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Probe:
    """Versions of the test images that are made on purpose.

    Attributes:
        builder: dotted path `module:function`; called with the images and the job, returns
            name -> `data.probes.Part`.
        parts: the names of the versions.
        explained: parts whose maps are kept; of the others logits are.
    """

    builder: str
    parts: tuple[str, ...]
    explained: tuple[str, ...] = ()


PROBES: dict[str, Probe] = {
    "plain": Probe(
        "distilscope.analyses.shortcuts.probes.plain:build", ("test",), explained=("test",)
    ),
    "patched": Probe(
        "distilscope.analyses.shortcuts.probes.patched:build", ("patch-on", "patch-off")
    ),
    "masked": Probe(
        "distilscope.analyses.shortcuts.probes.masked:build",
        ("masked-top", "masked-random", "masked-centre"),
    ),
}
