"""Pictures as people have them: a folder of classes, or of pictures without labels, to test on.

Nothing is learnt from them, so that there is no training part and no mean is taken. They are
decoded one after another into frames on the disk: memory holds one picture.
"""

from __future__ import annotations

import hashlib
import logging
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from distilscope import catalog, store
from distilscope.configuration.shared_classes import first
from distilscope.data.files import IMAGES_FILE, MANIFEST_FILE
from distilscope.data.frames import frame
from distilscope.data.hashing import Stream, mix, ranks_in_class
from distilscope.data.image_folder import decoded
from distilscope.data.listing import everything, is_clutter, of_pictures
from distilscope.data.raw import BadData
from distilscope.planning.job import Job
from distilscope.words import count
from distilscope.workflow import progress
from distilscope.workflow.provenance import Stopwatch, write_run

UNLABELLED = -1
NAMED = 5
"""Files that a message names."""
FEW = 50
"""Fewer images than this give intervals that tell little."""
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
"""Those of ImageNet: pictures have no training part, and each model brings its own."""

log = logging.getLogger(__name__)


@dataclass
class Part:
    """Pictures of one folder.

    Attributes:
        files, labels, indices: of the chosen pictures, by rising index; `broken` ones go.
        broken: what is wrong with pictures that can't be decoded.
        turned: how many have an orientation that is not applied.
        compared: names of those that stand among other pictures, which they may not.
        digests: of the frames, of those that other pictures are held against.
    """

    files: list[Path]
    labels: np.ndarray
    indices: np.ndarray
    broken: list[str] = field(default_factory=list)
    turned: int = 0
    compared: list[str] = field(default_factory=list)
    digests: set[bytes] = field(default_factory=set)

    def frames(
        self, settings: Mapping[str, Any], others: Collection[bytes] = (), *, digested: bool = False
    ) -> Iterator[np.ndarray]:
        """The frames of those that can be decoded and, by their digests, are none of `others`; the
        rest is struck from the lists.

        Args:
            digested: keep the digests; where there are no others no frame is digested otherwise.
        """
        stage = progress.stage("pictures", len(self.files), "pictures")
        kept = np.zeros(len(self.files), bool)
        how = settings["image_size"], settings["resize"], settings["interpolation"]
        for position, file in enumerate(self.files):
            try:
                picture, is_turned = decoded(file, grey=False, formats=None)
            except BadData as fault:
                self.broken.append(str(fault))
            else:
                made = frame(picture, *how)
                digest = _digest(made) if digested or others else b""
                if digest in others:
                    self.compared.append(file.name)
                else:
                    if digested:
                        self.digests.add(digest)
                    kept[position] = True
                    self.turned += is_turned
                    yield made
            stage.advance()
        self.labels, self.indices = self.labels[kept], self.indices[kept]


