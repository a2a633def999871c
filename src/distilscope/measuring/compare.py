"""The comparison job: a model with its reference on a probe, by image and by pair of layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distilscope import catalog, store
from distilscope.analyses.alignment import maps, objects
from distilscope.analyses.alignment.pairs import Images, Prepared, Rules, measure_pair
from distilscope.analyses.parts.part_tables import measure_maps, read_images
from distilscope.analyses.parts.parts_pair import PartRules
from distilscope.analyses.representation import layer_pairs
from distilscope.measuring import causes, observations
from distilscope.measuring.observations import ABSENT, LayerMaps, Outputs
from distilscope.planning.job import Job
from distilscope.workflow import progress
from distilscope.workflow.provenance import Stopwatch, write_run

KEYS = ("method", "layer", "reference_layer", "resolution", "grid", "explained")
RESOLUTIONS = ("native", "input")
EXPLAINED = ("reference", "own", "label")
INPUT_LAYER = "input"


@dataclass(frozen=True)
class PartRequest:
    """The settings of a comparison over parts.

    Attributes:
        variants: of the importances. top, least, most_gap: as `parts_pair.PartRules`.
        removal: the models were also shown the images without each part.
    """

    variants: tuple[str, ...]
    top: int
    least: int
    most_gap: float
    removal: bool

    @property
    def rules(self) -> dict[str, PartRules]:
        """Variant -> how it is measured."""
        return {
            name: PartRules(name, self.top, self.least, self.most_gap) for name in self.variants
        }


@dataclass(frozen=True)
class Request:
    """The settings of a comparison.

    Attributes:
        probe: name of the probe's folder in both observations.
        methods: explanation methods; those at layers are compared on the pairs of `layers`.
        layers: (model's layer, reference's layer), the headline pair first.
        layer_names, reference_layer_names: all layers whose Grams are compared.
        reductions: of the features behind the Grams.
        resolutions: `native` (the coarser grid of the two), `input` (upsampled to `image_size`).
        explained: whose class: `reference` (its prediction, for both), `own` (each its own
            prediction), `label`. Methods at the input explain the reference's prediction only.
        neighbours: of an image, for mutual nearest neighbours.
        object: how the pixels of an image's object are known (`objects.KINDS`), or None.
        parts: what is measured over parts, or None.
    """

    probe: str
    methods: tuple[str, ...]
    layers: tuple[tuple[str, str], ...]
    layer_names: tuple[str, ...]
    reference_layer_names: tuple[str, ...]
    reductions: tuple[str, ...]
    resolutions: tuple[str, ...]
    explained: tuple[str, ...]
    neighbours: int
    image_size: int
    rules: Rules
    object: str | None
    parts: PartRequest | None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Request:
        """From a job's settings.

        Raises:
            ValueError: a key is missing or a name is unknown.
        """
        try:
            request = cls(
                probe=settings["probe"],
                methods=tuple(settings["methods"]),
                layers=tuple((own, other) for own, other in settings["layers"]),
                layer_names=tuple(settings["layer_names"]),
                reference_layer_names=tuple(settings["reference_layer_names"]),
                reductions=tuple(settings["reductions"]),
                resolutions=tuple(settings["resolutions"]),
                explained=tuple(settings["explained"]),
                neighbours=settings["neighbours"],
                image_size=settings["image_size"],
                rules=Rules(
                    top=settings["top"],
                    curve=tuple(settings["curve"]),
                    folds=settings["folds"],
                    minimum_class=settings["minimum_class"],
                    shuffles=settings["shuffles"],
                    seed=settings.get("seed", 0),
                ),
                object=settings.get("object"),
                parts=PartRequest(**settings["parts"]) if settings.get("parts") else None,
            )
        except KeyError as error:
            raise ValueError(f"the settings of a comparison lack the key {error}") from None
        request._check()
        return request

    def _check(self) -> None:
        named = (
            (catalog.METHODS, self.methods, "explanation method"),
            (dict.fromkeys(RESOLUTIONS), self.resolutions, "resolution"),
            (dict.fromkeys(EXPLAINED), self.explained, "explained class"),
        )
        for table, names, what in named:
            for name in names:
                catalog.lookup(table, name, what)
        if self.object is not None:
            catalog.lookup(objects.KINDS, self.object, "way to know the object")


@dataclass(frozen=True)
class Subjects:
    """Both models on the probe's images: (N,) each, by rising dataset index.

    `objects` (N, K) says where each image's object is and how large; None where nobody knows.
    """

    model: Outputs
    reference: Outputs
    common: np.ndarray
    objects: np.ndarray | None

    @property
    def own(self) -> np.ndarray:
        """(N,) bool: both are right."""
        return self.model.correct & self.reference.correct

    def classes(self, explained: str) -> tuple[np.ndarray, np.ndarray]:
        """The class that the model's and the reference's map explain."""
        reference = self.reference.prediction
        choices = {
            "reference": (reference, reference),
            "own": (self.model.prediction, reference),
            "label": (self.model.label, self.model.label),
        }
        return choices[explained]

    def images(self, explained: str, chosen: np.ndarray) -> Images:
        """The chosen images (positions) as a pair of maps needs them."""
        classes, reference_classes = self.classes(explained)
        columns = (self.model.index, self.model.label, classes, reference_classes)
        place = None if self.objects is None else self.objects[chosen]
        return Images(*(c[chosen] for c in columns), self.common[chosen], self.own[chosen], place)

    def frame(self, explained: str, scope: np.ndarray | slice) -> pd.DataFrame:
        """The columns of `images.parquet` that say what the images are."""
        return pd.DataFrame(
            {
                "index": self.model.index[scope],
                "label": self.model.label[scope],
                "prediction": self.model.prediction[scope],
                "reference_prediction": self.reference.prediction[scope],
                "correct": self.model.correct[scope],
                "reference_correct": self.reference.correct[scope],
                "common": self.common[scope],
                "class": self.classes(explained)[0][scope],
            }
        )


def compare(job: Job) -> None:
    """Make a comparison: `images.parquet`, `layers.parquet` and `run.json`; where the settings have
    `parts`, also `parts.parquet` and `importances.parquet`.

    Inputs of the job: `dataset`, `observation`, `reference`, and `common`, the observations of
    the teacher and its twins: an image is common where all of them are right (where there are
    none, where the reference is); and `parts`. Settings: see `Request`.

    Raises:
        ValueError: settings that can't be used, or observations of different images.
        DamagedFile: an input's bytes are not those that were written.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("read")
    request = Request.of(job.settings)
    folders = job.input("observation"), job.input("reference")
    subjects = _subjects(job, folders, request)
    stopwatch.phase("maps")
    read = {method: MapsOfBoth.read(folders, request.probe, method) for method in request.methods}
    tables = list(_map_tables(read, subjects, request))
    images = pd.concat(tables, ignore_index=True) if tables else subjects.frame("label", slice(0))
    stopwatch.phase("parts")
    over_parts = _part_tables(job, folders, read, subjects, request)
    stopwatch.phase("layers")
    sides = layer_pairs.read_sides(
        folders, request.probe, (request.layer_names, request.reference_layer_names)
    )
    layers = layer_pairs.layer_table(sides, request.probe, request.reductions, request.neighbours)
    stopwatch.phase("write")
    about = {"probe": request.probe, "top": request.rules.top}
    store.write_table(job.folder / "images.parquet", images, about)
    store.write_table(job.folder / "layers.parquet", layers, about)
    for name, table in over_parts.items():
        store.write_table(job.folder / f"{name}.parquet", table, about | {"top": request.parts.top})
    facts = {
        "images": len(subjects.common),
        "common": int(subjects.common.sum()),
        "both_correct": int(subjects.own.sum()),
        "rows": len(images),
        "undefined_rho": int(images["rho"].isna().sum()) if "rho" in images else 0,
        "same_features": {"model": sides[0].same_as, "reference": sides[1].same_as},
    }
    write_run(job, stopwatch, facts)


