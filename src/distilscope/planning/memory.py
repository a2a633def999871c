"""How much memory a job asks a cluster for. No identity covers it, so that it plans nothing."""

from __future__ import annotations

import contextlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path
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
COVERED = 45_000_000
"""Parameters of a network of images that the usual holds: as many as the largest of this package
has as it is declared. More are asked for where `settings` make it wider, or a given file tells."""
FP32 = 4
FILES = ("weights_file", "program_file")
"""What a job knows the user's file of a given model by."""
NETWORKS = ("model", "teacher", "teachers", "original")
"""Roles of inputs whose networks a job reads."""

_COUNTS = {each.builder: each.counted for each in catalog.ARCHITECTURES.values() if each.counted}
_OF_TEXTS = {e.builder for e in catalog.ARCHITECTURES.values() if e.modality == "texts"}


def megabytes(artefact: Artefact) -> int:
    """Of the job of an artefact, at its first attempt."""
    read = [each for role in NETWORKS for each in artefact.inputs_of(role)]
    tried = [entry["model"] for entry in artefact.settings.get("networks", ())]
    files = [entry["files"] for entry in artefact.information.get("entries", ())] if tried else ()
    made = [(artefact.settings, artefact.information), *zip(tried, files, strict=True)]
    held = sum(HELD * _read(each) for each in read)
    return USUAL + (held + max(_own(*each) for each in made)) // 10**6


def _own(settings: Mapping[str, Any], information: Mapping[str, Any]) -> int:
    """Bytes of the parameters of the network that a job makes; one at a time is tried."""
    recipe = settings.get("recipe")
    by = HELD if not recipe else ADAPTED if recipe.get("lora") else TRAINED
    return by * _parameters(settings, information) if "kind" in settings else 0


def _read(artefact: Artefact) -> int:
    """Parameters of a model: its own, or those of the model that it is made of."""
    own = _parameters(artefact.settings, artefact.information)
    return max([own, *map(_read, artefact.inputs_of("original"))])


def _parameters(settings: Mapping[str, Any], information: Mapping[str, Any]) -> int:
    """How many the network has beyond what the usual holds, by its settings or its file; 0 where
    neither says it.
    """
    architecture = settings.get("architecture") or {}
    count = _COUNTS.get(architecture.get("builder"))
    counted = pkgutil.resolve_name(count)(architecture["settings"]) if count else 0
    if architecture.get("builder") in _OF_TEXTS:
        return counted
    return max(0, max(counted, _in_file(information)) - COVERED)


def _in_file(information: Mapping[str, Any]) -> int:
    """Parameters that a given file has room for; 0 where there is none, or it is a folder."""
    for key in FILES:
        place = Path(information.get(key) or "")
        with contextlib.suppress(OSError):
            if place.is_file():
                return place.stat().st_size // FP32
    return 0
