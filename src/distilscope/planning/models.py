"""The models of a study: which there are, what each learns from, and what it is compared with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from distilscope import catalog
from distilscope.configuration.grid import GridEntry, TaughtEntry
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.networks import Network, Recipe
from distilscope.configuration.patterns import ROLES
from distilscope.configuration.study import Configuration
from distilscope.planning import labels
from distilscope.planning.artefact import Artefact
from distilscope.planning.conditions import Condition
from distilscope.planning.sources import Sources

FAMILY = ("teacher", "twin")


@dataclass(frozen=True)
class Model:
    """A model of the study.

    Attributes:
        id: its condition's name and its seed; its name in every table.
        condition: how it came to be, apart from the seed.
        teachers: ids of the models that it learned from.
        references: ids of the models that stand for its teacher: it is compared with them, its own
            first. None where it is the first of its family.
        layers: name -> module path, input to output. explained: those whose maps are kept, the
            last block first. head: path of the linear layer behind it, or None.
        preprocessing: its own mean and std, or None for the data set's.
    """

    id: str
    condition: Condition
    seed: int
    artefact: Artefact
    architecture: str | None
    layers: Mapping[str, str]
    explained: tuple[str, ...]
    head: str | None
    preprocessing: Mapping[str, Any] | None
    teachers: tuple[str, ...] = ()
    references: tuple[str, ...] = ()

    @property
    def role(self) -> str:
        """Of its condition."""
        return self.condition.role

    @property
    def network(self) -> str:
        """Of its condition."""
        return self.condition.network

    @property
    def reference(self) -> str | None:
        """The first of its references."""
        return self.references[0] if self.references else None

    @property
    def words(self) -> str:
        """`student 'tiny' (kd, T 2.0, alpha 0.9, seed 1)`."""
        own = self.condition
        parameters = [f"{name} {value!r}" for name, value in own.parameters]
        objective = [own.objective] if own.objective else []
        kind = "the untrained" if own.role == "floor" else own.role
        told = ", ".join([*objective, *parameters, f"seed {self.seed}"])
        return f"{kind} {own.network!r} ({told})"


class ModelPlan:
    """Enumerates the models of a configuration with their artefacts.

    Args:
        known: teachers that there are already, by the name of their entry: they are not trained on
            this dataset.

    Attributes:
        models: teachers, twins and committees, then the others, in the order of `ROLES`.
        targets: the tables of teachers' logits that the students learn from, by name.
    """

    def __init__(
        self,
        configuration: Configuration,
        precision: str,
        dataset: Artefact,
        known: Mapping[str, list[Model]] | None = None,
    ) -> None:
        self.configuration = configuration
        self.sources = Sources(precision, configuration.threads, dataset)
        self.families = {
            name: (known or {}).get(name) or self._family(name) for name in configuration.teachers
        }
        self.committees: dict[tuple[str, ...], Model] = {}
        self.models = self._models()

    @property
    def targets(self) -> dict[str, Artefact]:
        """The tables that the students learn from."""
        return self.sources.targets

    def _models(self) -> tuple[Model, ...]:
        students = [*self._given_students(), *self._grid(), *self._floors()]
        every = [*itertools.chain(*self.families.values()), *self.committees.values(), *students]
        found: dict[str, Model] = {}
        for model in every:
            known = found.setdefault(model.id, model)
            if (known.artefact.identity, known.role) != (model.artefact.identity, model.role):
                raise ConfigurationError(
                    f"{known.words} and {model.words} would both be called {model.id!r}; give one "
                    "of them another name, or a value that differs in its first twelve digits"
                )
        return tuple(sorted(found.values(), key=self._order))

    def _order(self, model: Model) -> tuple:
        """The same whatever the order of the grid, of seeds and of values in the configuration.

        Of teachers the order means something: the first entry is the default, and the seeds of
        an entry serve the students in turn.
        """
        own, role = model.condition, ROLES.index(model.role)
        if model.role in FAMILY:
            later = own.network != next(iter(self.configuration.teachers))
            return (role, later, own.network, (own.role == "twin") * model.seed)
        values = tuple(value for _, value in own.parameters)
        by = model.teachers or ("",)
        return (role, own.network, own.objective or "", by, values, model.seed)

    # ----------------------------------------------------------------------------- by role

    def _family(self, name: str) -> list[Model]:
        """The models of one teacher entry: those students learn from, then the twins."""
        entry = self.configuration.teachers[name]
        members: list[Model] = []
        for place, seed in enumerate([*entry.seeds, *entry.twins]):
            role = "teacher" if place < len(entry.seeds) else "twin"
            slug = name if entry.weights else f"{name}-s{seed}"
            artefact = (
                self.sources.given(slug, entry)
                if entry.weights
                else self.sources.trained(slug, entry, self._recipe(name), "ce", (), seed)
            )
            condition = self._condition(role, name, None if entry.weights else "ce")
            references = (members[0].id,) if members else ()
            members.append(self._model(slug, condition, seed, artefact, entry, (), references))
        return members

    def _given_students(self) -> Iterator[Model]:
        for name, entry in self.configuration.students.items():
            if entry.weights:
                condition = self._condition("student", name, None)
                artefact = self.sources.given(name, entry)
                teacher = next(iter(self.families.values()))[0].id
                yield self._model(name, condition, 0, artefact, entry, (), (teacher,))

    def _grid(self) -> Iterator[Model]:
        """Distilled students and label-only controls."""
        for entry in self.configuration.grid:
            for parameters, name in itertools.product(entry.combinations(), entry.students):
                for seed in entry.seeds or self.configuration.seeds:
                    yield from self._of_entry(entry, name, parameters, seed)

    def _of_entry(
        self, entry: GridEntry, name: str, parameters: tuple[tuple[str, Any], ...], seed: int
    ) -> Iterator[Model]:
        """One student under each of the teachers or committees of an entry of the grid."""
        objective = catalog.OBJECTIVES[entry.objective].reduced(dict(parameters))
        kept = catalog.OBJECTIVES[objective].parameters
        parameters = tuple((key, value) for key, value in parameters if key in kept)
        if not isinstance(entry, TaughtEntry) or not catalog.OBJECTIVES[objective].needs_teacher:
            yield self._control(name, objective, parameters, seed)
            return
        for members in entry.committee or ():
            teachers = [self._member(member, seed) for member in members]
            yield self._student(
                name, objective, parameters, seed, tuple(members), teachers, entry.combine
            )
        for family in [] if entry.committee else self._families_of(entry):
            reference = self._teacher_of(self.families[family], seed)
            twin = entry.taught_by == "twin"
            teacher = self._next_to(reference, self.families[family]) if twin else reference
            yield self._student(
                name, objective, parameters, seed, (family,), [teacher], None, (reference.id,)
            )

    def _student(
        self,
        name: str,
        objective: str,
        parameters: tuple[tuple[str, Any], ...],
        seed: int,
        teachers: tuple[str, ...],
        models: Sequence[Model],
        combine: str | None,
        references: tuple[str, ...] = (),
    ) -> Model:
        """A student that learns from models; a committee's is compared with it and its members."""
        members = tuple(model.id for model in models)
        if not references:
            references = (self._committee(teachers, models, combine).id, *members)
        role = "student" if members[0] in references else "twin-taught"
        condition = self._condition(role, name, objective, parameters, teachers, combine)
        entry = self.configuration.students[name]
        # The file's name leaves the teacher out: another teacher added renames no file.
        slug = f"{labels.key(condition)}-s{seed}"
        artefact = self.sources.trained(
            slug, entry, self._recipe(name), objective, parameters, seed, models, combine
        )
        return self._model(
            f"{self.key(condition)}-s{seed}", condition, seed, artefact, entry, members, references
        )

    def _control(
        self, name: str, objective: str, parameters: tuple[tuple[str, Any], ...], seed: int
    ) -> Model:
        """A student without a teacher, compared with each teacher of the students like it."""
        condition = self._condition("control", name, objective, parameters)
        entry = self.configuration.students[name]
        slug = f"{labels.key(condition)}-s{seed}"
        artefact = self.sources.trained(
            slug, entry, self._recipe(name), objective, parameters, seed
        )
        return self._model(slug, condition, seed, artefact, entry, (), self._teachers(name, seed))

    def _floors(self) -> Iterator[Model]:
        for name in self.configuration.floors:
            entry = self.configuration.students[name]
            for seed in self.configuration.seeds:
                condition = self._condition("floor", name, None)
                slug = f"{labels.key(condition)}-s{seed}"
                artefact = self.sources.untrained(slug, entry, seed)
                references = self._teachers(name, seed)
                yield self._model(slug, condition, seed, artefact, entry, (), references)

    def _committee(
        self, names: tuple[str, ...], members: Sequence[Model], combine: str | None
    ) -> Model:
        """The committee as one model, which is made once whatever learns from it."""
        how = "probabilities" if combine == "probabilities" else "logits"
        ids = tuple(member.id for member in members)
        if (*ids, how) not in self.committees:
            condition = Condition("committee", "committee", "combined", None, (), names, how)
            slug = "-".join(["committee", how, *ids])
            model = Model(
                id=slug,
                condition=condition,
                seed=0,
                artefact=self.sources.combined(slug, members, how),
                architecture=None,
                layers={},
                explained=(),
                head=None,
                preprocessing=None,
                teachers=ids,
            )
            self.committees[(*ids, how)] = model
        return self.committees[(*ids, how)]

    # --------------------------------------------------------------------------- teachers

    def _families_of(self, entry: TaughtEntry) -> list[str]:
        """The teacher entries that an entry of the grid learns from, one at a time."""
        if entry.teachers == "each":
            return list(self.families)
        return entry.teachers or [next(iter(self.families))]

    def _teachers(self, student: str, seed: int) -> tuple[str, ...]:
        """The teachers of a student's distilled siblings at a seed; else the first entry's.

        The first entry comes first, and otherwise they are in the order of their names.
        """
        first = next(iter(self.families))
        names: set[str] = set()
        for entry in self.configuration.grid:
            taught = isinstance(entry, TaughtEntry) and not entry.committee
            if taught and student in entry.students:
                names.update(self._families_of(entry))
        ordered = sorted(names or {first}, key=lambda name: (name != first, name))
        return tuple(self._teacher_of(self.families[name], seed).id for name in ordered)

    def _teacher_of(self, family: list[Model], seed: int) -> Model:
        """Student seed i, counted over the study, learns from teacher i mod m."""
        teachers = [model for model in family if model.role == "teacher"]
        return teachers[self._place_of_seed[seed] % len(teachers)]

    def _member(self, member: str, seed: int) -> Model:
        """The model that a member of a committee names: `entry`, or `entry.seed`."""
        name, _, wanted = member.partition(".")
        if not wanted:
            return self._teacher_of(self.families[name], seed)
        return next(model for model in self.families[name] if model.seed == int(wanted))

    @cached_property
    def _place_of_seed(self) -> dict[int, int]:
        """Every seed of students in the order of the configuration: the study's, then entries' own.

        One order for all entries, so that a seed has one teacher wherever it is trained.
        """
        own = (entry.seeds or [] for entry in self.configuration.grid)
        known = dict.fromkeys(itertools.chain(self.configuration.seeds, *own))
        return {seed: place for place, seed in enumerate(known)}

    @staticmethod
    def _next_to(reference: Model, family: list[Model]) -> Model:
        """Another model of the reference's family: the next of its teachers and twins."""
        if len(family) < 2:
            raise ConfigurationError(
                f"grid: `taught_by: twin` needs another model like {reference.id}; give teacher "
                f"{reference.network!r} a seed in `twins`, or another in `seeds`"
            )
        return family[(family.index(reference) + 1) % len(family)]

    # ------------------------------------------------------------------------------ details

    def key(self, condition: Condition) -> str:
        """The name of a condition: with its teachers where students have several."""
        name = labels.key(condition)
        taught = condition.source != "combined" and condition.teachers
        if taught and (len(condition.teachers) > 1 or len(self.configuration.teachers) > 1):
            return f"{name}-{'_'.join(condition.teachers)}"
        return name

    def _condition(
        self,
        role: str,
        name: str,
        objective: str | None,
        parameters: tuple[tuple[str, Any], ...] = (),
        teachers: tuple[str, ...] = (),
        combine: str | None = None,
    ) -> Condition:
        recipe = self.configuration.recipe_of(name) if objective else None
        entry = self.configuration.teachers.get(name) or self.configuration.students[name]
        return Condition(
            role,
            name,
            "given" if entry.weights else "trained",
            objective,
            parameters,
            teachers,
            combine if len(teachers) > 1 else None,
            recipe.views.policy if recipe else None,
        )

    @staticmethod
    def _model(
        id: str,
        condition: Condition,
        seed: int,
        artefact: Artefact,
        entry: Network,
        teachers: tuple[str, ...],
        references: tuple[str, ...],
    ) -> Model:
        known = catalog.ARCHITECTURES.get(entry.architecture)
        layers = entry.layers or known.layers
        explained = tuple(entry.explained or known.explained)
        return Model(
            id=id,
            condition=condition,
            seed=seed,
            artefact=artefact,
            architecture=entry.architecture,
            layers=layers,
            explained=explained,
            head=entry.head or _known_head(known, layers[explained[0]]),
            preprocessing=entry.preprocessing.model_dump() if entry.preprocessing else None,
            teachers=teachers,
            references=references,
        )

    def _recipe(self, name: str) -> Recipe:
        recipe = self.configuration.recipe_of(name)
        if recipe is None:
            raise ConfigurationError(f"{name}: it is in the grid and has no `recipe`")
        return recipe


def _known_head(known: catalog.Architecture | None, path: str) -> str | None:
    """The catalogue's head, which is behind the catalogue's own last block and no other module."""
    return known.head if known and path == known.layers[known.explained[0]] else None