def _subjects(job: Job, folders: tuple[Path, Path], request: Request) -> Subjects:
    probe, family = request.probe, job.inputs_of("common")
    model, reference = (observations.read_outputs(folder, probe) for folder in folders)
    observations.require_same_images(model, reference)
    members = [observations.read_outputs(folder, probe) for folder in family] or [reference]
    for member in members:
        observations.require_same_images(model, member)
    common = np.logical_and.reduce([m.correct for m in members])
    place = None
    if request.object is not None:
        masks = objects.KINDS[request.object](job, probe, model.index)
        place = objects.with_products(objects.place_and_extent(masks))
    return Subjects(model, reference, common, place)


# --------------------------------------------------------------------------------------- maps


@dataclass(frozen=True)
class MapsOfBoth:
    """The stored maps of one method, model's and reference's: each file is read once."""

    method: str
    folders: tuple[Path, Path]
    sides: tuple[Mapping[str, LayerMaps], Mapping[str, LayerMaps]]

    @classmethod
    def read(cls, folders: tuple[Path, Path], probe: str, method: str) -> MapsOfBoth:
        """From both observations."""
        sides = tuple(observations.read_maps(folder, probe, method) for folder in folders)
        return cls(method, folders, sides)

    def layers(self, names: tuple[str, str]) -> tuple[LayerMaps, LayerMaps]:
        """Those of a layer of the model and one of the reference."""
        return tuple(
            observations.layer_of(side, name, self.method, folder)
            for side, name, folder in zip(self.sides, names, self.folders, strict=True)
        )


def _layer_pairs(method: str, request: Request) -> tuple[tuple[str, str], ...]:
    """The pairs of layers at which a method's maps are compared, the headline pair first."""
    at_layers = catalog.METHODS[method].at == "layers"
    return request.layers if at_layers else ((INPUT_LAYER, INPUT_LAYER),)


def _tables(request: Request) -> int:
    """How many tables `_map_tables` makes."""
    at_a_layer = len(request.resolutions) * len(request.explained)
    return sum(
        len(_layer_pairs(method, request))
        * (at_a_layer if catalog.METHODS[method].at == "layers" else 1)
        for method in request.methods
    )


