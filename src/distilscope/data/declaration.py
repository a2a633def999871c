"""What kinds of examples and sources of data declare: read by the plan, without torch."""

from __future__ import annotations

from dataclasses import dataclass

LISTED_IN = "distilscope.data.listing"


@dataclass(frozen=True)
class Modality:
    """A kind of examples.

    Attributes:
        unit: what its examples are called, in the plural.
        recipe: keys of a recipe that say how its examples are shown; another modality has none of
            them.
        plan: dotted path of a subclass of `planning.modality.ModalityPlan`: which jobs prepare,
            train, tabulate, observe and check, with what settings and files.
    """

    unit: str
    recipe: tuple[str, ...]
    plan: str


@dataclass(frozen=True)
class Dataset:
    """A source of labelled examples.

    Attributes:
        reader: dotted path `module:function`; of images called as `reader(path, image_size, fit)`,
            returns `RawSplits`; of texts the job that makes them.
        path: `bundled` (ships with the repository), `downloaded` (into the shared data folder),
            `given` (the configuration names it) or `generated` (nothing is read).
        downloader: dotted path of the function that fetches it, for `downloaded` sets.
        parted: its reader returns `PartedSplits`, which know the parts of every image.
        files: dotted path of the function that lists which files of `path` are read.
        without: dotted path of the function that draws its images without a part; None where
            that can't be done, so that the part is filled with one colour instead.
        black_ground: an image's object is its pixels above 0.
        prepares: dotted path of the function that makes the prepared data set itself, of a source
            without training images; `reader` is then not called.
        modality: what its examples are: a key of `catalog.MODALITIES`.
    """

    reader: str
    path: str
    downloader: str | None = None
    bundled_file: str | None = None
    parted: bool = False
    files: str = f"{LISTED_IN}:everything"
    without: str | None = None
    black_ground: bool = False
    prepares: str | None = None
    modality: str = "images"
