"""The artefact of a study's images, and the user's folders that it is made from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distilscope import catalog
from distilscope.configuration.data import Data, Pictures
from distilscope.configuration.kinds import ConfigurationError, expanded
from distilscope.configuration.networks import Network
from distilscope.configuration.shared_classes import SHARED, shared
from distilscope.planning import fingerprint
from distilscope.planning.artefact import Artefact
from distilscope.planning.settings import classes_of, content_of
from distilscope.store.contents import Content


def dataset(
    data: Data | Pictures, root: Path, downloads: Path, models: Mapping[str, Network]
) -> Artefact:
    """The prepared images of a study.

    Args:
        root: the folder of the workflow, where bundled data lies. downloads: where fetched data is.
        models: the entries of teachers and students, whose classes are compared where these are
            `shared`.

    Raises:
        NotHere, ConfigurationError: a folder or file that the configuration names can't be used.
    """
    entry = catalog.DATASETS[data.name]
    place, content = _source(data, entry, root, downloads)
    of_pictures = isinstance(data, Pictures)
    own, information, pictures = _of_pictures(data, models) if of_pictures else ({}, {}, {})
    settings = own or data.model_dump(exclude={"path"})
    if entry.prepares:
        settings["prepares"] = entry.prepares
    return Artefact(
        kind="dataset",
        slug=data.name,
        settings={
            **settings,
            "reader": entry.reader,
            "content": content.digest if content else f"published {data.name}",
        },
        source=fingerprint.source("distilscope.data.prepare", entry.reader),
        information={"source": str(place), **information},
        files=("images.safetensors", "manifest.json"),
        contents={**({"data.path": content} if content else {}), **pictures},
    )


def _source(
    data: Data | Pictures, entry: catalog.Dataset, root: Path, downloads: Path
) -> tuple[Path, Content | None]:
    """Where the images are, and they as they are now; None of what is still downloaded."""
    if entry.path == "downloaded":
        return downloads / data.name, None
    place = root / entry.bundled_file if entry.bundled_file else expanded(data.path)
    return place, content_of(place, "data.path", entry.files)


def _of_pictures(
    data: Pictures, models: Mapping[str, Network]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Content]]:
    """Settings without the user's paths, the paths, and what lies there."""
    settings = {**data.model_dump(exclude={"path", "held_out"}), **_classes(data, models)}
    if not data.held_out:
        return settings, {}, {}
    place = expanded(data.held_out)
    content = content_of(place, "data.held_out", catalog.DATASETS[data.name].files)
    settings["held_out"] = content.digest
    return settings, {"held_out": str(place)}, {"data.held_out": content}


def _classes(data: Pictures, models: Mapping[str, Network]) -> dict[str, list[str] | None]:
    """The names by label; and under `left` those that not all models know, where any are."""
    if data.classes != SHARED:
        try:
            return {"classes": data.names}
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"data.classes: {data.classes} can't be read ({error})"
            ) from None
    unnamed = next((name for name, entry in models.items() if entry.classes is None), None)
    if unnamed is not None:
        raise ConfigurationError(
            f"data.classes: `{SHARED}` are the classes that all models know, and {unnamed} has no "
            "`classes`: give the names of its outputs in their order, a list or a text file"
        )
    known = {name: classes_of(name, entry) for name, entry in models.items()}
    try:
        found = shared(known)
    except ValueError as error:
        raise ConfigurationError(f"data.classes: {error}") from None
    return {"classes": found.names, **({"left": found.left} if found.left else {})}
