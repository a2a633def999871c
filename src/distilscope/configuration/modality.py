"""What of a study must agree with what its examples are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from distilscope import catalog, registry

if TYPE_CHECKING:
    from distilscope.configuration.networks import Network
    from distilscope.configuration.study import Configuration


def check(configuration: Configuration) -> None:
    """Refuse what is for examples of another kind.

    Raises:
        ValueError: naming the key and what would be accepted.
    """
    own = catalog.DATASETS[configuration.data.name].modality
    for where, network in [*configuration.teachers.items(), *configuration.students.items()]:
        _check_network(where, network, own)
    for where, key in _keys(configuration):
        for other, modality in catalog.MODALITIES.items():
            if other != own and key in modality.recipe:
                accepted = ", ".join(f"`{each}`" for each in catalog.MODALITIES[own].recipe)
                raise ValueError(
                    f"{where}: `{key}` is for {other}, and the data are {own}: leave it out "
                    f"(for {own} there is {accepted})"
                )
    for name in configuration.analyses.on():
        able = registry.analyses()[name].modalities
        if own not in able:
            known = [n for n, each in registry.analyses().items() if own in each.modalities]
            raise ValueError(
                f"analyses.{name} is for {' and '.join(able)}, and the data are {own}; for "
                f"{own} there are {', '.join(known)}"
            )
    for name, recipe in configuration.recipes.items():
        for task in recipe.tasks or ():
            known = {each: each for each in configuration.data.chosen}
            catalog.lookup(known, task, f"task in recipes.{name}.tasks")
    if own == "images":
        _check_no_texts(configuration)
        _check_whole_tables(configuration)
    else:
        if configuration.trains:
            configuration.data.check_trained_on()
        _check_images_only(configuration, own)
        _check_top_k(configuration)


def _keys(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """(recipe or entry, key) of all that is said of a training and is not as usual."""
    for name, recipe in configuration.recipes.items():
        said = ((key, field.default) for key, field in type(recipe).model_fields.items())
        yield from (
            (f"recipes.{name}", key) for key, usual in said if getattr(recipe, key) != usual
        )
    for name, network in [*configuration.teachers.items(), *configuration.students.items()]:
        yield from ((f"override of {name}", key) for key in network.override)


def _check_network(where: str, network: Network, own: str) -> None:
    entry = catalog.ARCHITECTURES.get(network.architecture)
    library = network.architecture and catalog.library_of(network.architecture)
    taken = entry.modality if entry else "images" if library or network.program else own
    if taken != own:
        able = [name for name, each in catalog.ARCHITECTURES.items() if each.modality == own]
        raise ValueError(
            f"{where}: {network.architecture or network.program!r} takes {taken}, and the data are "
            f"{own}; networks for {own} are {', '.join(able) or 'not known here'}"
        )


def _check_no_texts(configuration: Configuration) -> None:
    for position, entry in enumerate(configuration.grid):
        if catalog.OBJECTIVES[entry.objective].needs == "texts":
            raise ValueError(
                f"grid entry {position + 1}: {entry.objective} learns from what a teacher writes, "
                "and the data are images"
            )
        if catalog.OBJECTIVES[entry.objective].on_policy:
            raise ValueError(
                f"grid entry {position + 1}: {entry.objective} learns from what the student "
                "writes, and the data are images"
            )


def _check_whole_tables(configuration: Configuration) -> None:
    for name in (*configuration.teachers, *configuration.students):
        recipe = configuration.recipe_of(name)
        if recipe and recipe.targets not in ("table", "online"):
            raise ValueError(
                f"the recipe of {name} has `targets: {recipe.targets}`, which is for texts, and "
                "the data are images: set `table` or `online`"
            )


def _check_top_k(configuration: Configuration) -> None:
    """Refuse losses that are no divergence of a few classes and all others together."""
    for position, entry in enumerate(configuration.grid):
        top_k = [
            name
            for name in entry.students
            if (recipe := configuration.recipe_of(name)) and recipe.targets == "top-k"
        ]
        declared = catalog.OBJECTIVES[entry.objective]
        if not top_k or declared.needs != "logits" or declared.on_policy:
            continue
        where = f"grid entry {position + 1}: the recipe of {top_k[0]} has `targets: top-k`, and"
        if declared.grouped is None:
            able = [name for name, each in catalog.OBJECTIVES.items() if each.grouped is not None]
            raise ValueError(
                f"{where} {entry.objective} needs each logit of the teacher: set `targets: hidden` "
                f"or `online` (top-k is enough for {', '.join(able)})"
            )
        for key, value in declared.grouped.items():
            if set(getattr(entry, key)) != {value}:
                raise ValueError(
                    f"{where} what the teacher leaves to all other tokens is known at {key} = "
                    f"{value:g} alone, not at {getattr(entry, key)}: set `targets: hidden` or "
                    "`online`"
                )
        if getattr(entry, "committee", None):
            raise ValueError(
                f"{where} each teacher of a `committee` would have other tokens: set `targets: "
                "hidden` or `online`"
            )


def _check_images_only(configuration: Configuration, own: str) -> None:
    versions = configuration.data.versions
    for where in [*configuration.teachers, *configuration.students]:
        recipe = configuration.recipe_of(where)
        if recipe is not None and recipe.taught not in versions:
            raise ValueError(
                f"{where}: its recipe teaches `{recipe.taught}`, and {configuration.data.name} has "
                f"{', '.join(versions)}"
            )
    for key in ("compress", "stand_ins"):
        if getattr(configuration, key):
            raise ValueError(f"`{key}` is for images, and the data are {own}: leave it out")
    for position, entry in enumerate(configuration.grid):
        if catalog.OBJECTIVES[entry.objective].prepare:
            raise ValueError(
                f"grid entry {position + 1}: {entry.objective} is made of relations between the "
                f"classes of images, and the data are {own}"
            )
        if getattr(entry, "teachers_in_training_mode", False):
            raise ValueError(
                f"grid entry {position + 1}: `teachers_in_training_mode` is for images, whose "
                f"networks normalise by the batch, and the data are {own}: leave it out"
            )
