"""The lowest version of each range in `pyproject.toml`, as constraints for pip: `make lowest`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lowest(project: Mapping[str, Any]) -> list[str]:
    """`name==version` of what has a lowest version, of the package and of its extras.

    Args:
        project: the table `project` of a `pyproject.toml`.
    """
    texts = chain(project["dependencies"], *project["optional-dependencies"].values())
    found = {
        f"{each.name}=={part.version}"
        for each in map(Requirement, texts)
        for part in each.specifier
        if part.operator == ">="
    }
    return sorted(found)


if __name__ == "__main__":
    print(*lowest(tomllib.loads(PROJECT.read_text())["project"]), sep="\n")
