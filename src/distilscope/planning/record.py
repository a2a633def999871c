"""`study.json`: what the folder that people open was made from.

It is information: no plan depends on it. `make plan` compares a configuration with it, and
`make verify` the published copies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distilscope import store
from distilscope.planning.artefact import RESULTS
from distilscope.planning.study import Study

FILE = "study.json"


@dataclass(frozen=True)
class Known:
    """An artefact as it was when its study was published.

    Attributes:
        identity: 12 hex digits.
        parts: digest by name of the modules, templates and catalogue entries that computed it.
    """

    identity: str
    parts: Mapping[str, str]


@dataclass(frozen=True)
class Record:
    """A study as it was last published.

    Attributes:
        configuration: resolved, as `settings.parse` takes it.
        precision: `fp32` or `bf16`.
        artefacts: by kind and slug.
    """

    configuration: Mapping[str, Any]
    precision: str
    artefacts: Mapping[tuple[str, str], tuple[Known, ...]]


def describe(study: Study) -> dict[str, Any]:
    """What `study.json` says of a study, without what was published."""
    artefacts = list(study.artefacts.values())
    return {
        "configuration": study.configuration.model_dump(mode="json"),
        "precision": study.precision,
        "artefacts": [[a.kind, a.slug, a.identity, a.source] for a in artefacts],
        "sources": {a.source: dict(a.source.parts) for a in artefacts},
    }


def read(study: str, results: Path = RESULTS) -> Record | None:
    """What was last published under that name, or None."""
    path = results / study / FILE
    if not path.is_file():
        return None
    kinds = {"configuration": dict, "precision": str, "artefacts": list, "sources": dict}
    content = store.read_json(path, **kinds)
    artefacts: dict[tuple[str, str], tuple[Known, ...]] = {}
    try:
        for kind, slug, identity, source in content["artefacts"]:
            known = Known(identity, content["sources"][source])
            artefacts[kind, slug] = (*artefacts.get((kind, slug), ()), known)
    except (KeyError, TypeError, ValueError):
        raise store.DamagedFile(path, "its `artefacts` are not those of a study") from None
    return Record(content["configuration"], content["precision"], artefacts)
