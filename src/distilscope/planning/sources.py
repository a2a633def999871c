"""The artefacts of models, by where their weights come from: trained, given, or other models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilscope import catalog
from distilscope.configuration.data import Policy, names_in
from distilscope.configuration.kinds import ConfigurationError, NotHere, expanded
from distilscope.configuration.networks import ONNX_ENDING, Network
from distilscope.configuration.recipes import Recipe
from distilscope.planning import fingerprint
from distilscope.planning.artefact import Artefact, in_order_of_settings
from distilscope.planning.settings import columns_of, content_of, network_settings
from distilscope.planning.training import Training
from distilscope.store.contents import Content
from distilscope.training.objectives.declaration import Objective

if TYPE_CHECKING:
    from distilscope.planning.modality import ModalityPlan
    from distilscope.planning.model import Model

DRAWS = "distilscope.data.drawn"
COMBINES = "distilscope.models.combined"
COMPRESSES = "distilscope.models.compressed"
PERTURBS = "distilscope.models.perturbed"
PREPARES = "distilscope.training.prepared"
OPENS = "distilscope.models.programs"
OF_MODEL = "distilscope.data.listing:of_language_model"
"""What is read where weights are a folder."""


class Sources:
    """Makes the artefacts of the models of one study.

    Args:
        modality: what its examples are.
        precision: `fp32` or `bf16`. threads: of a training. dataset: what is trained on.

    Attributes:
        learnt_from: what models learn from besides the dataset, by name: drawn views, tables of
            teachers' logits, what objectives prepare of such tables, texts that teachers write.
    """

    def __init__(
        self, modality: ModalityPlan, precision: str, threads: int, dataset: Artefact
    ) -> None:
        self.modality = modality
        self.precision, self.threads, self.dataset = precision, threads, dataset
        self.learnt_from: dict[str, Artefact] = {}

    def untrained(self, slug: str, entry: Network, seed: int) -> Artefact:
        """A network as its weights begin."""
        settings = {"recipe": None, "objective": None}
        if entry.preprocessing:
            settings["preprocessing"] = entry.preprocessing.settings()
        return self._model(slug, entry, settings, seed, [], {})

    def trained(self, slug: str, entry: Network, training: Training, seed: int) -> Artefact:
        """A network that is trained here."""
        recipe, objective = training.recipe, training.declared
        settings = {
            "precision": self.precision,
            "threads": self.threads,
            "recipe": self.modality.recipe(recipe),
            **training.settings(),
        }
        modules = [objective.loss, *self.modality.renders(recipe)]
        shown = {**self._taught(training), **self._shown(recipe)}
        if objective.prepare:
            (table,) = shown["targets"]
            shown["prepared"] = self._prepared(objective, dict(training.parameters), table)
        return self._model(slug, entry, settings, seed, modules, shown)

    def _taught(self, training: Training) -> dict[str, Any]:
        """What a student has of its teachers: their tables, their texts, or they themselves."""
        teachers = training.teachers
        if not teachers:
            return {}
        if training.declared.needs == "texts":
            made = self.modality.generations(self.dataset, teachers[0], self.threads)
            return {"generations": self._once(made)}
        for teacher in teachers:
            if "architecture" not in teacher.artefact.settings:
                raise ConfigurationError(
                    f"{teacher.words} is a program, which is compared and teaches no student; give "
                    "its `weights` with an `architecture`"
                )
        if training.online:
            return {"teachers": in_order_of_settings([teacher.artefact for teacher in teachers])}
        tables = [self._table(teacher, training.recipe) for teacher in teachers]
        return {"targets": in_order_of_settings(tables)}

    def _shown(self, recipe: Recipe) -> dict[str, Any]:
        """The drawn views of a recipe, where its policy is random."""
        if not recipe.views.drawn:
            return {}
        made = drawn_views(self.dataset, recipe.views, recipe.views.per_image)
        return {"views": self._once(made)}

    def _once(self, made: Artefact) -> Artefact:
        return self.learnt_from.setdefault(made.name, made)

    def _model(
        self,
        slug: str,
        entry: Network,
        settings: Mapping[str, Any],
        seed: int,
        modules: list[str],
        taught: Mapping[str, Any],
    ) -> Artefact:
        architecture = network_settings(entry)
        init, file = self._init(entry)
        return Artefact(
            kind="model",
            slug=slug,
            settings={
                "kind": "trained",
                "architecture": architecture,
                "init": init,
                "seed": seed,
                **settings,
            },
            source=fingerprint.source(
                self.modality.module("model"), architecture["builder"], *modules
            ),
            inputs={"dataset": self.dataset, **taught},
            information={
                **({"init_file": file.place} if file else {}),
                **self.modality.made_by("model"),
            },
            files=("weights.safetensors", "history.parquet"),
            contents={_init_key(entry): file} if file else {},
        )

    def given(self, slug: str, entry: Network) -> Artefact:
        """A model whose weights, or whose program, the configuration names."""
        if entry.program:
            return self._program(slug, entry)
        key = f"weights of {slug}"
        architecture = {**network_settings(entry), **self._outputs(slug, entry)}
        content = _content_of_model(expanded(entry.weights), key)
        return Artefact(
            kind="model",
            slug=slug,
            settings={
                "kind": "given",
                "architecture": architecture,
                "weights": content.digest,
                "preprocessing": entry.preprocessing.settings() if entry.preprocessing else None,
            },
            source=fingerprint.source(self.modality.module("model"), architecture["builder"]),
            inputs={"dataset": self.dataset},
            information={"weights_file": content.place, **self.modality.made_by("model")},
            files=("weights.safetensors", "history.parquet"),
            contents={key: content},
        )

    def _outputs(self, slug: str, entry: Network) -> dict[str, Any]:
        """What is said of a given model's outputs: probabilities, and its own classes."""
        found: dict[str, Any] = {"probabilities": True} if entry.probabilities else {}
        columns = columns_of(slug, entry, self.dataset.settings.get("classes"))
        if columns is not None:
            found |= {"logits": len(names_in(entry.classes)), "columns": columns}
        return found

    def _program(self, slug: str, entry: Network) -> Artefact:
        """A model that a file holds whole."""
        key = f"program of {slug}"
        content = content_of(expanded(entry.program), key)
        own = entry.preprocessing.settings() if entry.preprocessing else None
        return Artefact(
            kind="program",
            slug=slug,
            settings={
                "kind": "program",
                "program": {
                    "digest": content.digest,
                    "onnx": entry.program.endswith(ONNX_ENDING),
                    "size": (own or {}).get("size") or self.dataset.settings["image_size"],
                    "output": entry.output,
                    **self._outputs(slug, entry),
                },
                "preprocessing": own,
            },
            source=fingerprint.source(OPENS),
            inputs={"dataset": self.dataset},
            information={"program_file": content.place},
            files=("program",),
            contents={key: content},
        )

    def combined(self, slug: str, members: Sequence[Model], how: str) -> Artefact:
        """Several models that answer as one: by the mean of their logits or probabilities."""
        builders = (opener(member.artefact.settings) for member in members)
        return Artefact(
            kind="combined",
            slug=slug,
            settings={
                "kind": "combined",
                "how": how,
                "preprocessing": members[0].preprocessing,
            },
            source=fingerprint.source(COMBINES, *builders),
            inputs={
                "dataset": self.dataset,
                "members": in_order_of_settings([member.artefact for member in members]),
            },
        )

    def compressed(self, slug: str, original: Model, way: str, value: Any) -> Artefact:
        """A model that is made of another by a way of compressing."""
        declared = catalog.COMPRESSIONS[way]
        architecture = original.artefact.settings["architecture"]
        return Artefact(
            kind="compressed",
            slug=slug,
            settings={
                "kind": "compressed",
                "architecture": architecture,
                "preprocessing": original.preprocessing,
                "threads": self.threads,
                "compression": {
                    "name": way,
                    "module": declared.module,
                    "value": value,
                    "calibrated": value in declared.calibrated,
                },
            },
            source=fingerprint.source(COMPRESSES, declared.module, architecture["builder"]),
            inputs={"dataset": self.dataset, "original": original.artefact},
            files=("weights.safetensors",),
        )

    def perturbed(self, slug: str, original: Model, **perturbed: Any) -> Artefact:
        """A model under perturbed inputs: `noise`, `mirrored` and `seed` of `models.perturbed`."""
        return Artefact(
            kind="perturbed",
            slug=slug,
            settings={
                "kind": "perturbed",
                **{k: v for k, v in original.artefact.settings.items() if k == "architecture"},
                "preprocessing": original.preprocessing,
                "perturbed": perturbed,
            },
            source=fingerprint.source(PERTURBS),
            inputs={"dataset": self.dataset, "original": original.artefact},
        )

    def _init(self, entry: Network) -> tuple[dict[str, Any], Content | None]:
        """How the weights begin: what the identity covers, and a file of the user's."""
        if entry.init == "random":
            return {"from": "random"}, None
        if entry.init == "imagenet":
            weights = catalog.ARCHITECTURES[entry.architecture].pretrained
            return {"from": "imagenet", "weights": weights}, None
        content = _content_of_model(expanded(entry.init), _init_key(entry))
        return {"from": "file", "digest": content.digest}, content

    def _table(self, teacher: Model, recipe: Recipe) -> Artefact:
        """A teacher's logits for what a recipe shows; one table serves every objective."""
        architecture = teacher.artefact.settings["architecture"]
        artefact = Artefact(
            kind="targets",
            slug=teacher.id,
            settings={
                **self.modality.table(recipe, teacher),
                "precision": self.precision,
                "threads": self.threads,
                "architecture": architecture,
            },
            source=fingerprint.source(
                self.modality.module("targets"),
                architecture["builder"],
                *self.modality.renders(recipe),
            ),
            inputs={"dataset": self.dataset, "teacher": teacher.artefact, **self._shown(recipe)},
            information=self.modality.made_by("targets"),
            files=self.modality.table_files[recipe.targets],
        )
        return self._once(artefact)

    def _prepared(
        self, objective: Objective, parameters: Mapping[str, Any], table: Artefact
    ) -> Artefact:
        """What an objective prepares of a teacher's table, once for all students of the teacher."""
        taken = {name: parameters[name] for name in objective.prepare_takes}
        artefact = Artefact(
            kind="prepared",
            slug=f"{objective.name}-{table.slug}",
            settings={"prepare": objective.prepare, "parameters": taken, "threads": self.threads},
            source=fingerprint.source(PREPARES, objective.prepare),
            inputs={"dataset": self.dataset, "targets": table},
            files=("prepared.safetensors",),
        )
        return self._once(artefact)


