"""What identifies a network, a recipe, and a file of the user's."""

from __future__ import annotations

import pkgutil
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from distilscope import catalog
from distilscope.configuration.data import Views, names_in
from distilscope.configuration.kinds import ConfigurationError, NotHere
from distilscope.configuration.measured import Observe
from distilscope.configuration.networks import Network
from distilscope.configuration.recipes import Recipe
from distilscope.configuration.shared_classes import composed, first
from distilscope.planning import fingerprint
from distilscope.store.contents import FILES, Content

UNVARIED = {"policy": "none", "tabulated": None}
"""Views of what has none, as texts: each epoch shows every example once."""


def network_settings(entry: Network) -> dict[str, Any]:
    """What builds the network of an entry: a dotted path and its settings."""
    return {
        "builder": _builder(entry.architecture),
        "settings": _architecture_settings(entry),
        **({} if entry.output is None else {"output": entry.output}),
    }


def _builder(architecture: str) -> str:
    """The dotted path of the function that builds it."""
    if architecture in catalog.ARCHITECTURES:
        return catalog.ARCHITECTURES[architecture].builder
    library = catalog.library_of(architecture)
    if library:
        return catalog.LIBRARIES[library]
    try:
        fingerprint.source(architecture)
    except (ImportError, OSError, SyntaxError, ValueError, AttributeError) as error:
        raise ConfigurationError(
            f"architecture: the source of the factory {architecture!r} can't be read ({error})"
        ) from None
    return architecture


def _architecture_settings(entry: Network) -> dict[str, Any]:
    known = catalog.ARCHITECTURES.get(entry.architecture)
    if known and known.described:
        return _of_folder(known, entry)
    if known:
        return {**known.settings, **entry.settings}
    library = catalog.library_of(entry.architecture)
    if library:
        return {"name": entry.architecture.removeprefix(library), **entry.settings}
    return dict(entry.settings)


def columns_of(where: str, entry: Network, known: Sequence[str] | None) -> list[int] | None:
    """Which of a model's logits are those of the data's classes, in these classes' order.

    Args:
        known: the names of the data's classes, where the configuration gives them.

    Raises:
        ConfigurationError: the names can't be read, or a class of the data is none of the model's.
    """
    if entry.classes is None:
        return None
    own = classes_of(where, entry)
    if not known:
        raise ConfigurationError(
            f"{where}.classes are mapped by their names: give `data.classes` too, the names that "
            "are compared, or `shared` for those that all models know"
        )
    places = {name: place for place, name in enumerate(own)}
    wanted = [composed(name) for name in known]
    missing = [name for name in wanted if name not in places]
    if missing:
        raise ConfigurationError(
            f"{where} does not know {len(missing)} of {len(known)} classes of the data, the first "
            f"{missing[0]!r}. The data's are {first(known)}; its own are {first(own)}. Set "
            "`data.classes` to those that all models know, or to `shared`, which finds them"
        )
    return [places[name] for name in wanted]


def classes_of(where: str, entry: Network) -> list[str]:
    """The names of a given model's outputs, in their order.

    Raises:
        ConfigurationError: they can't be read, or one occurs twice.
    """
    try:
        own = [composed(name) for name in names_in(entry.classes)]
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{where}.classes: {entry.classes} can't be read ({error})"
        ) from None
    twice = next((name for name, times in Counter(own).items() if times > 1), None)
    if twice is not None:
        raise ConfigurationError(f"{where}.classes: {twice!r} occurs twice")
    return own


def recipe_settings(recipe: Recipe) -> dict[str, Any]:
    """What of a recipe a training job reads whatever its examples are, without what its choices
    ignore.
    """
    schedule = recipe.schedule
    taken = catalog.SCHEDULE_SETTINGS[schedule.name]
    if not schedule.milestones:  # there is nothing to multiply by `gamma` at
        taken = ()
    return {
        **recipe.model_dump(include={"epochs", "batch", "optimizer"}),
        "schedule": schedule.model_dump(include={"name", "warmup_epochs", *taken}),
        **({"accumulate": recipe.accumulate} if recipe.accumulate > 1 else {}),
    }


def view_settings(views: Views) -> dict[str, Any]:
    """How inputs vary, as jobs read it: the draws themselves are an input of theirs."""
    if views.drawn:
        return {"drawn": views.transform, "tabulated": views.per_image}
    return {
        **views.model_dump(include={"policy", *catalog.VIEW_SETTINGS[views.policy]}),
        "tabulated": None if views.per_image == "all" else views.per_image,
    }


def _of_folder(known: catalog.Architecture, entry: Network) -> dict[str, Any]:
    """What builds a network that a folder of the user's describes."""
    try:
        return pkgutil.resolve_name(known.described)({**known.settings, **entry.settings})
    except FileNotFoundError as error:
        raise NotHere(f"architecture {entry.architecture}: {error}") from None
    except ValueError as error:
        raise ConfigurationError(f"architecture {entry.architecture}: {error}") from None


def observe_settings(observe: Observe, methods: Iterable[str]) -> dict[str, Any]:
    """What an observation by these methods takes of `observe`.

    What none of them takes is given as if it were not set.
    """
    entries = [catalog.METHODS[name] for name in methods]
    taken = {setting for entry in entries for setting in entry.settings}
    if not all(entry.whole_probe for entry in entries):
        taken.add("subset")
    optional = {"subset", *(s for entry in catalog.METHODS.values() for s in entry.settings)}
    unset = {key: type(observe).model_fields[key].get_default() for key in optional - taken}
    return {
        **observe.model_copy(update=unset).model_dump(exclude={"methods", "reductions", "latency"}),
        "methods": sorted(methods),
        "reductions": sorted(observe.reductions),
    }


def content_of(place: Path, key: str, files: str = FILES, wanted: str = "") -> Content:
    """A user's file or folder as it is now; `files` lists what is read of a folder.

    Args:
        wanted: what should be there, which the sentence says where nothing is.

    Raises:
        NotHere: nothing is there; `key` says which setting names it.
        ConfigurationError: it can't be read.
    """
    try:
        return Content.now(place, files)
    except FileNotFoundError:
        cure = f": {wanted}" if wanted else ""
        raise NotHere(f"{key}: there is no file or folder at {place}{cure}") from None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{key}: {place} can't be read ({error})") from None
