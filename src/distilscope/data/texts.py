"""Texts to train on and to ask about: prepared once, then resident as tokens."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from distilscope import catalog, store
from distilscope.data.encoding import encode
from distilscope.data.files import MANIFEST_FILE
from distilscope.data.tasks import symbols
from distilscope.data.tasks.declared import CHOICES, TASKS
from distilscope.data.tasks.facts import WORDINGS
from distilscope.data.tasks.generating import generate
from distilscope.data.tasks.items import END, Item, solution
from distilscope.data.tasks.parsing import SYMBOLS
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from tokenizers import Tokenizer

ITEMS_FILE = "items.parquet"
"""A row an item, by index."""
TOKENS_FILE = "tokens.safetensors"
"""The items as tokens, by the rows of `ITEMS_FILE`, in each version that is taught."""
TOKENIZER_FILE = "tokenizer.json"
"""As the `tokenizers` library writes it."""

SPLITS = ("train", "held-out", "test")
TAUGHT = {
    "gold": None,
    "wrong-facts": "taught_wrong_facts",
    "other-procedure": "taught_other_procedure",
}
"""What a model may be taught -> the field of an item that holds it, where it differs."""

log = logging.getLogger(__name__)


# ------------------------------------------------------------------------------------ preparing


def prepare(job: Job) -> None:
    """Make the texts of a job: items, tokens, tokenizer, manifest and `run.json`.

    Settings: `name`; `tasks`, names of generated ones; `train`, `held_out` and `test`, items of a
    task; `seed`; perhaps `facts`, size of the table of facts, else `usual_facts`.

    Raises:
        BadData: a task has not so many different questions.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("generate")
    settings = job.settings
    counts = {split: settings[split.replace("-", "_")] for split in SPLITS}
    facts = settings.get("facts") or usual_facts(counts)
    items = generate(settings["tasks"], counts, settings["seed"], facts)
    stopwatch.phase("write")
    write(job.folder, items, symbols.tokenizer(), settings["tasks"])
    totals = {split: count * len(settings["tasks"]) for split, count in counts.items()}
    write_run(job, stopwatch, {"counts": totals, "notes": []})
    log.info("texts %s: %s items", settings["name"], totals)


