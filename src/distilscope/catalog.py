"""What exists, by name: architectures, datasets, objectives, explanation methods.

Nothing here imports torch: the workflow checks every name of a configuration against these
tables before any job runs. An entry names the code that does the work by its dotted path, so
that adding one is adding an entry and a function, never a branch in the engine.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from distilscope.data.declaration import LISTED_IN, Dataset, Modality
from distilscope.data.policies import DRAWN, DrawnPolicy
from distilscope.data.tasks.declared import TASKS as TASKS
from distilscope.models.compressions.declaration import Setting
from distilscope.models.compressions.declared import COMPRESSIONS, PERTURBATIONS
from distilscope.models.declaration import Architecture
from distilscope.models.declared import ARCHITECTURES
from distilscope.observing.methods import gradcam, integrated_gradients, saliency
from distilscope.observing.methods.declaration import Method
from distilscope.training.objectives import (
    ats,
    ce,
    ce_penalty,
    ce_smoothed,
    fused,
    gkd,
    isats,
    jsd,
    kd,
    kd_noisy,
    logit_matching,
    reverse_kl,
    seq_kd,
    ts,
)
from distilscope.training.objectives.declaration import Objective


class UnknownName(ValueError):
    """A name that is in none of the tables; the message offers the nearest ones."""


def lookup(table: Mapping[str, Any], name: str, what: str) -> Any:
    """The entry called `name`, or an `UnknownName` error that says what would be accepted."""
    if isinstance(name, str) and name in table:
        return table[name]
    raise UnknownName(f"unknown {what} {name!r}; {suggest(name, table)}")


NEAREST, LISTED = 3, 30
"""Names that a suggestion offers, and the most that are listed where none is near."""


def suggest(name: str, known: Iterable[str]) -> str:
    """A clause that names the nearest of the known names, or all of them where none is near.

    Of a long table, such as a library's networks, it names the nearest even so, and says how many
    there are.
    """
    known = list(known)
    near = difflib.get_close_matches(str(name), known, n=NEAREST, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(repr(n) for n in near) + "?"
    if len(known) <= LISTED:
        return "known are " + ", ".join(sorted(known))
    near = difflib.get_close_matches(str(name), known, n=NEAREST, cutoff=0.0)
    return f"none of the {len(known):,} known is near; the nearest are {', '.join(near)}"


LATENCY_BATCHES = (1, 64)
"""The batches whose forward pass every observation times, where a study names no others."""

# ------------------------------------------------------------- what is done to finished models

CHANGES: dict[str, Setting] = {**COMPRESSIONS, **PERTURBATIONS}
"""By the field of a condition that says how strongly."""


# ------------------------------------------------------------------------------ architectures

TORCHVISION_PREFIX = "torchvision/"
TORCHVISION_BUILDER = "distilscope.models.torchvision_nets:build"
TIMM_PREFIX = "timm/"
TIMM_BUILDER = "distilscope.models.timm_nets:build"
LIBRARIES = {TORCHVISION_PREFIX: TORCHVISION_BUILDER, TIMM_PREFIX: TIMM_BUILDER}
"""Libraries of networks: what the names of theirs begin with, and what builds one of that name."""


def library_of(architecture: str) -> str | None:
    """The prefix of the library that a network is of; None of any other."""
    return next((prefix for prefix in LIBRARIES if architecture.startswith(prefix)), None)


# ----------------------------------------------------------------------------------- datasets

MODALITIES: dict[str, Modality] = {
    "images": Modality(unit="images", recipe=("views",), plan="distilscope.planning.images:Images"),
    "texts": Modality(
        unit="items",
        recipe=("positions", "taught", "tasks", "top_k", "lora"),
        plan="distilscope.planning.texts:Texts",
    ),
}
"""What an example is."""


def _downloaded(name: str, *, black_ground: bool = False) -> Dataset:
    return Dataset(
        reader=f"distilscope.data.downloaded:read_{name}",
        path="downloaded",
        downloader=f"distilscope.data.downloaded:download_{name}",
        black_ground=black_ground,
    )


DATASETS: dict[str, Dataset] = {
    "fashion-mnist-subset": Dataset(
        reader="distilscope.data.readers:read_npz",
        path="bundled",
        bundled_file="resources/fashion-mnist-subset/fashion-mnist-subset.npz",
        black_ground=True,
    ),
    "cifar10": _downloaded("cifar10"),
    "cifar100": _downloaded("cifar100"),
    "svhn": _downloaded("svhn"),
    "fashion-mnist": _downloaded("fashion_mnist", black_ground=True),
    "idx": Dataset(
        reader="distilscope.data.readers:read_idx", path="given", files=f"{LISTED_IN}:of_idx"
    ),
    "image-folder": Dataset(
        reader="distilscope.data.readers:read_image_folder",
        path="given",
        files=f"{LISTED_IN}:of_image_folder",
    ),
    "pictures": Dataset(
        reader="distilscope.data.pictures:chosen",
        path="given",
        files=f"{LISTED_IN}:of_pictures",
        prepares="distilscope.data.pictures:prepare",
    ),
    "npz": Dataset(reader="distilscope.data.readers:read_npz", path="given"),
    "composed-parts": Dataset(
        reader="distilscope.data.composed_reader:read_composed",
        path="given",
        parted=True,
        without="distilscope.data.removal:draw_without",
    ),
    "annotated-parts": Dataset(
        reader="distilscope.data.annotated_parts:read_annotated_parts",
        path="given",
        parted=True,
        files=f"{LISTED_IN}:of_annotated_parts",
    ),
    "generated-tasks": Dataset(
        reader="distilscope.data.texts:prepare", path="generated", modality="texts"
    ),
    "jsonl-tasks": Dataset(
        reader="distilscope.data.task_files:prepare", path="given", modality="texts"
    ),
    "hub-tasks": Dataset(
        reader="distilscope.data.hub_tasks:prepare", path="given", modality="texts"
    ),
}

VIEW_POLICIES: dict[str, str] = {
    "crop-flip": "distilscope.data.views:CropFlip",
    "none": "distilscope.data.views:Identity",
}

DRAWN_POLICIES: dict[str, DrawnPolicy] = DRAWN
"""Random policies, of which each image has some draws."""

# What a choice takes of the settings beside it: of the others no result is a function.
VIEW_SETTINGS: dict[str, tuple[str, ...]] = {"crop-flip": ("pad",), "none": ()}
SCHEDULE_SETTINGS: dict[str, tuple[str, ...]] = {
    "cosine": (),
    "one-cycle": (),
    "constant": (),
    "steps": ("milestones", "gamma"),
}


# --------------------------------------------------------------------------------- objectives


OBJECTIVES: dict[str, Objective] = {
    found.OBJECTIVE.name: found.OBJECTIVE
    for found in (
        *(ce, kd, ts, ats, isats, fused, ce_smoothed, ce_penalty, logit_matching),
        *(reverse_kl, jsd, seq_kd, gkd, kd_noisy),
    )
}


def register(objective: Objective) -> None:
    """Make an objective of another package known; its module calls this when it is imported.

    Raises:
        ValueError: another objective has its name, or a parameter or derived column of it that of
            a change to a finished model: a condition has both side by side.
    """
    _require_free(OBJECTIVES, objective.name, objective, "an objective")
    for what, names in (("parameter", objective.parameters), ("column", objective.derived)):
        for name in CHANGES.keys() & names:
            raise ValueError(
                f"objective {objective.name!r}: a {what} can't be called {name!r}, which is what "
                f"is done to finished models; give it a name that is none of {', '.join(CHANGES)}"
            )
    OBJECTIVES[objective.name] = objective


# -------------------------------------------------------------------------------- explanation


METHODS: dict[str, Method] = {
    "gradcam": gradcam.METHOD,
    "saliency": saliency.METHOD,
    "integrated-gradients": integrated_gradients.METHOD,
}


def at_layers(methods: Iterable[str]) -> list[str]:
    """Those of the methods that explain layers, in their order."""
    return [name for name in methods if METHODS[name].at == "layers"]


def register_method(name: str, method: Method) -> None:
    """Make an explanation method of another package known.

    Raises:
        ValueError: another method has its name.
    """
    _require_free(METHODS, name, method, "an explanation method")
    METHODS[name] = method


def register_network(name: str, network: Architecture) -> None:
    """Make a network of another package known.

    Raises:
        ValueError: another network has its name.
    """
    _require_free(ARCHITECTURES, name, network, "a network")
    ARCHITECTURES[name] = network


def _require_free(table: Mapping[str, Any], name: str, entry: Any, what: str) -> None:
    """Raise `ValueError` if another entry has the name; the same one may come again."""
    if table.get(name, entry) != entry:
        raise ValueError(f"there is {what} {name!r} already; choose another name")