def prepare(job: Job) -> None:
    """Make the data set of a job out of a folder: the files of `data.prepare`, with no training.

    Settings: `image_size` (side of the frame), `resize` and `interpolation` (see `frames`),
    `labels` (`folders` or `none`), `classes` (names in the order of the models' outputs, or null
    for the folders'), perhaps `left` (classes that not all models know, whose pictures are left),
    `limit` (how many pictures at most, as many of each class, or null).
    `job.information`: `source`, and `held_out` for a folder of further pictures, with labels as
    the others, or null.

    An index is the place of a picture among the sorted relative paths of its folder; held-out
    pictures come behind.

    Raises:
        BadData: there is no picture, none can be decoded, fewer than two classes, a folder is
            none of `classes`, or all held-out pictures are among those compared.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("list")
    settings, source = job.settings, Path(job.information["source"])
    names, notes = class_names(source, settings), []
    test = chosen(source, names, settings["labels"], settings["limit"], notes)
    held_out = _held_out(job, names, len(test.files))
    size = settings["image_size"]
    stopwatch.phase("decode")
    with store.write_tensor_stream(job.folder / IMAGES_FILE) as stream:
        for name, part, others in (("test", test, ()), ("train", held_out, test.digests)):
            rows = part.frames(settings, others, digested=part is test and bool(held_out.files))
            if not stream.rows(f"{name}.images", (3, size, size), rows) and part.files:
                place = source if part is test else job.information["held_out"]
                raise BadData(f"{place}: {_nothing_left(part)}")
            stream.array(f"{name}.labels", part.labels)
            stream.array(f"{name}.indices", part.indices)
        stream.array("train.held_out", np.ones(len(held_out.labels), bool))
        digests = stream.digests
    stopwatch.phase("write")
    notes += [*_of_files(test), *_of_files(held_out), *_of_counts(test, names, settings)]
    counts = {"train": 0, "held-out": len(held_out.labels), "test": len(test.labels)}
    labels = {"train": test.labels[:0], "held-out": held_out.labels, "test": test.labels}
    manifest = {
        "classes": list(names),
        "image_size": size,
        "fit": "crop",
        "mean": MEAN,
        "std": STD,
        "counts": counts,
        "class_counts": {
            part: np.bincount(some[some >= 0], minlength=len(names)).tolist()
            for part, some in labels.items()
        },
        "digests": digests,
        "source": str(source),
        "notes": notes,
        "grey_rule": None,
        "mapped": True,
        "share": size / (settings["resize"] or size),
    }
    store.write_json(job.folder / MANIFEST_FILE, manifest)
    write_run(job, stopwatch, {"counts": counts, "notes": notes})
    for note in notes:
        log.warning("pictures: %s", note)
    log.info("pictures: %s images", counts)


# --------------------------------------------------------------------------------------- lists


def class_names(source: Path, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The names by label: those of the settings, or those of the folders in their order.

    Raises:
        BadData: a folder is none of the settings' names, or has the name of two of them, or there
            are fewer than two classes.
    """
    given = settings["classes"]
    if settings["labels"] == "none":
        if not given:
            raise BadData(
                f"{source}: without labels the pictures don't tell the classes; give "
                "`data.classes`, the names of the models' outputs in their order, or their number"
            )
        return tuple(map(_composed, given))
    folders = sorted(
        {_composed(e.name) for e in source.iterdir() if e.is_dir() and not is_clutter(e.name)}
    )
    if given:
        names = tuple(map(_composed, given))
        known = {*names, *map(_composed, settings.get("left", ()))}
        strange = [name for name in folders if name not in known]
        if strange:
            raise BadData(
                f"{source}: the folder {strange[0]!r} ({len(strange)} in all) is none of "
                f"`data.classes`; {catalog.suggest(strange[0], names)}"
            )
        counted = Counter(names)
        doubled = next((name for name in folders if counted[name] > 1), None)
        if doubled is not None:
            raise BadData(
                f"{source}: two of `data.classes` are called {doubled!r}, as a folder is: give "
                "each a name of its own"
            )
        return names
    if len(folders) < 2:
        raise BadData(
            f"{source}: {count(len(folders), 'folder')} of classes, at least 2 are needed: put "
            "the pictures of each class into a folder of its name, or set `labels: none`"
        )
    return tuple(folders)


