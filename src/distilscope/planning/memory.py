"""How much memory a job asks a cluster for. No identity covers it, so that it plans nothing."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from typing import Any

from distilscope import catalog
from distilscope.planning.artefact import Artefact

USUAL = 3000
"""MB that a job of networks asks for: what it takes beside the parameters of a large one."""
HELD = 8
"""Bytes for each parameter of a network that is read: in fp32, beside the file that it is in."""
ADAPTED = 14
"""The same of one whose adapters are trained: the matrices in the precision of the training too."""
TRAINED = 32
"""The same of one that is trained: gradients and two moments as well, what is kept of each layer
on the way forward, and a checkpoint. Held against peaks in resources/smollm2/README.md."""
NETWORKS = ("model", "teacher", "teachers", "original")
"""Roles of inputs whose networks a job reads."""

_COUNTS = {each.builder: each.counted for each in catalog.ARCHITECTURES.values() if each.counted}


def megabytes(artefact: Artefact) -> int:
    """Of the job of an artefact, at its first attempt."""
    read = [each for role in NETWORKS for each in artefact.inputs_of(role)]
    tried = [entry["model"] for entry in artefact.settings.get("networks", ())]
    own = [_own(settings) for settings in (artefact.settings, *tried)]
    held = sum(HELD * _parameters(each.settings) for each in read)
    return USUAL + (held + max(own)) // 10**6


def _own(settings: Mapping[str, Any]) -> int:
    """Bytes of the parameters of the network that a job makes; one at a time is tried."""
    recipe = settings.get("recipe")
    by = HELD if not recipe else ADAPTED if recipe.get("lora") else TRAINED
    return by * _parameters(settings) if "kind" in settings else 0


def _parameters(settings: Mapping[str, Any]) -> int:
    """How many the network of such settings has; 0 where its architecture doesn't say."""
    architecture = settings.get("architecture") or {}
    count = _COUNTS.get(architecture.get("builder"))
    return pkgutil.resolve_name(count)(architecture["settings"]) if count else 0
