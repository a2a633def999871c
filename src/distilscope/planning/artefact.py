"""An artefact: something that a job makes, under a path that carries its identity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from distilscope import store
from distilscope.planning.job import Job
from distilscope.store.contents import Content

RESULTS = Path("results")
STORE = RESULTS / "store"

FOLDERS = {
    "dataset": "datasets",
    "texts": "texts",
    "parts": "parts",
    "networks": "networks",
    "model": "models",
    "program": "programs",
    "derived": "derived",
    "combined": "combined",
    "compressed": "compressed",
    "perturbed": "perturbed",
    "planted": "planted",
    "probe": "probes",
    "probe_observation": "probe-observations",
    "views": "views",
    "targets": "targets",
    "prepared": "prepared",
    "generations": "generations",
    "observation": "observations",
    "layer_noise": "layer-noise",
    "comparison": "comparisons",
    "tables": "tables",
    "figures": "figures",
    "report": "reports",
}


@dataclass(frozen=True)
class Artefact:
    """Something that a job makes, under a path that carries its identity.

    Attributes:
        kind: a key of `FOLDERS`.
        slug: its name for people.
        settings: what its content depends on, besides source and inputs; JSON values.
        source: fingerprint of the code that computes it.
        inputs: role -> artefact or artefacts it is made from.
        information: what the job needs and the content does not depend on.
        files: names of its files, beside `run.json`, which is written last.
        contents: the user's files that its job reads, by the setting that names them; the
            settings hold their digests.
    """

    kind: str
    slug: str
    settings: Mapping[str, Any]
    source: str
    inputs: Mapping[str, Artefact | tuple[Artefact, ...]] = field(default_factory=dict)
    information: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    contents: Mapping[str, Content] = field(default_factory=dict)

    @cached_property
    def identity(self) -> str:
        """12 hex digits over settings, source and the inputs' identities."""
        covered = {
            "kind": self.kind,
            "settings": self.settings,
            "source": self.source,
            "inputs": {role: [a.identity for a in many(found)] for role, found in self._sorted()},
        }
        return store.digest_bytes(store.canonical_json(covered).encode())[:12]

    @cached_property
    def asked(self) -> str:
        """A digest over settings and those of the inputs, whatever the source is."""
        inputs = {role: [a.asked for a in many(found)] for role, found in self._sorted()}
        covered = {"kind": self.kind, "settings": self.settings, "inputs": inputs}
        return store.digest_bytes(store.canonical_json(covered).encode())

    def _sorted(self) -> list[tuple[str, Artefact | tuple[Artefact, ...]]]:
        return sorted(self.inputs.items())

    @cached_property
    def name(self) -> str:
        """What rules know it by: `<slug>.<identity>`."""
        return f"{self.slug}.{self.identity}"

    @cached_property
    def folder(self) -> Path:
        """Where its files lie."""
        return STORE / FOLDERS[self.kind] / self.name

    @property
    def outputs(self) -> list[str]:
        """The names of all its files; `run.json`, which is written last, is the last."""
        return [*self.files, store.RUN_FILE]

    def job(self) -> str:
        """Its job, as the text that `Job.from_json` reads."""
        inputs = {
            role: str(found.folder)
            if isinstance(found, Artefact)
            else [str(a.folder) for a in found]
            for role, found in self._sorted()
        }
        return Job(
            kind=self.kind,
            slug=self.slug,
            identity=self.identity,
            settings=self.settings,
            inputs=inputs,
            folder=self.folder,
            information=self.information,
            source=str(self.source),
            parts=getattr(self.source, "parts", {}),
            contents=self.contents,
        ).to_json()

    def inputs_of(self, role: str) -> tuple[Artefact, ...]:
        """What its job reads in that role; empty where it has no such input."""
        return many(self.inputs.get(role, ()))

    def direct_inputs(self) -> list[Artefact]:
        """Every artefact that its job reads."""
        return [artefact for _, found in self._sorted() for artefact in many(found)]


def many(found: Artefact | tuple[Artefact, ...]) -> tuple[Artefact, ...]:
    """What stands in one role of `inputs`, as a tuple."""
    return (found,) if isinstance(found, Artefact) else tuple(found)


def in_order_of_settings(artefacts: Iterable[Artefact]) -> tuple[Artefact, ...]:
    """Inputs of one role whose order means nothing: no label, list or source decides it.

    An order by identity would change with every edit of the code, and with it the last bits of a
    sum over three.
    """
    return tuple(sorted(artefacts, key=lambda artefact: artefact.asked))
