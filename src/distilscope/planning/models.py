"""The models of a study: which there are, what each learns from, and what it is compared with."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from distilscope import catalog
from distilscope.configuration.grid import GridEntry, TaughtEntry
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.networks import Network, Teacher
from distilscope.configuration.patterns import ROLES
from distilscope.configuration.recipes import Recipe
from distilscope.configuration.study import Configuration
from distilscope.planning import labels, modality
from distilscope.planning.artefact import Artefact
from distilscope.planning.changed import changed
from distilscope.planning.committees import Committees, check_classes
from distilscope.planning.conditions import Condition
from distilscope.planning.families import Families
from distilscope.planning.model import FAMILY, Model
from distilscope.planning.sources import Sources
from distilscope.planning.training import Training


class ModelPlan:
    """Enumerates the models of a configuration with their artefacts.

    Args:
        known: teachers that there are already, by the name of their entry: they are not trained on
            this dataset.

    Attributes:
        models: teachers, twins and committees, then the others, in the order of `ROLES`.
        sources: what made their artefacts.
    """

    def __init__(
        self,
        configuration: Configuration,
        precision: str,
        dataset: Artefact,
        known: Mapping[str, list[Model]] | None = None,
    ) -> None:
        self.configuration = configuration
        check_classes(configuration)
        self.modality = modality.of(configuration)
        self.sources = Sources(self.modality, precision, configuration.threads, dataset)
        families = {
            name: (known or {}).get(name) or self._family(name) for name in configuration.teachers
        }
        self.families = Families(configuration, families)
        self.committees = Committees(self.families, self.sources)
        self.models = self._models()

    def _models(self) -> tuple[Model, ...]:
        students = [*self._given_students(), *self._grid(), *self._floors()]
        families = itertools.chain(*self.families.members.values())
        every = [*families, *self.committees.found.values(), *students]
        every += [*changed(self.configuration, every, self.sources)]
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
        places = {name: place for place, name in enumerate(catalog.CHANGES)}
        if model.role in FAMILY:
            later = own.network != next(iter(self.configuration.teachers))
            return (role, later, own.network, (own.role == "twin") * model.seed)
        values = tuple((places.get(name, -1), value) for name, value in own.parameters)
        by = model.teachers or ("",)
        return (role, own.network, own.objective or "", by, values, model.seed)

    # ----------------------------------------------------------------------------- by role

    def _family(self, name: str) -> list[Model]:
        """The models of one teacher entry: those students learn from, then the twins."""
        entry = self.configuration.teachers[name]
        objective, parameters = (None, ()) if entry.given else entry.objective.reduced
        members: list[Model] = []
        for place, (slug, seed, own) in enumerate(self._of_family(name, entry)):
            role = "teacher" if place < len(entry.seeds) else "twin"
            if own.given:
                artefact = self.sources.given(slug, own)
            else:
                training = Training(self._recipe(name), objective, parameters)
                artefact = self.sources.trained(slug, own, training, seed)
            condition = self._condition(role, name, objective, parameters)
            references = (members[0].id,) if members else ()
            members.append(self._model(slug, condition, seed, artefact, entry, (), references))
        return members

    @staticmethod
    def _of_family(name: str, entry: Teacher) -> Iterator[tuple[str, int, Teacher]]:
        """(file's name, seed, entry) of each member; a second checkpoint has its own weights."""
        if not entry.given:
            yield from ((f"{name}-s{seed}", seed, entry) for seed in [*entry.seeds, *entry.twins])
            return
        yield name, entry.seeds[0], entry
        for number, weights in enumerate(entry.second, start=1):
            other = entry.model_copy(update={"weights": weights, "second": []})
            yield f"{name}-second{number}", entry.seeds[0] + number, other

    def _given_students(self) -> Iterator[Model]:
        for name, entry in self.configuration.students.items():
            if entry.given:
                condition = self._condition("student", name, None)
                artefact = self.sources.given(name, entry)
                teacher = next(iter(self.families.members.values()))[0].id
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
            yield self._control(name, objective, parameters, seed, entry.lr)
            return
        for names in map(sorted, entry.committee or ()):
            members = self.families.committee(names, seed)
            yield self._student(entry, name, objective, parameters, seed, tuple(names), members)
        for family in self.families.of(entry):
            reference = self.families.teacher(family, seed)
            teacher = self.families.twin(reference) if entry.taught_by == "twin" else reference
            references = (reference.id,)
            yield self._student(
                entry, name, objective, parameters, seed, (family,), [teacher], references
            )

    def _student(
        self,
        entry: TaughtEntry,
        name: str,
        objective: str,
        parameters: tuple[tuple[str, Any], ...],
        seed: int,
        teachers: tuple[str, ...],
        models: Sequence[Model],
        references: tuple[str, ...] = (),
    ) -> Model:
        """A student that learns from models; a committee's is compared with it and its members."""
        members = tuple(model.id for model in models)
        combine = (entry.combine or "losses") if entry.committee else None
        in_training_mode = entry.teachers_in_training_mode
        if not references:
            references = (*members, *self._committee(models, combine))
        role = "student" if members[0] in references else "twin-taught"
        role = "training-mode-taught" if in_training_mode else role
        condition = self._condition(role, name, objective, parameters, teachers, combine)
        student = self.configuration.students[name]
        recipe = self._recipe(name, entry.lr)
        training = Training(recipe, objective, parameters, tuple(models), combine, in_training_mode)
        # The file's name leaves the teacher out: another teacher added renames no file.
        slug = f"{labels.key(condition)}-s{seed}"
        artefact = self.sources.trained(slug, student, training, seed)
        id = f"{self.key(condition)}-s{seed}"
        return self._model(id, condition, seed, artefact, student, members, references)

    def _control(
        self,
        name: str,
        objective: str,
        parameters: tuple[tuple[str, Any], ...],
        seed: int,
        lr: float | None,
    ) -> Model:
        """A student without a teacher, compared with each teacher of the students like it."""
        condition = self._condition("control", name, objective, parameters)
        entry = self.configuration.students[name]
        slug = f"{labels.key(condition)}-s{seed}"
        training = Training(self._recipe(name, lr), objective, parameters)
        artefact = self.sources.trained(slug, entry, training, seed)
        return self._model(slug, condition, seed, artefact, entry, (), self._references(name, seed))

    def _floors(self) -> Iterator[Model]:
        for name in self.configuration.floors:
            entry = self.configuration.students[name]
            for seed in self.configuration.seeds:
                condition = self._condition("floor", name, None)
                slug = f"{labels.key(condition)}-s{seed}"
                artefact = self.sources.untrained(slug, entry, seed)
                references = self._references(name, seed)
                yield self._model(slug, condition, seed, artefact, entry, (), references)

    def _references(self, student: str, seed: int) -> tuple[str, ...]:
        """What a student without a teacher is compared with: the teachers of those like it.

        Where no student of its network learns from any, it is the first entry's teacher.
        """
        grid = [e for e in self.configuration.grid if isinstance(e, TaughtEntry)]
        entries = [entry for entry in grid if student in entry.students]
        teachers = {self._teacher(name, seed) for e in entries for name in self.families.of(e)}
        committees: set[str] = set()
        for entry, names in ((e, names) for e in entries for names in e.committee or ()):
            members = self.families.committee(sorted(names), seed)
            teachers |= {member.id for member in members}
            committees |= {*self._committee(members, entry.combine)}
        # In the order of the configuration's teachers, whatever the order of the grid.
        known = (model.id for model in itertools.chain(*self.families.members.values()))
        found = (*(name for name in known if name in teachers), *sorted(committees))
        return found or (self._teacher(next(iter(self.configuration.teachers)), seed),)

    def _committee(self, members: Sequence[Model], combine: str | None) -> list[str]:
        """The id of the committee as one model; none where the modality has no such model."""
        answers = self.modality.committees_answer
        return [self.committees.of(members, combine).id] if answers else []

    def _teacher(self, name: str, seed: int) -> str:
        return self.families.teacher(name, seed).id

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
            "given" if entry.given and role != "floor" else "trained",
            objective,
            parameters,
            teachers,
            combine if len(teachers) > 1 else None,
            self.modality.views(recipe) if recipe else None,
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
        layers = entry.layers or (known.layers if known else {})
        explained = tuple(entry.explained or (known.explained if known else ()))
        return Model(
            id=id,
            condition=condition,
            seed=seed,
            artefact=artefact,
            architecture=entry.architecture,
            layers=layers,
            explained=explained,
            head=_head(entry, known, layers[explained[0]] if explained else None),
            preprocessing=entry.preprocessing.settings() if entry.preprocessing else None,
            teachers=teachers,
            references=references,
        )

    def _recipe(self, name: str, lr: float | None = None) -> Recipe:
        """The recipe of a teacher or student, at the learning rate of an entry of the grid."""
        recipe = self.configuration.recipe_of(name)
        if recipe is None:
            raise ConfigurationError(
                f"{name}: it is in the grid and has no `recipe`; name one of `recipes`"
            )
        if lr is not None:
            optimizer = recipe.optimizer.model_copy(update={"lr": lr})
            recipe = recipe.model_copy(update={"optimizer": optimizer})
        return recipe


def _head(entry: Network, known: catalog.Architecture | None, path: str | None) -> str | None:
    """The entry's head, or the catalogue's, which is behind the catalogue's own last block alone.

    None where the logits are not its rows: maps then come by the gradient.
    """
    if entry.classes is not None or entry.probabilities:
        return None
    blocks = known.explained[:1] if known else ()
    own = known.head if any(path == known.layers[block] for block in blocks) else None
    return entry.head or own