def _map_tables(
    read: Mapping[str, MapsOfBoth], subjects: Subjects, request: Request
) -> Iterator[pd.DataFrame]:
    stage = progress.counted(_tables(request), "tables")
    for method in request.methods:
        at_layers = catalog.METHODS[method].at == "layers"
        for names in _layer_pairs(method, request):
            layers = read[method].layers(names)
            keys = {"method": method, "layer": names[0], "reference_layer": names[1]}
            for resolution in request.resolutions if at_layers else ("input",):
                prepared, grid = _prepare(layers, method, resolution, request.image_size)
                keys |= {"resolution": resolution, "grid": f"{grid[0]}x{grid[1]}"}
                for explained in request.explained if at_layers else ("reference",):
                    found = _explained_table(layers, prepared, subjects, explained, keys, request)
                    stage.advance()
                    yield found


def _part_tables(
    job: Job,
    folders: tuple[Path, Path],
    read: Mapping[str, MapsOfBoth],
    subjects: Subjects,
    request: Request,
) -> dict[str, pd.DataFrame]:
    """`parts`, a row for each image, map and variant; `importances`, for each part; or nothing.

    Of methods at layers the headline pair is measured, for the reference's prediction.
    """
    parts = request.parts
    if parts is None:
        return {}
    images = read_images(
        job.input("parts"),
        tuple(folder / request.probe for folder in folders),
        (subjects.model, subjects.reference),
        subjects.common,
        removal=parts.removal,
    )
    by_image, by_part = [], []
    for method in request.methods:
        names = _layer_pairs(method, request)[0]
        keys = {"method": method, "layer": names[0], "reference_layer": names[1]}
        for found in measure_maps(
            images, subjects.model.index, read[method].layers(names), method, parts.rules,
            request.rules.shuffles, request.rules.seed,
        ):  # fmt: skip
            table = subjects.frame("reference", found.chosen)
            place = {**keys, "resolution": "input", "explained": "reference"}
            by_image.append(table.assign(**place, variant=found.variant, **found.values))
            by_part.append(found.by_part.assign(**keys, variant=found.variant))
    both = {"parts": by_image, "importances": by_part}
    return {name: pd.concat(tables, ignore_index=True) for name, tables in both.items()}


def _prepare(
    layers: tuple[LayerMaps, LayerMaps], method: str, resolution: str, image_size: int
) -> tuple[list[Prepared], tuple[int, int]]:
    """Both sides' maps at one resolution, and its grid.

    The part that counts as evidence is taken before resampling, as GradCAM is published.
    """
    native = [maps.evidence(layer.values, method) for layer in layers]
    if resolution == "native":
        grid = tuple(np.minimum(layers[0].grid, layers[1].grid).tolist())
        resampled = [maps.pool(values, grid) for values in native]
    else:
        grid = (image_size, image_size)
        resampled = [maps.upsample(values, grid) for values in native]
    return [Prepared.of(n, r) for n, r in zip(native, resampled, strict=True)], grid


def _explained_table(
    layers: tuple[LayerMaps, LayerMaps],
    prepared: list[Prepared],
    subjects: Subjects,
    explained: str,
    keys: Mapping[str, str],
    request: Request,
) -> pd.DataFrame:
    """The rows of one (method, layer pair, resolution, explained class).

    The scope of a method for the whole probe is every image; of others, the images that both
    models have maps of. A map that is missing for its class is NaN with that reason.
    """
    classes = subjects.classes(explained)
    index = subjects.model.index
    rows = [layer.rows(index, wanted) for layer, wanted in zip(layers, classes, strict=True)]
    present = (rows[0] != ABSENT) & (rows[1] != ABSENT)
    if catalog.METHODS[keys["method"]].whole_probe:
        scope = np.arange(len(index))
    else:
        scope = np.flatnonzero(np.isin(index, layers[0].index) & np.isin(index, layers[1].index))
    chosen = np.flatnonzero(present)
    found = measure_pair(
        *(side.take(r[chosen]) for side, r in zip(prepared, rows, strict=True)),
        subjects.images(explained, chosen),
        request.rules,
        published=keys["resolution"] == "input" and keys["layer"] != INPUT_LAYER,
        strangers=explained == "reference" and keys["layer"] != INPUT_LAYER,
    )
    table = subjects.frame(explained, scope).assign(**{key: keys[key] for key in KEYS[:-1]})
    table["explained"] = explained
    place = np.searchsorted(scope, chosen)
    for name, values in found.items():
        table[name] = _spread(values, place, len(scope))
    table.loc[~present[scope], "reason"] = causes.NO_MAP
    return table


def _spread(values: np.ndarray, place: np.ndarray, length: int) -> np.ndarray:
    """Values of some rows among all: float32 with NaN elsewhere, or objects with None."""
    if values.dtype == object:
        spread = np.full(length, None, dtype=object)
    else:
        spread = np.full(length, np.nan, np.float32)
    spread[place] = values
    return spread
