"""The models of a study: which there are, what each is trained from, and what it is called."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from distilscope import catalog
from distilscope.configuration.kinds import ConfigurationError, expanded
from distilscope.configuration.networks import Network, Recipe
from distilscope.configuration.study import Configuration
from distilscope.planning import fingerprint
from distilscope.planning.artefact import Artefact
from distilscope.planning.described import content_of, network_settings, recipe_settings
from distilscope.store.contents import Content

ROLES = ("teacher", "twin", "student", "twin-taught", "control", "floor")
MODEL_FILES = ("weights.safetensors", "history.parquet")


@dataclass(frozen=True)
class Model:
    """A model of the study and how it is spoken of.

    `id` is its artefact's slug, with the teacher's name where there are several. `student` is the
    name of the architecture's entry in the configuration; `reference` the id of the model that it
    is compared with, None for the first teacher.
    """

    id: str
    kind: str
    role: str
    student: str
    architecture: str
    layers: Mapping[str, str]
    explained: tuple[str, ...]
    head: str | None
    preprocessing: Mapping[str, Any] | None
    seed: int
    artefact: Artefact
    objective: str | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    teacher: str | None = None
    reference: str | None = None

    @property
    def words(self) -> str:
        """`student 'tiny' (kd, T 2.0, alpha 0.9, seed 1)`."""
        cell = [f"{name} {value!r}" for name, value in self.parameters.items()]
        objective = [self.objective] if self.objective else []
        kind = "the untrained" if self.role == "floor" else self.role
        return f"{kind} {self.student!r} ({', '.join([*objective, *cell, f'seed {self.seed}'])})"


class ModelPlan:
    """Enumerates the models of a configuration with their artefacts.

    `families` are teachers that there are already, by the name of their entry: they are not
    trained on this dataset.

    Attributes:
        models: in the order of `ROLES`.
        targets: the tables of teachers' logits that the students learn from, by name.
    """

    def __init__(
        self,
        configuration: Configuration,
        precision: str,
        dataset: Artefact,
        families: Mapping[str, list[Model]] | None = None,
    ) -> None:
        self.configuration = configuration
        self.families = families or {}
        self.precision = precision
        self.dataset = dataset
        self.targets: dict[str, Artefact] = {}
        self.models = self._models()

    def _models(self) -> tuple[Model, ...]:
        teachers = {
            name: self.families.get(name) or self._family(name)
            for name in self.configuration.teachers
        }
        found: dict[str, Model] = {}
        for model in itertools.chain(
            *teachers.values(),
            self._given_students(teachers),
            self._grid(teachers),
            self._floors(teachers),
        ):
            known = found.setdefault(model.id, model)
            if (known.artefact.identity, known.role) != (model.artefact.identity, model.role):
                raise ConfigurationError(
                    f"{known.words} and {model.words} would both be called {model.id!r}; give one "
                    "of them another name, or a value that differs in its first twelve digits"
                )
        return tuple(sorted(found.values(), key=self._order))

    def _order(self, model: Model) -> tuple:
        """The same whatever the order of the grid, of seeds, of T and alpha in the configuration.

        Of teachers the order means something: the first entry is the default, and the seeds of
        an entry serve the students in turn.
        """
        later = model.student != next(iter(self.configuration.teachers))
        if model.role in ("teacher", "twin"):
            twin = model.role == "twin"
            return (ROLES.index(model.role), later, model.student, twin * model.seed)
        values = tuple(model.parameters.values())
        return (
            ROLES.index(model.role),
            model.student,
            model.objective or "",
            model.teacher or "",
            values,
            model.seed,
        )

    def _family(self, name: str) -> list[Model]:
        """The models of one teacher entry: those students learn from, then the twins."""
        entry = self.configuration.teachers[name]
        members: list[Model] = []
        for position, seed in enumerate([*entry.seeds, *entry.twins]):
            role = "teacher" if position < len(entry.seeds) else "twin"
            artefact = (
                self._given(f"{name}", entry)
                if entry.weights
                else self._trained(f"{name}-s{seed}", entry, self._recipe(name), "ce", {}, seed)
            )
            members.append(
                self._model(
                    artefact,
                    entry,
                    role=role,
                    student=name,
                    seed=seed,
                    objective=None if entry.weights else "ce",
                    reference=members[0].id if members else None,
                )
            )
        return members

    def _given_students(self, teachers: Mapping[str, list[Model]]) -> Iterable[Model]:
        for name, entry in self.configuration.students.items():
            if entry.weights:
                yield self._model(
                    self._given(name, entry),
                    entry,
                    role="student",
                    student=name,
                    seed=0,
                    objective=None,
                    reference=next(iter(teachers.values()))[0].id,
                )

    def _grid(self, teachers: Mapping[str, list[Model]]) -> list[Model]:
        """Distilled students and label-only controls."""
        found: list[Model] = []
        for entry in self.configuration.grid:
            names = list(catalog.OBJECTIVES[entry.objective].parameters)
            values = [getattr(entry, name) for name in names]
            families = getattr(entry, "teachers", None) or [next(iter(teachers))]
            seeds = entry.seeds or self.configuration.seeds
            twin = getattr(entry, "taught_by", "teacher") == "twin"
            for family, student, *cell in itertools.product(families, entry.students, *values):
                for seed in seeds:
                    reference = self._teacher_of(teachers[family], seed)
                    teacher = self._next_to(reference, teachers[family]) if twin else reference
                    parameters = dict(zip(names, cell, strict=True))
                    found.append(
                        self._student(
                            student, seed, entry.objective, parameters, teacher, reference
                        )
                    )
        return found

    def _student(
        self,
        name: str,
        seed: int,
        objective: str,
        parameters: Mapping[str, float],
        teacher: Model,
        reference: Model,
    ) -> Model:
        """A student that learns from `teacher` and is compared with `reference`."""
        plainer = catalog.OBJECTIVES[objective].reduced(parameters)
        if plainer != objective:
            objective, parameters = plainer, {}
        distilled = catalog.OBJECTIVES[objective].needs_teacher
        symbols = catalog.OBJECTIVES[objective].parameters
        cell = "".join(f"-{symbols[k].symbol}{value:.12g}" for k, value in parameters.items())
        several = len(self.configuration.teachers) > 1
        strange = distilled and teacher is not reference
        by = f"-{teacher.student}" if distilled and several else ""
        slug = f"{name}-{objective}{cell}" + ("-by-twin" if strange else "")
        entry = self.configuration.students[name]
        artefact = self._trained(
            f"{slug}-s{seed}",  # without the teacher's name: another teacher added renames no file
            entry,
            self._recipe(name),
            objective,
            parameters,
            seed,
            teacher=teacher if distilled else None,
        )
        return self._model(
            artefact,
            entry,
            id=f"{slug}{by}-s{seed}",
            role="twin-taught" if strange else "student" if distilled else "control",
            student=name,
            seed=seed,
            objective=objective,
            parameters=parameters,
            teacher=teacher.id if distilled else None,
            reference=reference.id,
        )

    def _floors(self, teachers: Mapping[str, list[Model]]) -> Iterable[Model]:
        for name in self.configuration.floors:
            entry = self.configuration.students[name]
            for seed in self.configuration.seeds:
                artefact = self._trained(f"{name}-untrained-s{seed}", entry, None, None, {}, seed)
                yield self._model(
                    artefact,
                    entry,
                    role="floor",
                    student=name,
                    seed=seed,
                    objective=None,
                    reference=self._default_teacher(teachers, seed).id,
                )

    def _default_teacher(self, teachers: Mapping[str, list[Model]], seed: int) -> Model:
        return self._teacher_of(next(iter(teachers.values())), seed)

    def _teacher_of(self, family: list[Model], seed: int) -> Model:
        """Student seed i, counted over the study, learns from teacher i mod m."""
        teachers = [model for model in family if model.role == "teacher"]
        return teachers[self._place_of_seed[seed] % len(teachers)]

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
                f"{reference.student!r} a seed in `twins`, or another in `seeds`"
            )
        return family[(family.index(reference) + 1) % len(family)]

    def _model(self, artefact: Artefact, entry: Network, **spoken: Any) -> Model:
        known = catalog.ARCHITECTURES.get(entry.architecture)
        layers = entry.layers or known.layers
        explained = tuple(entry.explained or known.explained)
        return Model(
            kind=artefact.settings["kind"],
            architecture=entry.architecture,
            layers=layers,
            explained=explained,
            head=entry.head or _known_head(known, layers[explained[0]]),
            preprocessing=entry.preprocessing.model_dump() if entry.preprocessing else None,
            artefact=artefact,
            **{"id": artefact.slug, **spoken},
        )

    def _recipe(self, name: str) -> Recipe:
        recipe = self.configuration.recipe_of(name)
        if recipe is None:
            raise ConfigurationError(f"{name}: it is in the grid and has no `recipe`")
        return recipe

    # --------------------------------------------------------------------- models' artefacts

    def _trained(
        self,
        slug: str,
        entry: Network,
        recipe: Recipe | None,
        objective: str | None,
        parameters: Mapping[str, float],
        seed: int,
        teacher: Model | None = None,
    ) -> Artefact:
        init, init_file = self._init(entry)
        architecture = network_settings(entry)
        settings: dict[str, Any] = {
            "kind": "trained",
            "architecture": architecture,
            "init": init,
            "seed": seed,
            "recipe": None,
            "objective": None,
        }
        modules = ["distilscope.training.train", architecture["builder"]]
        inputs: dict[str, Any] = {"dataset": self.dataset}
        if recipe is not None:
            settings["precision"] = self.precision
            settings["threads"] = self.configuration.threads
            settings["recipe"] = recipe_settings(recipe)
            declared = catalog.OBJECTIVES[objective]
            modules += [declared.loss, catalog.VIEW_POLICIES[recipe.views.policy]]
            settings["objective"] = declared.settings(parameters)
        if teacher is not None:
            online = recipe.targets == "online"
            inputs["teachers" if online else "targets"] = (
                (teacher.artefact,) if online else (self._target_table(teacher, recipe),)
            )
        return Artefact(
            kind="model",
            slug=slug,
            settings=settings,
            source=fingerprint.source(*modules),
            files=MODEL_FILES,
            inputs=inputs,
            information={"init_file": init_file.place} if init_file else {},
            contents={_init_key(entry): init_file} if init_file else {},
        )

    def _given(self, slug: str, entry: Network) -> Artefact:
        key = f"weights of {slug}"
        content = content_of(expanded(entry.weights), key)
        architecture = network_settings(entry)
        return Artefact(
            kind="model",
            slug=slug,
            settings={
                "kind": "given",
                "architecture": architecture,
                "weights": content.digest,
                "preprocessing": entry.preprocessing.model_dump() if entry.preprocessing else None,
            },
            source=fingerprint.source("distilscope.training.train", architecture["builder"]),
            files=MODEL_FILES,
            inputs={"dataset": self.dataset},
            information={"weights_file": content.place},
            contents={key: content},
        )

    def _init(self, entry: Network) -> tuple[dict[str, Any], Content | None]:
        """How the weights begin: what the identity covers, and a file of the user's."""
        init = entry.init
        if init == "random":
            return {"from": "random"}, None
        if init == "imagenet":
            return {
                "from": "imagenet",
                "weights": catalog.ARCHITECTURES[entry.architecture].pretrained,
            }, None
        key = _init_key(entry)
        content = content_of(expanded(init), key)
        return {"from": "file", "digest": content.digest}, content

    def _target_table(self, teacher: Model, recipe: Recipe) -> Artefact:
        """The teacher's logits for the views of a recipe; one table serves every T and α."""
        views = recipe_settings(recipe)["views"]
        builder = teacher.artefact.settings["architecture"]["builder"]
        artefact = Artefact(
            kind="targets",
            slug=teacher.id,
            settings={
                "views": views,
                "precision": self.precision,
                "threads": self.configuration.threads,
                "architecture": teacher.artefact.settings["architecture"],
                "preprocessing": teacher.preprocessing,
            },
            source=fingerprint.source(
                "distilscope.training.targets", builder, catalog.VIEW_POLICIES[views["policy"]]
            ),
            files=("logits.npy", "views.npy", "indices.npy"),
            inputs={"dataset": self.dataset, "teacher": teacher.artefact},
        )
        return self.targets.setdefault(artefact.name, artefact)


def _known_head(known: catalog.Architecture | None, path: str) -> str | None:
    """The catalogue's head, which is behind the catalogue's own last block and no other module."""
    return known.head if known and path == known.layers[known.explained[0]] else None


def _init_key(entry: Network) -> str:
    """What the file that an entry's weights begin with is called in messages."""
    return f"init of {entry.architecture}"
