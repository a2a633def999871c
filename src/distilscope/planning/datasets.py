"""The artefact of a study's images, and the user's folders that it is made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distilscope import catalog
from distilscope.configuration.data import Data, Pictures
from distilscope.configuration.kinds import ConfigurationError, expanded
from distilscope.planning import fingerprint
from distilscope.planning.artefact import Artefact
from distilscope.planning.settings import content_of
from distilscope.store.contents import Content


def dataset(data: Data | Pictures, root: Path, downloads: Path) -> Artefact:
    """The prepared images of a study.

    Args:
        root: the folder of the workflow, where bundled data lies. downloads: where fetched data is.

    Raises:
        NotHere, ConfigurationError: a folder or file that the configuration names can't be used.
    """
    entry = catalog.DATASETS[data.name]
    place, content = _source(data, entry, root, downloads)
    own, information, pictures = _of_pictures(data) if isinstance(data, Pictures) else ({}, {}, {})
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


def _of_pictures(data: Pictures) -> tuple[dict[str, Any], dict[str, Any], dict[str, Content]]:
    """Settings without the user's paths, the paths, and what lies there."""
    try:
        names = data.names
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"data.classes: {data.classes} can't be read ({error})") from None
    settings = {**data.model_dump(exclude={"path", "held_out"}), "classes": names}
    if not data.held_out:
        return settings, {}, {}
    place = expanded(data.held_out)
    content = content_of(place, "data.held_out", catalog.DATASETS[data.name].files)
    settings["held_out"] = content.digest
    return settings, {"held_out": str(place)}, {"data.held_out": content}
