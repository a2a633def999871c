"""`distilscope.compare`: two networks and some images, and the numbers of the pipeline."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from distilscope import catalog
from distilscope.configuration.measured import FEWEST_IN_A_GRAM, Observe, Statistics
from distilscope.face.images import Images, Source
from distilscope.face.network import (
    Logits,
    Side,
    check_layers_can_be_watched,
    check_precision,
    inputs,
)
from distilscope.face.result import Comparison, Maps
from distilscope.face.study import (
    ANALYSES,
    STUDENT,
    TEACHER,
    Observed,
    Rules,
    measured,
    settings_of,
)
from distilscope.models.layers import propose
from distilscope.observing import grams
from distilscope.observing.classes import ABSENT
from distilscope.observing.forward import Batch, Passed, passing
from distilscope.observing.numerics import exact
from distilscope.observing.request import Request
from distilscope.words import count

CONTENTS = ("logits", "features", "saliency")
FEW = 50
BOTH = (TEACHER, STUDENT)


def compare(
    teacher: nn.Module,
    student: nn.Module,
    images: Images,
    labels: ArrayLike | None = None,
    *,
    layers: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    explained: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    methods: Sequence[str] = ("gradcam",),
    resolution: str = "native",
    prepare: Mapping[str, Callable[[Tensor], Tensor]] | None = None,
    output: str | int | Mapping[str, str | int] | None = None,
    batch: int = 64,
    gram_batch: int | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    replicates: int = Statistics().bootstrap,
    level: float = Statistics().level,
    seed: int = Statistics().seed,
) -> Comparison:
    """Whether a student says what its teacher says, and looks where it looks.

    The numbers are the pipeline's: its own code makes them. Both networks see each batch once, in
    evaluation mode and fp32; nothing of them is changed. Memory holds one batch, and of each image
    logits, pooled features and small maps: of 1,000 classes and 7x7 maps some 30 KB. Once no batch
    is there any more, the numbers take some 50 KB an image besides.

    Args:
        teacher, student: networks from images to logits (N, classes) of the same classes.
        images: (N, C, H, W) as the networks take them, or batches of a DataLoader: tensors or
            (images, labels). They are read once.
        labels: (N,) integers. Without any there are only measures that need none.
        layers: paths of modules to compare, input to output: for both networks, or
            `{"teacher": [...], "student": [...]}`. None takes those that `distilscope layers`
            proposes, the last output of each stage; `notes` names them.
        explained: those whose maps are compared, the most important first, pair by pair; None
            takes the last of `layers`.
        methods: explanation methods at layers, the first for the headline.
        resolution: `native`: maps are compared on the coarser grid of the two. `input`: brought
            to the size of square images first, as the headline of a study is; this takes memory
            of 120 bytes an image and pixel.
        prepare: a function of each network from images to what it takes; None is as they are.
        output: the entry that holds the logits where an output is a tuple or a mapping; of both
            networks or of each.
        batch: images at once, for tensors. One that does not fit in memory is halved.
        gram_batch: images in a Gram behind CKA; 200, or all where there are fewer.
        settings: of analyses, by name, where they are not to be the usual ones, such as
            `{"alignment": {"minimum_class": 5}}`.
        replicates, level, seed: of the bootstrap over images.

    Raises:
        ValueError: layers, images, labels or outputs that can't be used; logits or maps that are
            not finite; networks of different classes.
        TypeError: something else than networks, or than images.

    Warns:
        UserWarning: what is odd about the networks or too little of the images: `notes` has it.

    A network that says which colour is strongest, beside itself:

    >>> import torch
    >>> from distilscope import compare
    >>> from torch import nn
    >>> colours = nn.Conv2d(3, 3, 3, padding=1, bias=False)
    >>> _ = nn.init.dirac_(colours.weight)
    >>> net = nn.Sequential(colours, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    >>> labels = torch.arange(60) % 3
    >>> images = torch.rand(60, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> images[torch.arange(60), labels] += 0.5
    >>> found = compare(net, net, images, labels, layers=["1"])
    >>> [round(found.value(name), 3) for name in ("accuracy", "agreement", "image_specific_rho")]
    [1.0, 1.0, 1.0]
    """
    for network, called in ((teacher, TEACHER), (student, STUDENT)):
        if not isinstance(network, nn.Module):
            raise TypeError(f"the {called} is a {type(network).__name__}; expected an nn.Module")
        check_layers_can_be_watched(network, called)
        check_precision(network, called)
    catalog.lookup(dict.fromkeys(("native", "input")), resolution, "resolution")
    methods = (methods,) if isinstance(methods, str) else methods
    _check_numbers(batch=batch, gram_batch=gram_batch, replicates=replicates, level=level)
    for analysis in settings or {}:
        catalog.lookup(dict.fromkeys(ANALYSES), analysis, "analysis in `settings`")
        settings_of(analysis, settings)
    source = Source.of(images, labels, batch)
    sides = tuple(
        _side(network, called, source, layers, explained, prepare, output)
        for network, called in ((teacher, TEACHER), (student, STUDENT))
    )
    with _environment_kept():
        _settle(sides, source.first.images)
        requests = tuple(_request(side, methods) for side in sides)
        known, passed = _observe(source, sides, requests)
    for side, one in zip(sides, passed, strict=True):
        side.look_at(one.logits)
    labelled = ABSENT not in known
    rules = Rules(
        resolution=resolution,
        image_size=_image_size(source, resolution),
        labelled=labelled,
        replicates=replicates,
        level=level,
        seed=seed,
        changes=settings or {},
    )
    size = gram_batch or min(Observe().gram_batch, max(len(known), FEWEST_IN_A_GRAM))
    observed = tuple(
        Observed(side.called, side.network, *_with_grams(request, one, size))
        for side, request, one in zip(sides, requests, passed, strict=True)
    )
    with tempfile.TemporaryDirectory(prefix="distilscope-") as place:
        found = measured(Path(place), known, observed, rules)
    notes = [note for side in sides for note in side.notes]
    if len(known) < FEW:
        there = f"there {'is' if len(known) == 1 else 'are'} {count(len(known), 'image')}"
        notes.append(f"{there}: intervals are wide under {FEW}")
    for note in notes:
        warnings.warn(note, stacklevel=2)
    notes += [side.proposal for side in sides if side.proposal]
    maps = Maps.of(observed, methods[0], resolution, rules.image_size)
    return Comparison.of(found, observed, maps, labelled, tuple(notes), source.thumbnails)


def _check_numbers(*, batch: int, gram_batch: int | None, replicates: int, level: float) -> None:
    least = {"batch": (batch, 1), "replicates": (replicates, 1)}
    if gram_batch is not None:
        least["gram_batch"] = (gram_batch, FEWEST_IN_A_GRAM)
    for name, (found, fewest) in least.items():
        if found < fewest:
            raise ValueError(f"{name} is {found}; expected {fewest} or more")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a number between 0 and 1, such as 0.95")


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Take out again what reproducible arithmetic sets for cuBLAS: a job may keep it, and a
    notebook goes on."""
    former = dict(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - set(former):
            del os.environ[name]


def _each(given: Any, called: str) -> Any:
    """What is given of one network, where both may have the same."""
    if isinstance(given, Mapping):
        unknown = set(given) - set(BOTH)
        if unknown:
            raise ValueError(f"{sorted(map(str, unknown))[0]!r} is neither 'teacher' nor 'student'")
        return given.get(called)
    return given


def _side(
    network: nn.Module,
    called: str,
    source: Source,
    layers: Any,
    explained: Any,
    prepare: Mapping[str, Callable[[Tensor], Tensor]] | None,
    output: Any,
) -> Side:
    ready = _each(prepare, called) or (lambda images: images)
    wrapped = Logits(network, _each(output, called), called)
    paths = _each(layers, called)
    if isinstance(paths, str):
        paths = [paths]
    proposal = None
    if not paths:
        sample = inputs(wrapped, ready, source.first.images[:2])
        paths = list(propose(network, sample).compared.values())
        proposal = f"layers of the {called}, as proposed: {', '.join(paths)}"
    chosen = _each(explained, called) or [paths[-1]]
    missing = [path for path in chosen if path not in paths]
    if missing:
        raise ValueError(f"explained: {missing[0]!r} is not among the layers of the {called}")
    return Side(called, wrapped, ready, tuple(paths), tuple(chosen), proposal=proposal)


def _settle(sides: tuple[Side, Side], images: Tensor) -> None:
    """Try both on a few images.

    Raises:
        ValueError: they don't fit each other.
    """
    for side in sides:
        side.settle(images)
    first, second = sides
    if first.classes != second.classes:
        raise ValueError(
            f"the teacher has {first.classes} classes and the student {second.classes}; they must "
            "have the same, in the same order"
        )
    if len(first.explained) != len(second.explained):
        raise ValueError(
            f"explained: the teacher has {len(first.explained)} layers with maps and the student "
            f"{len(second.explained)}; name as many of either, pair by pair"
        )


def _request(side: Side, methods: Sequence[str]) -> Request:
    for name in methods:
        found = catalog.lookup(catalog.METHODS, name, "explanation method")
        if found.at != "layers":
            raise ValueError(
                f"method {name!r} explains the input; `compare` has those at layers: "
                + ", ".join(repr(n) for n, m in catalog.METHODS.items() if m.at == "layers")
            )
    observe = Observe()
    return Request(
        architecture={},
        layers=side.paths,
        explained=side.explained,
        head=side.head,
        preprocessing=None,
        probes=(),
        methods=tuple(methods),
        subset_images=observe.subset.images,
        subset_seed=observe.subset.seed,
        ig_steps=observe.ig_steps,
        ig_maximum_steps=observe.ig_maximum_steps,
        gram_batch=observe.gram_batch,
        reductions=(),  # Grams are of the partition, which is known once all images are
        threads=torch.get_num_threads(),
    )


def _observe(
    source: Source, sides: tuple[Side, Side], requests: tuple[Request, Request]
) -> tuple[np.ndarray, tuple[Passed, Passed]]:
    """The labels (N,), `ABSENT` where not all are known, and what both said, image by image."""
    labels: list[np.ndarray] = []
    with ExitStack() as stack:
        stack.enter_context(exact(torch.get_num_threads()))
        teacher, student = (
            stack.enter_context(
                passing(side.network, CONTENTS, request, f"the {side.called}", "images")
            )
            for side, request in zip(sides, requests, strict=True)
        )
        count = 0
        for taken in source:
            size = len(taken.images)
            own = np.full(size, ABSENT) if taken.labels is None else taken.labels
            _check_labels(own, sides[0].classes, known=taken.labels is not None)
            rows, nobody = np.arange(count, count + size), np.empty((size, 0), np.int64)
            said = sides[0].take(teacher, taken.images, Batch(rows, own, nobody)).argmax(axis=1)
            sides[1].take(student, taken.images, Batch(rows, own, said[:, None]))
            labels.append(own)
            count += size
        passed = teacher.in_index_order(), student.in_index_order()
    known = np.concatenate(labels)
    return (np.full_like(known, ABSENT) if ABSENT in known else known), passed


def _check_labels(labels: np.ndarray, classes: int, *, known: bool) -> None:
    if known and len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"labels go from {labels.min()} to {labels.max()}; the networks have {classes} "
            f"classes, so that labels are 0 to {classes - 1}"
        )


def _image_size(source: Source, resolution: str) -> int:
    """Pixels a side of the images; for `native` nobody asks."""
    height, width = source.first.images.shape[-2:]
    if resolution == "input" and height != width:
        raise ValueError(
            f"images are {height}x{width}; `resolution='input'` needs square ones, and "
            "'native' takes any"
        )
    return int(width)


def _with_grams(request: Request, passed: Passed, batch: int) -> tuple[Request, Passed]:
    """What was said, with the Grams of the partition that a study would have."""
    found = {name: grams.of_features(own, batch) for name, own in passed.features.items()}
    positions = next(iter(found.values()))[0]
    asked = dataclasses.replace(request, reductions=("gap",), gram_batch=batch)
    made = {f"{name}.gap": each for name, (_, each) in found.items()}
    return asked, dataclasses.replace(passed, grams=made, gram_indices=positions)
