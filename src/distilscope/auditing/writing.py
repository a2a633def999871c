"""The study that an audit is, as a configuration that can be read, kept and run again."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from distilscope import registry
from distilscope.auditing import languages
from distilscope.auditing.request import Given, Request, study_name
from distilscope.configuration.measured import FEWEST_IN_A_GRAM, Observe
from distilscope.configuration.study import parse

ANALYSES = {
    "images": ("outputs", "alignment", "representation"),
    "texts": ("outputs", "reasoning", "representation"),
}
"""What every audit asks, by what the models are asked."""
CAUSAL = "masking"
LADDER = "compression"
NOISE = 0.1
"""Of the stand-in: a tenth of a standard deviation of the input."""
CHECKSUM = "# Checksum of what stands below, by which edits are known: "
SMALL, FRAME = 64, 56
"""Maps of images over `SMALL` pixels a side are compared at `FRAME`, which 7, 14 and 28 divide."""


def configuration(asked: Request) -> dict[str, Any]:
    """The configuration: nothing of it is trained, and nothing is hidden from it."""
    teacher = asked.teacher.entry()
    if asked.second:
        teacher["second"] = [asked.second]
    named = {"allow_code": True} if asked.allow_code else {}
    return {
        "study": study_name(asked.output),
        "title": f"Audit of {_whom(asked)}",
        "scale": "audit",
        **named,
        "data": dict(asked.data),
        "teachers": {asked.teacher.name: teacher},
        "students": {given.name: given.entry() for given in asked.students},
        "floors": _floors(asked.students),
        "stand_ins": _stand_ins(asked),
        "compress": [dict(entry) for entry in asked.compress],
        "observe": {**_explained(asked), **_gram_batch(asked)},
        "analyses": _analyses(asked),
    }


def check(found: Mapping[str, Any]) -> None:
    """Refuse what is no configuration, before anything is written.

    Raises:
        ConfigurationError: a line for each fault.
    """
    parse(dict(found), "the audit")


def _whom(asked: Request) -> str:
    if asked.students:
        names = ", ".join(given.name for given in asked.students)
        return f"{names} beside {asked.teacher.name}"
    return f"{asked.teacher.name} and its compressed versions"


def _explained(asked: Request) -> dict[str, Any]:
    """Maps and seconds are of images: of a text it is said what is answered."""
    images = asked.modality == "images"
    return {"methods": list(asked.methods), "latency": [1]} if images else {}


def _gram_batch(asked: Request) -> dict[str, int]:
    """Of fewer examples than a minibatch of Grams has as many as there are."""
    usual = Observe.model_fields["gram_batch"].default
    few = asked.count and asked.count < usual
    return {"gram_batch": max(asked.count, FEWEST_IN_A_GRAM)} if few else {}


def _floors(students: Sequence[Given]) -> list[str]:
    """The students that are also made untrained: one of each network, since those that differ in
    weights alone begin alike. Of a file's own program there is none.
    """
    first: dict[str, str] = {}
    for given in students:
        if given.architecture is not None:
            first.setdefault(_network(given), given.name)
    return list(first.values())


def _network(given: Given) -> str:
    """The entry of a model without its weights, of a folder what it describes."""
    own = {key: value for key, value in given.entry().items() if key != "weights"}
    if given.architecture == languages.NETWORK:
        own["settings"] = languages.description(given)
    return json.dumps(own, sort_keys=True, default=str)


def _stand_ins(asked: Request) -> list[dict[str, Any]]:
    """The teacher under small changes of its input: noise, and mirrored, which moves maps too.

    A text has no change that is known to be small.
    """
    if asked.modality != "images":
        return []
    changes = ({"noise": NOISE, "flip": False}, {"noise": 0.0, "flip": True})
    return [{"of": asked.teacher.name, **each} for each in changes]


def _analyses(asked: Request) -> dict[str, Any]:
    causal = [CAUSAL] if asked.modality == "images" else []
    wanted = [*ANALYSES[asked.modality], *([LADDER] if asked.compress else []), *causal]
    found: dict[str, Any] = {name: {} for name in wanted if name in registry.analyses()}
    if asked.data.get("image_size", 0) > SMALL:
        found["alignment"] = {"frame": FRAME}
    if asked.require:
        found["gate"] = {"require": list(asked.require)}
    return found


def text(found: Mapping[str, Any], command: Sequence[str]) -> str:
    """The configuration as a file, with the command that wrote it."""
    typed = shlex.join(command).replace("\n", " ")
    body = yaml.safe_dump(dict(found), sort_keys=False, allow_unicode=True, width=100)
    return (
        "# An audit, written by the command\n"
        f"#   {typed}\n"
        "# It is a study like any other: edit it, and run it again with\n"
        "#   distilscope audit --configuration <this file>\n"
        "# Every key is explained in config/README.md.\n"
        f"{CHECKSUM}{_checksum(body)}\n\n{body}"
    )


def _checksum(body: str) -> str:
    return hashlib.sha256(body.strip().encode()).hexdigest()[:12]


def check_unedited(path: Path) -> None:
    """Refuse to write over a study that somebody edited since the command wrote it.

    Raises:
        ValueError: it was edited; the message says what would be accepted.
        OSError: it can't be read.
    """
    if not path.is_file():
        return
    written = path.read_text(encoding="utf-8", errors="replace")
    checksum, _, body = written.partition(CHECKSUM)[2].partition("\n")
    if checksum and checksum.strip() != _checksum(body):
        raise ValueError(
            f"{path} was edited since the command wrote it, and would be written over: run it with "
            f"--configuration {path}, give another --output, or remove it"
        )
