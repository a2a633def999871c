"""The plan of texts: items of tasks, answered token by token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from distilscope import catalog
from distilscope.configuration.kinds import expanded
from distilscope.planning import fingerprint
from distilscope.planning.artefact import Artefact
from distilscope.planning.modality import HELD_OUT, PROBE, ModalityPlan
from distilscope.planning.settings import UNVARIED, content_of, recipe_settings

if TYPE_CHECKING:
    from distilscope.configuration.recipes import Recipe
    from distilscope.planning.model import Model

OF_TOKENS = ("indices.npy", "positions.npy")
TOKENIZER = "distilscope.data.listing:of_tokenizer"
"""What is read of a folder of the user's."""
WANTED = {
    "tokenizer": "put the tokenizer there (tokenizer.json, tokenizer_config.json), as `hf download "
    "NAME --local-dir FOLDER` does where there is a network"
}
ITEMS = "a file with a line of JSON for each item is wanted there"
"""What a sentence says of a file of the user's that isn't there."""

ANSWERS = ("answers.parquet", "choices.parquet", "token_logits.safetensors")


class Texts(ModalityPlan):
    """Texts: shown as they are, compared by what is answered."""

    jobs: ClassVar[Mapping[str, str]] = {
        "texts": "distilscope.data.texts:prepare",
        "networks": "distilscope.checking.texts:check",
        "model": "distilscope.training.train_texts:train",
        "targets": "distilscope.training.text_targets:tabulate",
        "generations": "distilscope.training.generations:generate",
        "observation": "distilscope.observing.texts:observe",
    }
    table_files: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "table": ("logits.npy", *OF_TOKENS),
        "hidden": ("states.npy", "head.safetensors", *OF_TOKENS),
        "top-k": ("tokens.npy", "logits.npy", *OF_TOKENS),
    }
    committees_answer = False  # token by token: no such generation is there
    explains_references = False  # there are no maps of what another model says

    def dataset(self, root: Path, downloads: Path) -> Artefact:
        """See `ModalityPlan`."""
        data = self.configuration.data
        maker = catalog.DATASETS[data.name].reader
        found = {
            key: content_of(expanded(place), f"data.{key}", TOKENIZER, WANTED.get(key, ITEMS))
            for key, place in data.files.items()
        }
        digests = {key: content.digest for key, content in found.items()}
        places = {key: content.place for key, content in found.items()}
        return Artefact(
            kind="texts",
            slug=data.name,
            settings={**data.described, **({"contents": digests} if found else {})},
            source=fingerprint.source(maker.partition(":")[0]),
            information={"made_by": maker, **({"files": places} if found else {})},
            contents={f"data.{key}": content for key, content in found.items()},
            files=("items.parquet", "tokens.safetensors", "tokenizer.json", "manifest.json"),
        )

    def recipe(self, recipe: Recipe) -> dict[str, Any]:
        """See `ModalityPlan`."""
        lora = {"lora": recipe.lora.model_dump()} if recipe.lora else {}
        return {**recipe_settings(recipe), "views": UNVARIED, **_read(recipe), **lora}

    def table(self, recipe: Recipe, teacher: Model) -> dict[str, Any]:
        """See `ModalityPlan`."""
        keeps = {} if recipe.targets == "table" else {"keeps": recipe.targets}
        most = {} if recipe.top_k is None else {"top_k": recipe.top_k}
        return {**_read(recipe), **keeps, **most}

    def generations(self, dataset: Artefact, teacher: Model, threads: int) -> Artefact:
        """See `ModalityPlan`."""
        architecture = teacher.artefact.settings["architecture"]
        return Artefact(
            kind="generations",
            slug=teacher.id,
            settings={"threads": threads, "architecture": architecture},
            source=fingerprint.source(self.module("generations"), architecture["builder"]),
            inputs={"dataset": dataset, "teacher": teacher.artefact},
            information=self.made_by("generations"),
            files=("tokens.safetensors",),
        )

    def probes(self, needed: Iterable[str]) -> list[dict[str, Any]]:
        """See `ModalityPlan`."""
        features = ["features"] if "features" in set(needed) else []
        probes = [{"name": PROBE, "split": PROBE, "contents": ["logits", "answers", *features]}]
        if self.configuration.data.held_out:  # models that are only asked may have none
            probes.append({"name": HELD_OUT, "split": HELD_OUT, "contents": ["logits"]})
        return probes

    def observed(self, probe: Mapping[str, Any], methods: Iterable[str]) -> list[str]:
        """See `ModalityPlan`."""
        names = ["logits.parquet"]
        if "answers" in probe["contents"]:
            names += ANSWERS
        if "features" in probe["contents"]:
            names += ["features.safetensors", "grams.safetensors"]
        return names


def _read(recipe: Recipe) -> dict[str, Any]:
    """Which tokens of which texts a recipe has a model learn."""
    some = {} if recipe.tasks is None else {"tasks": sorted(set(recipe.tasks))}
    return {"positions": recipe.positions, "taught": recipe.taught, **some}