def usual_facts(counts: Mapping[str, int]) -> int:
    """So many facts that training shows each four times or more, and 60 at most if these have
    enough questions.

    Args:
        counts: items of the task in each split.
    """
    needed = -(-sum(counts.values()) // len(WORDINGS))
    return max(min(60, max(4, counts["train"] // 4)), needed)


def write(folder: Path, items: Sequence[Item], tokenizer: Tokenizer, tasks: Sequence[str]) -> None:
    """Write generated items of these tasks, in each version that is taught."""
    targets = {taught: [_target(i, field) for i in items] for taught, field in TAUGHT.items()}
    described = [
        {
            "name": name,
            "family": TASKS[name].family,
            "choices": TASKS[name].choices,
            "traced": TASKS[name].traced,
            "rule": SYMBOLS,
        }
        for name in TASKS
        if name in tasks
    ]
    facts = {
        "end": tokenizer.token_to_id(END),
        "pad": tokenizer.token_to_id(symbols.PAD),
        "classes": list(CHOICES),
        "tasks": described,
        "notes": [],
    }
    write_items(folder, items, tokenizer, targets, facts)


def write_items(
    folder: Path,
    items: Sequence[Item],
    tokenizer: Tokenizer,
    targets: Mapping[str, Sequence[str]],
    facts: Mapping[str, Any],
) -> None:
    """Write items, their tokens in each version that is taught, the tokenizer and the manifest.

    Args:
        targets: version (a key of `TAUGHT`) -> what stands behind each prompt, with its end.
        facts: of the manifest: `end`, `pad`, `classes`, `tasks` and `notes`.
    """
    import pandas as pd

    arrays = {}
    for taught, written in targets.items():
        encoded = encode(tokenizer, [i.prompt for i in items], written, facts["pad"])
        arrays |= {f"{_prefix(taught)}{name}": array for name, array in encoded.items()}
    table = pd.DataFrame([{**asdict(item), "choices": list(item.choices)} for item in items])
    counts = table["split"].value_counts()
    store.write_table(folder / ITEMS_FILE, table)
    store.write_tensors(folder / TOKENS_FILE, arrays)
    store.write_text(folder / TOKENIZER_FILE, tokenizer.to_str())
    store.write_json(
        folder / MANIFEST_FILE,
        {
            "vocabulary": tokenizer.get_vocab_size(),
            **facts,
            "counts": {split: int(counts.get(split, 0)) for split in SPLITS},
        },
    )


def _prefix(taught: str) -> str:
    """What the names of a version's tensors begin with."""
    return "" if TAUGHT[taught] is None else f"{taught.replace('-', '_')}."


def _target(item: Item, field: str | None) -> str:
    other = getattr(item, field) if field else None
    return f"{other or solution(item.trace, item.answer)} {END}"


# -------------------------------------------------------------------------------------- loading


@dataclass(frozen=True, eq=False)
class TextSplit:
    """Some items, in the order of their dataset indices.

    Attributes:
        tokens: int64 (N, L), prompt and target, padded at the right.
        start: int64 (N,), the place of the first target token.
        length: int64 (N,), tokens of prompt and target.
        labels: int64 (N,), the position of the right choice; -1 where there are no choices.
        indices: int64 (N,), dataset indices.
    """

    tokens: torch.Tensor
    start: torch.Tensor
    length: torch.Tensor
    labels: torch.Tensor
    indices: torch.Tensor

    def __len__(self) -> int:
        """Number of items."""
        return len(self.labels)

    @property
    def examples(self) -> torch.Tensor:
        """The tokens, for who need not know that they are text."""
        return self.tokens

    def among(self, wanted: torch.Tensor) -> TextSplit:
        """Those whose dataset index is one of these."""
        import torch  # here, because to prepare texts needs no torch

        rows = torch.isin(self.indices, wanted.to(self.indices.device))
        return TextSplit(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, eq=False)
class Texts:
    """Prepared texts.

    Attributes:
        classes: names of the positions of choices.
        vocabulary: number of different tokens.
        end, pad: the tokens that end a text and that fill it up.
        items: a row an item, by index; columns are the attributes of `tasks.items.Item`.
        tasks: name -> `family`, `choices` (how many an item has), `traced`, and the `rule` that
            reads answers.
        tokenizer: that of the tokens.
        versions: what is taught (a key of `TAUGHT`) -> `train`, `held-out` and `test`.
        unit: what its examples are called, in the plural.
    """

    classes: tuple[str, ...]
    vocabulary: int
    end: int
    pad: int
    items: pd.DataFrame
    tasks: Mapping[str, Mapping[str, Any]]
    tokenizer: Tokenizer
    versions: Mapping[str, Mapping[str, TextSplit]]
    unit: ClassVar[str] = "items"

    def split(self, name: str, taught: str = "gold") -> TextSplit:
        """The split `train`, `held-out` or `test`, in the version that is taught.

        Raises:
            catalog.UnknownName: another name, or another version.
        """
        version = catalog.lookup(self.versions, taught, "version of targets")
        return catalog.lookup(version, name, "split")

    def of_tasks(self, split: TextSplit, tasks: Sequence[str]) -> TextSplit:
        """The items of a split that are of these tasks.

        Raises:
            ValueError: there is none.
        """
        import torch  # here, because to prepare texts needs no torch

        chosen = self.items["index"][self.items["task"].isin(tasks)]
        found = split.among(torch.tensor(chosen.tolist()))
        if not len(found) and len(split):
            known = ", ".join(dict.fromkeys(self.items["task"]))
            raise ValueError(f"no item is of {', '.join(tasks)}; there are {known}")
        return found

    @property
    def longest_target(self) -> int:
        """Tokens of the longest target of the training items, in any version that is taught.

        Where there is none, of the longest right answer to the items of the test.
        """
        splits = [version["train"] for version in self.versions.values()]
        known = [split for split in splits if len(split)] or [self.split("test")]
        return max(int((split.length - split.start).max()) for split in known)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""
        return self.tokenizer.encode(text).ids

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens, without what fills up."""
        return self.tokenizer.decode([token for token in tokens if token != self.pad])


def load(folder: Path, device: str | torch.device = "cpu") -> Texts:
    """Load what `prepare` wrote, with every token on `device`.

    Raises:
        store.DamagedFile: a file is missing or is not as it was written.
    """
    folder = Path(folder)
    manifest = store.read_json(folder / MANIFEST_FILE, vocabulary=int, end=int, pad=int)
    items = read_items(folder)
    arrays = store.read_tensors(folder / TOKENS_FILE)
    return Texts(
        classes=tuple(manifest["classes"]),
        vocabulary=manifest["vocabulary"],
        end=manifest["end"],
        pad=manifest["pad"],
        items=items,
        tasks={task["name"]: task for task in manifest["tasks"]},
        tokenizer=read_tokenizer(folder),
        versions={
            taught: _splits(arrays, items, _prefix(taught), device)
            for taught in TAUGHT
            if f"{_prefix(taught)}tokens" in arrays
        },
    )


def _splits(
    arrays: Mapping[str, np.ndarray],
    items: pd.DataFrame,
    prefix: str,
    device: str | torch.device,
) -> dict[str, TextSplit]:
    import torch  # here, because to prepare texts needs no torch

    named = [arrays[f"{prefix}{name}"] for name in ("tokens", "start", "length")]
    columns = [np.array(each, np.int64) for each in (*named, items["label"], items["index"])]
    found = {}
    for split in SPLITS:
        rows = (items["split"] == split).to_numpy()
        found[split] = TextSplit(*(torch.from_numpy(each[rows]).to(device) for each in columns))
    return found


def read_items(folder: Path, split: str | None = None) -> pd.DataFrame:
    """The items of a split, or all: columns are the attributes of `tasks.items.Item`."""
    table = store.read_table(Path(folder) / ITEMS_FILE)
    return table if split is None else table[table["split"] == split].reset_index(drop=True)


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer that `prepare` wrote.

    Raises:
        store.DamagedFile: it is missing or is not as it was written.
    """
    from tokenizers import Tokenizer

    path = Path(folder) / TOKENIZER_FILE
    store.verify(path)
    return Tokenizer.from_file(str(path))
