"""Carrying results over to their new identity, after a refactor that changes no result.

Only what the last publication of a study names is carried, and only where nothing but the source
differs: same settings, same inputs. Tables, figures and report are made anew, in seconds, so
that they say what was carried. It is a person's word that the code still computes the same; the
word is kept beside each result.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from distilscope import store
from distilscope.commands.configured import study_of
from distilscope.configuration.kinds import ConfigurationError
from distilscope.planning import record
from distilscope.planning.artefact import Artefact
from distilscope.planning.record import Known, Record
from distilscope.planning.state import StoreState, in_order
from distilscope.planning.study import Study
from distilscope.store import accepted
from distilscope.workflow.settled import link

MADE_ANEW = ("tables", "figures", "report")


@dataclass(frozen=True)
class Carried:
    """A result under its new identity.

    Attributes:
        artefact: whose result it is now.
        origin: the folder of the result as it was computed.
        changed: names of the modules that differ.
    """

    artefact: Artefact
    origin: Path
    changed: tuple[str, ...]


def matches(study: Study, published: Record) -> tuple[list[Carried], list[Artefact]]:
    """What can be carried over, inputs first, and what has to be computed after all."""
    origins: dict[Path, Path] = {}
    found: list[Carried] = []
    left: list[Artefact] = []
    state = StoreState(study)
    for artefact in in_order(study):
        if artefact.kind in MADE_ANEW or state.is_whole(artefact):
            continue
        match = _match(artefact, published, origins)
        if match is None:
            left.append(artefact)
        else:
            origins[artefact.folder] = match.origin
            found.append(match)
    return found, left


def _match(artefact: Artefact, published: Record, origins: Mapping[Path, Path]) -> Carried | None:
    """The published result whose only difference from the artefact is its source."""
    expected = _inputs(json.loads(artefact.job())["inputs"], origins)
    for folder, known in _candidates(artefact, published):
        if not all((folder / name).is_file() for name in artefact.outputs):
            continue
        run = store.read_json(folder / "run.json", inputs=dict, settings=dict)
        same = store.canonical_json(run["settings"]) == store.canonical_json(artefact.settings)
        if same and _inputs(run["inputs"], {}) == expected:
            return Carried(artefact, folder, _changed(known.parts, artefact.source.parts))
    return None


def _inputs(
    inputs: Mapping[str, str | list[str]], origins: Mapping[Path, Path]
) -> dict[str, list[str]]:
    """By role the identities under which they were computed, in no order.

    Args:
        inputs: their folders. origins: of those that are to be carried, whence.
    """
    return {
        role: sorted(
            _computed(origins.get(Path(place), Path(place)))
            for place in ([found] if isinstance(found, str) else found)
        )
        for role, found in inputs.items()
    }


def _computed(folder: Path) -> str:
    """The identity under which a result was computed, however often it was carried since."""
    entries = accepted.read(folder)
    return entries[0]["from"] if entries else folder.name.rpartition(".")[2]


def _candidates(artefact: Artefact, published: Record) -> Iterator[tuple[Path, Known]]:
    """What was carried over from published results of that name, the last first, then those."""
    place = artefact.folder.parent
    for known in published.artefacts.get((artefact.kind, artefact.slug), ()):
        carried = []
        for folder in place.glob(f"{artefact.slug}.*"):
            entries = accepted.read(folder)
            if any(entry["from"] == known.identity for entry in entries):
                carried.append((len(entries), folder))
        for _, folder in sorted(carried, reverse=True):
            yield folder, known
        yield place / f"{artefact.slug}.{known.identity}", known


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    names = dict.fromkeys([*before, *after])
    return tuple(name for name in names if before.get(name) != after.get(name))


def carry(carried: Carried, outputs: list[str], why: str) -> None:
    """Give a result its new folder: its files are linked, `run.json` names the new identity.

    Raises:
        DamagedFile: a file is not as it was written.
    """
    artefact = carried.artefact
    for name in outputs:
        store.verify(carried.origin / name)
    for name in outputs:
        if name != "run.json":
            for file in (name, f"{name}{store.DIGEST_SUFFIX}"):
                link(carried.origin / file, artefact.folder / file)
    job = json.loads(artefact.job())
    run = store.read_json(carried.origin / "run.json")
    renamed = {key: job[key] for key in ("identity", "inputs")}
    store.write_json(artefact.folder / "run.json", {**run, **renamed})
    entry: dict[str, Any] = {
        "why": why,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "from": carried.origin.name.rpartition(".")[2],
        "changed": list(carried.changed),
    }
    accepted.write(artefact.folder, [*accepted.read(carried.origin), entry])


def main(path: Path, root: Path, why: str) -> int:
    """Carry over what differs from the published results of the study by its source alone."""
    if not why.strip():
        raise ConfigurationError(
            'say why the results stand: make accept WHY="renamed a function in the loss"'
        )
    study = study_of(path, root)
    published = record.read(study.configuration.study)
    if published is None:
        raise ConfigurationError(
            f"{study.published}/ holds no published study that results could be carried from; "
            "run it once before the code is edited"
        )
    found, left = matches(study, published)
    for carried in found:
        carry(carried, carried.artefact.outputs, why.strip())
        print(f"{carried.artefact.folder} from {carried.origin.name}")
    edited = dict.fromkeys(name for carried in found for name in carried.changed)
    print(f"{len(found)} results carried over; edited: {', '.join(edited) or 'nothing'}.")
    if left:
        print(f"{len(left)} differ in more than their source, or have no earlier files:")
        print("\n".join(f"  {artefact.folder}" for artefact in left))
    return 0