def chosen(
    source: Path, names: Sequence[str], labels: str, limit: int | None, notes: list[str]
) -> Part:
    """The pictures that are used, before any is opened; what is passed over is noted.

    With a limit they are as many of each class as there are, chosen by a hash of the index.
    """
    found = sorted((file.relative_to(source).as_posix(), file) for file in of_pictures(source))
    others = sum(1 for _ in everything(source)) - len(found)
    if others:
        notes.append(f"{_are(others, 'file')} passed over in {source}: no pictures by their names")
    places = {name: label for label, name in enumerate(names)}
    index = np.arange(len(found), dtype=np.int64)
    if labels == "none":
        known = np.full(len(found), UNLABELLED, np.int64)
    else:
        tops = [_composed(name.split("/")[0]) if "/" in name else "" for name, _ in found]
        known = np.array([places.get(top, UNLABELLED) for top in tops], np.int64)
        loose = int((known == UNLABELLED).sum())
        if loose:
            notes.append(
                f"{_are(loose, 'picture')} left in {source}: in no folder of a class that is "
                "compared"
            )
        index = index[known != UNLABELLED]
    folders = sorted({name.split("/")[0] for name, _ in found if "/" in name})
    if not len(index) and folders:
        raise BadData(
            f"{source}: the folders that hold pictures are {first(folders)}, and the classes are "
            f"{first(names)}: call each folder as its class, or set `labels: none`"
        )
    if not len(index):
        raise BadData(
            f"{source}: there is no picture; expected `<class>/<picture>`, or with `labels: none` "
            "pictures, in a format that Pillow decodes (png, jpg, webp, ...)"
        )
    if limit is not None and limit < len(index):
        order = mix(Stream.SUBSET, 0, index)
        classes = np.maximum(known[index], 0)
        ranks = ranks_in_class(classes, order)
        index = np.sort(index[np.lexsort((order, ranks))[:limit]])
    return Part([found[place][1] for place in index], known[index], index)


def _held_out(job: Job, names: Sequence[str], behind: int) -> Part:
    place = job.information.get("held_out")
    if place is None:
        return Part([], np.zeros(0, np.int64), np.zeros(0, np.int64))
    part = chosen(Path(place), names, job.settings["labels"], None, [])
    total = sum(1 for _ in of_pictures(Path(job.information["source"])))
    part.indices = part.indices + max(total, behind)
    return part


def _digest(image: np.ndarray) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _nothing_left(part: Part) -> str:
    number = count(len(part.files), "picture")
    if part.compared:
        return (
            f"none of {number} is left beside those that models are compared on, on which nothing "
            "is fitted; give others as `data.held_out`, or none"
        )
    return f"none of {number} can be decoded; the first: {part.broken[0]}"


# --------------------------------------------------------------------------------------- notes


def _are(number: int, one: str) -> str:
    """`1 file is`, `2 files are`."""
    return f"{count(number, one)} {'is' if number == 1 else 'are'}"


def _of_files(part: Part) -> list[str]:
    notes = []
    if part.broken:
        more = len(part.broken) - NAMED
        tail = f" and {more} more" if more > 0 else ""
        notes.append(
            f"{len(part.broken)} of {count(len(part.files), 'picture')} can't be used: "
            + "; ".join(part.broken[:NAMED])
            + tail
        )
    if part.compared:
        notes.append(
            f"{len(part.compared)} of {count(len(part.files), 'held-out picture')} "
            f"({first(part.compared)}) are among those compared, and left out: nothing is fitted "
            "on these"
        )
    if part.turned:
        notes.append(
            f"the EXIF orientation of {count(part.turned, 'picture')} is not applied; turn the "
            "pixels themselves if they should be upright"
        )
    return notes


def _of_counts(test: Part, names: Sequence[str], settings: Mapping[str, Any]) -> list[str]:
    notes = []
    left = settings.get("left")
    if left:
        every = len(names) + len(left)
        notes.append(
            f"models are compared on the {len(names)} of {every} classes that all of them know, "
            f"and answer among these: {first(names)}; the others are {first(left)}"
        )
    if len(test.labels) < FEW:
        notes.append(
            f"{_are(len(test.labels), 'picture')} compared: intervals are wide with fewer than "
            f"{FEW}"
        )
    if settings["labels"] == "none":
        notes.append("the pictures have no labels: accuracy and calibration are not measured")
    elif len(seen := Counter(test.labels.tolist())) < 2:
        notes.append("all pictures are of one class: what separates classes can't be measured")
    elif len(seen) < len(names):
        notes.append(f"{len(names) - len(seen)} of {len(names)} classes have no picture")
    return notes
