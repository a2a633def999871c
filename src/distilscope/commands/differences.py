"""Why artefacts of a study are to be made again, compared with what was published last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from distilscope import store
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.patterns import ROLES
from distilscope.configuration.study import parse
from distilscope.planning.artefact import Artefact
from distilscope.planning.model import Model
from distilscope.planning.record import Record
from distilscope.planning.state import StoreState, ToMake
from distilscope.planning.study import Study

UNSET = "unset"
MAX_NAMED = 6
"""Modules that a reason names; a refactor of the whole package has hundreds."""
LISTS = ("models", "conditions", "networks", "derived", "audits", "configuration", "figures")
NAMED_BY = {"dataset": ("data.name",), "texts": ("data.name",), "tables": ("study",)}
"""Which settings bring an artefact of a new name; of an analysis' own it is the analysis."""

UNSEEN = ("title", "device", "data_folder")
WORDS = {
    **{role: (role, f"{role}s") for role in ROLES},
    "model": ("model", "models"),
    "result": ("result is", "results are"),
    "dataset": ("dataset", "datasets"),
    "texts": ("set of texts", "sets of texts"),
    "parts": ("set of parts", "sets of parts"),
    "networks": ("check of networks", "checks of networks"),
    "program": ("program", "programs"),
    "derived": ("derived model", "derived models"),
    "combined": ("committee", "committees"),
    "compressed": ("compressed model", "compressed models"),
    "perturbed": ("stand-in", "stand-ins"),
    "planted": ("planted dataset", "planted datasets"),
    "probe": ("made probe", "made probes"),
    "probe_observation": ("observation of made probes", "observations of made probes"),
    "views": ("set of drawn views", "sets of drawn views"),
    "targets": ("table of targets", "tables of targets"),
    "prepared": ("preparation of an objective", "preparations of objectives"),
    "generations": ("set of a teacher's texts", "sets of teachers' texts"),
    "observation": ("observation", "observations"),
    "layer_noise": ("measurement of layers", "measurements of layers"),
    "comparison": ("comparison", "comparisons"),
    "tables": ("tables", "tables"),
    "figures": ("figures", "figures"),
    "report": ("report", "report"),
}
CONFIGURED_BY = {
    "dataset": ("data.",),
    "texts": ("data.",),
    "observation": ("observe.", "threads", "analyses."),
    "comparison": ("analyses.", "observe.", "data."),
    "tables": ("analyses.", "statistics.", "report.", "claims", "study"),
    "figures": ("report.", "scale", "analyses."),
    "report": ("",),
}


