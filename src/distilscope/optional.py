"""Libraries that only some studies need."""

from __future__ import annotations

import importlib
from types import ModuleType


def load(library: str, need: str, remedy: str, error: type[ValueError] = ValueError) -> ModuleType:
    """An optional library itself.

    Args:
        need: who needs it, the beginning of the sentence where it is not installed.
        remedy: what to do then.
        error: what is raised then.
    """
    try:
        return importlib.import_module(library)
    except ImportError as missing:
        raise error(f"{need} ({missing}): {remedy}") from None
