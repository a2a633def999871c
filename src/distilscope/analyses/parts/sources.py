"""Where the part maps of the test images come from, by the name that a configuration gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_BUILDERS = "distilscope.data.part_sources"


@dataclass(frozen=True)
class PartSource:
    """A source of part maps.

    Attributes:
        builder: dotted path `module:function`; called with the source's `Place` and the settings,
            returns `PartMaps` and `Findings`.
        settings: what a configuration may set, with its default.
        parted: needs a data set whose reader knows the parts. Without it the parts are regions.
        of_object: the parts together are the object, so that its place and extent are known.
    """

    builder: str
    settings: Mapping[str, int] = field(default_factory=dict)
    parted: bool = False
    of_object: bool = False


PART_SOURCES: dict[str, PartSource] = {
    "annotated": PartSource(f"{_BUILDERS}:annotated", parted=True, of_object=True),
    "grid": PartSource(f"{_BUILDERS}:grid", {"rows": 4, "columns": 4}),
    "foreground": PartSource(f"{_BUILDERS}:foreground", {"threshold": 0}, of_object=True),
    "foreground-grid": PartSource(
        f"{_BUILDERS}:foreground_grid", {"rows": 3, "columns": 3, "threshold": 0}, of_object=True
    ),
    "superpixels": PartSource(f"{_BUILDERS}:superpixels", {"segments": 16, "compactness": 10}),
}
