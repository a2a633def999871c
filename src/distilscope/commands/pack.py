"""A published study in one file: what a paper's supplement or a colleague needs to check it.

The archive holds the folder that people open (tables, figures, report, `study.json` with the
resolved configuration and all identities) and the `run.json` of every artefact that it was made
from. `manifest.json` names each file with its SHA-256, `ro-crate-metadata.json` does so as
repositories of research data read it. The same study gives the same bytes.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from distilscope import store
from distilscope.commands import crate, verify
from distilscope.commands.configured import read
from distilscope.configuration.kinds import ConfigurationError
from distilscope.planning import record
from distilscope.planning.artefact import FOLDERS, RESULTS, STORE
from distilscope.store import accepted

MANIFEST = "manifest.json"
EPOCH = (1980, 1, 1, 0, 0, 0)  # zip has no time before it; no file's own time plays a part
README = "README.txt"
WORDS = """\
A study made by distilscope.

report.html     open it in a browser; it loads nothing from a network
*.parquet       every number (docs/measures.md of the project defines them)
figures/        each figure as SVG and PNG, its numbers as CSV
study.json      the resolved configuration, and the identity of everything that was made
provenance/     for each of these what made it: settings, inputs, versions, machine, seconds
manifest.json   SHA-256 of each file; ro-crate-metadata.json says the same as an RO-Crate 1.1
"""


def pack(study: str, target: Path, results: Path = RESULTS) -> int:
    """Write the published study of that name to `target`, a zip file; the number of its files.

    Raises:
        ConfigurationError: the study is not published, or a file of it is not as it was written.
    """
    folder = results / study
    published = record.read(study, results)
    if published is None:
        raise ConfigurationError(
            f"{folder}/ holds no published study; run it first: make study, or snakemake --cores "
            "all --resources gpu=1 --configfile with its configuration"
        )
    damaged = verify.published(folder)
    if damaged:
        raise ConfigurationError("\n".join(damaged))
    files = dict(sorted(_files(folder, published, results)))
    contents = {name: path.read_bytes() for name, path in files.items()} | {README: WORDS.encode()}
    contents[crate.FILE] = _as_bytes(
        crate.describe(
            study,
            published.configuration["title"] or study,
            _finished(contents),
            contents,
            MANIFEST,
        )
    )
    digests = {name: store.digest_bytes(content) for name, content in sorted(contents.items())}
    contents[MANIFEST] = _as_bytes({"study": study, "files": digests})
    with (
        store.atomic(target, digest=False) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
    ):
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(f"{study}/{name}", EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return len(contents)


def _as_bytes(value: Any) -> bytes:
    return (store.canonical_json(value) + "\n").encode()


def _finished(contents: Mapping[str, bytes]) -> str:
    """When the last of the jobs ended that made the study."""
    runs = (content for name, content in contents.items() if name.endswith(f"/{store.RUN_FILE}"))
    return max(json.loads(run)["finished"] for run in runs)


def _files(folder: Path, published: record.Record, results: Path) -> Iterator[tuple[str, Path]]:
    """Name in the archive -> file."""
    for name in store.read_json(folder / record.FILE, published=dict)["published"]:
        yield name, folder / name
    yield record.FILE, folder / record.FILE
    for (kind, slug), known in published.artefacts.items():
        for one in known:
            place = results / STORE.name / FOLDERS[kind] / f"{slug}.{one.identity}"
            for name in ("run.json", accepted.FILE):
                if (place / name).is_file():
                    yield f"provenance/{FOLDERS[kind]}/{place.name}/{name}", place / name


def main(path: Path) -> int:
    """Pack the published study of a configuration as results/<study>.zip."""
    study = read(path).study
    target = RESULTS / f"{study}.zip"
    count = pack(study, target)
    print(f"{target}: {count} files, {target.stat().st_size / 1e6:.1f} MB")
    return 0