def opener(settings: Mapping[str, Any]) -> str:
    """Dotted path of what makes a network of such settings: a builder, or what opens programs."""
    return (settings.get("architecture") or {"builder": OPENS})["builder"]


def drawn_views(
    dataset: Artefact, policy: Policy, per_image: int, split: str = "train"
) -> Artefact:
    """The draws of a random policy for each image of a split."""
    made = policy.transform
    return Artefact(
        kind="views",
        slug=f"{policy.name.replace('/', '-')}-{split}",
        settings={**made, "split": split, "per_image": per_image},
        source=fingerprint.source(DRAWS, made["transform"]),
        inputs={"dataset": dataset},
        files=("images.npy", "indices.npy"),
    )


def _init_key(entry: Network) -> str:
    """What the file that an entry's weights begin with is called in messages."""
    return f"init of {entry.architecture}"


def _content_of_model(place: Path, key: str) -> Content:
    """Weights of the user's: a file, or a folder, of which no part may be missing.

    Raises:
        NotHere: nothing is there, or an index names a file that isn't; `key` says which setting.
        ConfigurationError: it can't be read.
    """
    content = content_of(place, key, OF_MODEL)
    for index in sorted(place.glob("*.safetensors.index.json")):
        try:
            named = sorted(
                set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigurationError(f"{key}: {index} can't be read ({error!r})") from None
        missing = [name for name in named if not (place / name).is_file()]
        if missing:
            raise NotHere(
                f"{key}: {index} names {missing[0]}, which is not there ({len(missing)} of "
                f"{len(named)} files are missing): fetch the folder again"
            )
    return content
