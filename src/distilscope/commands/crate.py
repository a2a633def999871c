"""What a packed study is, in the form that repositories of research data read: RO-Crate 1.1.

`ro-crate-metadata.json` describes the study, each of its files and the run that made them, as
https://www.researchobject.org/ro-crate/specification/1.1/ asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from distilscope import __version__, store

FILE = "ro-crate-metadata.json"
FORM = "https://w3id.org/ro/crate/1.1"
CONTEXT = [f"{FORM}/context", {"sha256": "https://schema.org/sha256"}]
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}

Entity = dict[str, Any]


def describe(
    study: str, title: str, finished: str, files: Mapping[str, bytes], undescribed: str
) -> dict[str, Any]:
    """The content of `ro-crate-metadata.json`.

    Args:
        study: the study's name. title: its title.
        finished: when its last job ended, in ISO 8601.
        files: name in the crate -> content.
        undescribed: a further file, of which nothing is known yet but its name.
    """
    described = [_file(name, content) for name, content in sorted(files.items())]
    described.append({"@id": undescribed, "@type": "File", "name": undescribed})
    root: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": title,
        "description": f"The study {study}: its tables, figures and report, and what made them",
        "datePublished": finished,
        "license": {"@id": "#licence"},
        "hasPart": [{"@id": one["@id"]} for one in described],
        "mentions": {"@id": "#run"},
    }
    return {"@context": CONTEXT, "@graph": [_DESCRIPTOR, root, *described, *_around(finished)]}


_DESCRIPTOR: Entity = {
    "@id": FILE,
    "@type": "CreativeWork",
    "about": {"@id": "./"},
    "conformsTo": {"@id": FORM},
}


def _file(name: str, content: bytes) -> Entity:
    return {
        "@id": name,
        "@type": "File",
        "name": name,
        "contentSize": str(len(content)),
        "encodingFormat": MEDIA_TYPES[PurePosixPath(name).suffix],
        "sha256": store.digest_bytes(content),
    }


def _around(finished: str) -> list[Entity]:
    """The run, the program that ran, and the licence."""
    return [
        {
            "@id": "#run",
            "@type": "CreateAction",
            "name": "The run of the study",
            "endTime": finished,
            "instrument": {"@id": "#distilscope"},
            "object": {"@id": "study.json"},
            "result": {"@id": "./"},
        },
        {
            "@id": "#distilscope",
            "@type": "SoftwareApplication",
            "name": "distilscope",
            "softwareVersion": __version__,
        },
        {
            "@id": "#licence",
            "@type": "CreativeWork",
            "name": "No licence is stated",
            "description": "Whoever publishes this study states one; its images have their own",
        },
    ]
