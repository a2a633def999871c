"""A job: the settings of the artefact it makes, its inputs and its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilscope.store.contents import Content

if TYPE_CHECKING:
    from distilscope.workflow.unchanged import Watch


@dataclass(frozen=True)
class Job:
    """One artefact to make.

    Attributes:
        kind: `dataset`, `model`, `targets`, `observation`, `comparison`, `tables` ...
        slug: its name for people, such as `tiny-kd-T4-a0.9-s1`.
        identity: 12 hex digits, the hash of everything the artefact is a function of.
        settings: what the identity covers, resolved; JSON values only.
        inputs: role -> folder, or list of folders, of the artefacts it is made from.
        folder: where its files go.
        information: what the job needs and the identity does not cover (titles, places).
        device: `cpu` or `cuda`.
        processes: how many processes it may work with, which changes no result.
        source: fingerprint of the code that computes it, and `parts`, the digests that make it up.
        contents: the user's files that it is made from, by the setting that names them.
        watch: what it saw of these when it began; None where nobody looked.
    """

    kind: str
    slug: str
    identity: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, str | list[str]]
    folder: Path
    information: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    processes: int = 1
    source: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    contents: Mapping[str, Content] = field(default_factory=dict)
    watch: Watch | None = field(default=None, compare=False)

    @classmethod
    def from_json(cls, text: str, device: str = "cpu") -> Job:
        """The job that `to_json` wrote."""
        fields = json.loads(text)
        contents = {name: Content(**found) for name, found in fields["contents"].items()}
        fields |= {"folder": Path(fields["folder"]), "contents": contents}
        return cls(**fields, device=device)

    def to_json(self) -> str:
        """Sorted keys, so that the same job is the same text."""
        return json.dumps(
            {
                **self.record(),
                "folder": str(self.folder),
                "information": dict(self.information),
                "source": self.source,
                "parts": dict(self.parts),
                "contents": {name: asdict(found) for name, found in self.contents.items()},
            },
            sort_keys=True,
        )

    def record(self) -> dict[str, Any]:
        """What `run.json` says of the artefact."""
        return {
            "kind": self.kind,
            "slug": self.slug,
            "identity": self.identity,
            "settings": dict(self.settings),
            "inputs": dict(self.inputs),
        }

    @property
    def made_by(self) -> str | None:
        """Dotted path of the function that makes it, where the rule's script does not know: what
        its examples are decides.
        """
        return self.information.get("made_by")

    def input(self, role: str) -> Path:
        """The folder of the one input in that role."""
        folder = self.inputs[role]
        if not isinstance(folder, str):
            raise TypeError(f"{self.slug}: input {role!r} is a list; use inputs_of")
        return Path(folder)

    def inputs_of(self, role: str) -> list[Path]:
        """The folders in that role; empty where the artefact has none."""
        folders = self.inputs.get(role, [])
        return [Path(folders)] if isinstance(folders, str) else [Path(f) for f in folders]
