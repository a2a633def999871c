"""The models of a study, and what each is compared with, as the settings describe them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Compared:
    """A model beside a reference, and what the reference is to it.

    Attributes:
        folder: of their comparison; None where no analysis compares them image by image.
    """

    model: Entry
    reference: str
    relation: str
    folder: Path | None = None

    def has(self, file: str) -> bool:
        """Whether the comparison has that file."""
        return self.folder is not None and (self.folder / file).exists()


@dataclass(frozen=True)
class Entry:
    """A model of the study as the settings describe it.

    Attributes:
        id: its name in every table. condition: name of its condition.
        teachers: ids of the models that it learned from.
        explained: the layers whose maps are compared, that of the headline first.
        folder: of its artefact. observation: what it said.
        references: id of a reference, what it is to the model, and the comparison's folder.
    """

    id: str
    condition: str
    role: str
    network: str
    source: str
    architecture: str | None
    seed: int
    teachers: tuple[str, ...]
    identity: str
    explained: tuple[str, ...]
    folder: Path
    observation: Path
    references: tuple[tuple[str, str, Path | None], ...] = ()

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Entry:
        """From one of `settings["models"]`.

        Raises:
            ValueError: a key is missing.
        """
        plain = ("id", "condition", "role", "network", "source", "architecture", "seed", "identity")
        try:
            return cls(
                **{key: row[key] for key in plain},
                teachers=tuple(row["teachers"]),
                explained=tuple(row["explained"]),
                folder=Path(row["model"]),
                observation=Path(row["observation"]),
                references=tuple(
                    (one["reference"], one["relation"], one["folder"] and Path(one["folder"]))
                    for one in row["comparisons"]
                ),
            )
        except KeyError as error:
            raise ValueError(f"a model of the tables lacks {error}; it says {dict(row)}") from None

    @property
    def compared(self) -> list[Compared]:
        """Its comparisons, those with its own teachers first."""
        return [Compared(self, *reference) for reference in self.references]

    @property
    def reference(self) -> str | None:
        """The first model that it is compared with."""
        return self.references[0][0] if self.references else None

    @property
    def last_block(self) -> str | None:
        """The layer of its headline maps."""
        return self.explained[0] if self.explained else None


def first_with_reference(compared: Sequence[Compared], reference: str) -> Compared | None:
    """The first comparison with a reference; None where it is no reference."""
    return next((each for each in compared if each.reference == reference), None)