def flatten(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of each leaf; lists are leaves, and so is a mapping that is empty."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from flatten(item, f"{place}.{key}" if place else str(key))
    else:
        yield place, value


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The leaves that differ: path -> (before, after), `UNSET` where there was or is none."""
    old, new = dict(flatten(before)), dict(flatten(after))
    return {
        path: (old.get(path, UNSET), new.get(path, UNSET))
        for path in dict.fromkeys([*old, *new])
        if store.canonical_json(old.get(path, UNSET)) != store.canonical_json(new.get(path, UNSET))
        and {} not in (old.get(path), new.get(path))
    }


def worded(path: str, before: Any, after: Any) -> str:
    """`recipes.teacher.epochs 7 → 8`."""
    return f"{path} {_short(before)} → {_short(after)}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else store.canonical_json(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def counted(count: int, word: str) -> str:
    """`1 student`, `2 students`, `tables`: a role or a kind of artefact with its number."""
    one, many = WORDS[word]
    return one if one == many else f"{count} {one if count == 1 else many}"


@dataclass(frozen=True)
class Reasons:
    """The reasons for what is pending, group by group.

    Attributes:
        study: as it is configured now.
        pending: what a run would do.
        record: what was published last.
        root: the workflow's folder.
    """

    study: Study
    pending: ToMake
    record: Record
    root: Path

    def lines(self) -> list[str]:
        """A line a reason, in the order of the work: `6 students: T 8 added`."""
        groups: dict[str, list[Artefact]] = {}
        for artefact in self.pending.artefacts:
            for reason in self._reasons(artefact):
                groups.setdefault(reason, []).append(artefact)
        return [f"{self._counted(found)}: {reason}" for reason, found in groups.items()]

    def already_there(self) -> list[str]:
        """A line for what is there and was not published: carried over, or another study's."""
        known = {one.identity for many in self.record.artefacts.values() for one in many}
        new = [a for a in self.study.artefacts.values() if a.identity not in known]
        count = sum(map(StoreState(self.study).is_whole, new))
        if not count:
            return []
        return [f"{counted(count, 'result')} there that the published study has not used"]

    def edits(self) -> list[str]:
        """Every difference of the configuration that can change something."""
        return [edit for edit in self._edits_in_words(("",)) if not edit.startswith(UNSEEN)]

    def _edits_in_words(self, places: tuple[str, ...]) -> list[str]:
        edits = self._configuration.items()
        return [worded(path, *values) for path, values in edits if path.startswith(places)]

    def no_longer(self) -> list[str]:
        """A line for models that were published and are not asked for any more."""
        if self._before is None:
            return []
        gone = [m for m in self._before.models if m.id not in self.study.by_id]
        groups = Counter(_new_values(model, self.study.models) for model in gone)
        return [
            f"{counted(count, 'model')} no longer asked for: {what or 'a combination'} removed"
            for what, count in groups.items()
        ]

    def _reasons(self, artefact: Artefact) -> list[str]:
        """Why this one is made; empty where only its inputs are the reason."""
        known = self.record.artefacts.get((artefact.kind, artefact.slug))
        if known is None:
            return self._why_new(artefact)
        if any(one.identity == artefact.identity for one in known):
            return ["their files are missing"]
        edited = [_edited(one.parts, artefact.source.parts) for one in known]
        found = [] if [] in edited else [f"source of {_some(edited[0])} edited"]
        found = [*self._settings(artefact), *found]
        return [", ".join(found)] if found else []

    def _why_new(self, artefact: Artefact) -> list[str]:
        model = self._models.get(artefact.folder)
        if model is None:
            own = self._analysis.get(artefact.folder)
            return self._edits_in_words((own,) if own else NAMED_BY.get(artefact.kind, ()))
        if self._before is None:
            return ["new"]
        return [f"{_new_values(model, self._before.models) or 'another combination'} added"]

    @cached_property
    def _analysis(self) -> dict[Path, str]:
        """Where the configuration speaks of what is made for one analysis alone."""
        return {
            artefact.folder: f"analyses.{name}."
            for name, plan in self.study.plans.items()
            for artefact in plan.artefacts
        }

    @cached_property
    def _models(self) -> dict[Path, Model]:
        return {model.artefact.folder: model for model in self.study.models}

    @cached_property
    def _before(self) -> Study | None:
        """The published configuration with the present source: what differs is configured."""
        try:
            configuration = parse(self.record.configuration, recorded=True)
            return Study(configuration, self.record.precision, self.root)
        except ConfigurationError:
            return None

    @cached_property
    def _configuration(self) -> dict[str, tuple[Any, Any]]:
        now = self.study.configuration.model_dump(mode="json")
        return changed(self.record.configuration, now)

    def _settings(self, artefact: Artefact) -> list[str]:
        """What of its own settings differs, in the configuration's words where they have some."""
        if self._before is None:
            return []
        if self.pending.artefacts == (self.study.report,):  # it shows what nothing else uses
            return self.edits()
        alike = [
            changed(_plain(other), _plain(artefact))
            for other in self._before.artefacts.values()
            if (other.kind, other.slug) == (artefact.kind, artefact.slug)
        ]
        if not alike or {} in alike:
            return []
        found: dict[str, None] = {}
        for path, (before, after) in alike[0].items():
            for words in self._configured(artefact, path, after) or [worded(path, before, after)]:
                found[words] = None
        return list(found)

    def _configured(self, artefact: Artefact, path: str, after: Any) -> list[str]:
        """The edits of the configuration that are behind an artefact's changed setting."""
        leaf = path.rpartition(".")[2]
        return [
            worded(edit, *values)
            for edit, values in self._configuration.items()
            if edit.rpartition(".")[2] in (leaf, "per_image" if leaf == "tabulated" else leaf)
            and values[1] in (after, "all" if after is None else after)
            and edit.startswith(self._places(artefact))
        ]

    def _places(self, artefact: Artefact) -> tuple[str, ...]:
        """Where the configuration speaks of an artefact."""
        model = self._models.get(artefact.folder)
        if model is None:
            shared = ("data.", "observe.", "threads")
            own = self._analysis.get(artefact.folder)
            return (own, *shared) if own else CONFIGURED_BY.get(artefact.kind, ("",))
        configuration = self.study.configuration
        entry = configuration.teachers.get(model.network) or configuration.students[model.network]
        places = ("teachers", "students")
        own = tuple(f"{place}.{model.network}." for place in places)
        return (*own, f"recipes.{entry.recipe}.", "threads", "precision")

    def _counted(self, group: list[Artefact]) -> str:
        counts: Counter[str] = Counter()
        above = self._kinds_above(group)
        for artefact in group:
            if above[artefact.folder] - {artefact.kind}:
                continue
            model = self._models.get(artefact.folder)
            counts[model.role if model else artefact.kind] += 1
        words = [counted(n, key) for key, n in counts.items()]
        trains_below = any(above[folder] for folder in above if folder in self._models)
        return " and ".join(words) + (" and all below" if trains_below else "")

    def _kinds_above(self, group: Iterable[Artefact]) -> dict[Path, set[str]]:
        """For all that is pending: of which kinds it has artefacts of the group above it."""
        own = {artefact.folder for artefact in group}
        above: dict[Path, set[str]] = {}
        for artefact in self.pending.artefacts:  # inputs come before what is made from them
            kinds: set[str] = set()
            for needed in artefact.direct_inputs():
                kinds |= above.get(needed.folder, set())
                kinds |= {needed.kind} if needed.folder in own else set()
            above[artefact.folder] = kinds
        return above


def _plain(artefact: Artefact) -> dict[str, Any]:
    """Its own settings, without what only says which models and settings there are."""
    return {k: v for k, v in artefact.settings.items() if k not in LISTS}


def _some(names: list[str]) -> str:
    """The first names, and how many others there are."""
    others = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {others} more" if others > 0 else "")


def _edited(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What both are computed by and that differs; what one has alone another setting brought."""
    return [name for name in before if name in after and before[name] != after[name]]


def _new_values(model: Model, others: Iterable[Model]) -> str:
    """What of a model none of the others has: `T 8`, `student tiny, seed 3`."""
    others = [other for other in others if (other.role == model.role)]
    if not others:
        return WORDS[model.role][1]
    found = []
    for name, value in _named(model).items():
        had = {_named(other).get(name) for other in others}
        if value is not None and value not in had:
            found.append(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}")
    return ", ".join(found)


def _named(model: Model) -> dict[str, Any]:
    """What a model may differ in, by the names that the configuration has for it."""
    own = model.condition
    return {
        "student": own.network,
        "objective": own.objective,
        **dict(own.parameters),
        "teacher": " + ".join(own.teachers) or None,
        "seed": model.seed,
    }
