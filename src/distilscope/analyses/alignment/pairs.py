"""All measures of two batches of maps of the same images, at one resolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from distilscope.analyses.alignment import image_specific_columns as specific
from distilscope.analyses.alignment import image_specific_unit, maps, nulls, undefined
from distilscope.analyses.alignment.shares import percent_name


@dataclass(frozen=True)
class Rules:
    """How pairs are measured: the settings of a comparison that bear on numbers.

    Attributes:
        top: share of pixels in the set of the headline IoU and of the mass.
        curve: further shares for the IoU.
        folds: of the class means that `image_specific_rho_unit` takes away.
        minimum_class: the least images of a class for a mean rank map.
        shuffles: within-class shuffles behind each null.
        seed: of folds and shuffles.
    """

    top: float = 0.2
    curve: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.5)
    folds: int = 5
    minimum_class: int = 10
    shuffles: int = 20
    seed: int = 0

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Rules:
        """From the settings of the analysis.

        Raises:
            ValueError: a key is missing.
        """
        try:
            own = {key: settings[key] for key in cls.__dataclass_fields__}
        except KeyError as error:
            raise ValueError(f"the settings of alignment lack {error}") from None
        return cls(**{**own, "curve": tuple(own["curve"])})

    @property
    def shares(self) -> tuple[float, ...]:
        """Every share that an IoU is taken at, rising, each once."""
        return tuple(sorted({*self.curve, self.top}))


@dataclass(frozen=True)
class Prepared:
    """Maps at one resolution with what every pair needs of them; a row a map.

    Attributes:
        values: (R, P) evidence. ranks: (R, P) average ranks. order: the pixels by size.
        dead, constant: (R,) zero everywhere; of one positive value everywhere.
        cell: the map is of a single cell, at its native grid or as it is compared.
    """

    values: np.ndarray
    ranks: np.ndarray
    order: maps.TopOrder
    dead: np.ndarray
    constant: np.ndarray
    cell: bool

    @classmethod
    def of(cls, native: np.ndarray, resampled: np.ndarray) -> Prepared:
        """From evidence at the native grid (R, h, w), and at the resolution asked for."""
        rows, flat = resampled.reshape(len(resampled), -1), native.reshape(len(native), -1)
        level = flat.max(axis=1) == flat.min(axis=1)
        rows = np.where(level[:, None], flat[:, :1], rows)  # averaging may round a constant apart
        dead = flat.max(axis=1) == 0
        constant = (rows.max(axis=1) == rows.min(axis=1)) & ~dead
        cell = min(flat.shape[1], rows.shape[1]) == 1
        return cls(rows, maps.average_ranks(rows), maps.TopOrder.of(rows), dead, constant, cell)

    def take(self, rows: np.ndarray) -> Prepared:
        """Some of the maps, in that order."""
        parts = self.values[rows], self.ranks[rows], self.order.take(rows)
        return Prepared(*parts, self.dead[rows], self.constant[rows], self.cell)

    @property
    def directions(self) -> np.ndarray:
        """(R, P) values scaled to length 1; NaN for a flat map, which points at nothing."""
        return np.where(self.flat[:, None], np.nan, maps.unit_lengths(self.values))

    @property
    def flat(self) -> np.ndarray:
        """(R,) bool: the map has no order."""
        return self.dead | self.constant


@dataclass(frozen=True)
class Images:
    """The images of a pair: (N,) each.

    Attributes:
        index, label: dataset index and label.
        classes, reference_classes: the class that either map explains.
        common, own: bool, the subsets within which nulls are drawn: teacher and twins right;
            the model and its reference right.
        objects: (N, K) place and extent of the object, NaN where they are not known, or None.
    """

    index: np.ndarray
    label: np.ndarray
    classes: np.ndarray
    reference_classes: np.ndarray
    common: np.ndarray
    own: np.ndarray
    objects: np.ndarray | None = None

    @property
    def members(self) -> dict[str, np.ndarray]:
        """Subset -> (N,) bool."""
        return {"common": self.common, "both-correct": self.own, "all": np.ones_like(self.own)}

    @property
    def groups(self) -> np.ndarray:
        """(N,) a number for each pair of classes that the two maps explain."""
        pairs = np.column_stack([self.classes, self.reference_classes])
        return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)


def measure_pair(
    model: Prepared,
    reference: Prepared,
    images: Images,
    rules: Rules,
    *,
    published: bool,
    other_classes: bool = False,
) -> dict[str, np.ndarray]:
    """Measure -> (N,) values, NaN where undefined, and `reason` (N,) objects.

    Args:
        published: also the published variants; they are defined at input resolution only.
        other_classes: also the null over images of other classes.
    """
    units = maps.unit_rows(model.ranks), maps.unit_rows(reference.ranks)
    residuals = _residuals(model, reference, images, rules)
    found = {"rho": maps.correlate_units(*units)}
    for share in rules.shares:
        found[percent_name("iou", share)] = maps.iou(model.order, reference.order, share)
    lift = maps.mass_lift(model.values, reference.order, rules.top)
    found[percent_name("mass_lift", rules.top)] = lift
    directions = model.directions, reference.directions
    found["cosine"] = np.einsum("np,np->n", *directions)
    residual_units = maps.unit_rows(residuals[0]), maps.unit_rows(residuals[1])
    found["image_specific_rho_unit"] = maps.correlate_units(*residual_units)
    columns, specific_flags, alone = specific.within_subsets(
        units, images.groups, images.members, images.objects, rules.minimum_class
    )
    found |= columns
    flags = _flags(model, reference, residuals, found, rules) | specific_flags
    if published:
        found |= _published(model, reference, found["rho"], flags)
    scores = _scores(units, residual_units, directions, model, reference, rules)
    found |= _nulls(scores, alone, images, rules)
    if other_classes:
        scores[specific.PRIMARY] = alone["common"]
        found |= _other_class_nulls(scores, images, rules)
    return {**found, "reason": undefined.reasons_of(flags)}


def _residuals(
    model: Prepared, reference: Prepared, images: Images, rules: Rules
) -> tuple[np.ndarray, np.ndarray]:
    fold = image_specific_unit.fold_of(images.index, rules.folds, rules.seed)
    sides = (model, images.classes), (reference, images.reference_classes)
    return tuple(
        image_specific_unit.class_mean_residuals(
            side.ranks, classes, fold, ~side.flat, rules.minimum_class
        )
        for side, classes in sides
    )


def _flags(
    model: Prepared,
    reference: Prepared,
    residuals: tuple[np.ndarray, np.ndarray],
    found: Mapping[str, np.ndarray],
    rules: Rules,
) -> dict[str, np.ndarray]:
    """Cause -> (N,) bool, in the order in which a reason names them."""
    flat = model.flat | reference.flat
    no_mean = np.isnan(residuals[0][:, 0]) | np.isnan(residuals[1][:, 0])
    flags = {
        undefined.MODEL_DEAD: model.dead,
        undefined.REFERENCE_DEAD: reference.dead,
        undefined.MODEL_CONSTANT: model.constant & (not model.cell),
        undefined.REFERENCE_CONSTANT: reference.constant & (not reference.cell),
        undefined.MODEL_CELL: model.constant & model.cell,
        undefined.REFERENCE_CELL: reference.constant & reference.cell,
        undefined.FEW_IN_CLASS: no_mean & ~flat,
        undefined.NOTHING_OWN: np.isnan(found["image_specific_rho_unit"]) & ~no_mean,
    }
    for share in rules.shares:
        tied = (model.order.tied(share) | reference.order.tied(share)) & ~flat
        missing = np.isnan(found[percent_name("iou", share)])
        flags[undefined.sparse_at(share)] = missing & ~flat & ~tied
        flags[undefined.tied_at(share)] = tied
    return flags


def _published(
    model: Prepared, reference: Prepared, rho: np.ndarray, flags: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The published variants; adds their cause to `flags`.

    Min-max scaling keeps the order of pixels, so the published rho of a pair that is not
    degenerate is its rho.
    """
    dropped = maps.degenerate(model.values) | maps.degenerate(reference.values)
    flags[undefined.DEGENERATE] = dropped
    overlap = maps.published_iou(model.values, reference.values)
    return {
        "published_rho": np.where(dropped, np.nan, rho),
        "published_iou": np.where(dropped, np.nan, overlap),
    }


def _scores(
    units: tuple[np.ndarray, np.ndarray],
    residual_units: tuple[np.ndarray, np.ndarray],
    directions: tuple[np.ndarray, np.ndarray],
    model: Prepared,
    reference: Prepared,
    rules: Rules,
) -> dict[str, nulls.Score]:
    """The measures that have a null, as scores of any two maps."""
    ious = {
        percent_name("iou", share): nulls.of_ious(model.order, reference.order, share)
        for share in rules.shares
    }
    return {
        "rho": nulls.of_units(*units),
        **ious,
        percent_name("mass_lift", rules.top): nulls.of_mass_lifts(
            model.values, reference.order, rules.top
        ),
        "cosine": nulls.of_units(*directions),
        "image_specific_rho_unit": nulls.of_units(*residual_units),
    }


def _nulls(
    scores: Mapping[str, nulls.Score],
    alone: Mapping[str, nulls.Score],
    images: Images,
    rules: Rules,
) -> dict[str, np.ndarray]:
    """`null_<measure>` within the common images, `null_own_<measure>` within both-correct ones.

    `alone` are the scores of the primary measure, which differ from subset to subset.
    """
    tables = {
        subset: nulls.partners(images.label, images.members[subset], rules.shuffles, rules.seed)
        for subset in specific.NULLS
    }
    found = {}
    for name, score in scores.items():
        means = nulls.shuffled_means(score.all_pairs, images.label, list(tables.values()))
        stems = specific.NULLS.values()
        found |= {f"{stem}_{name}": mean for stem, mean in zip(stems, means, strict=True)}
    for subset, stem in specific.NULLS.items():
        own = nulls.shuffled_means(alone[subset].all_pairs, images.label, [tables[subset]])
        found[f"{stem}_{specific.PRIMARY}"] = own[0]
    return found


def _other_class_nulls(
    scores: Mapping[str, nulls.Score], images: Images, rules: Rules
) -> dict[str, np.ndarray]:
    """`null_other_<measure>`: the reference was shown a common image of another class."""
    table = nulls.other_class_partners(images.label, images.common, rules.shuffles, rules.seed)
    return {
        f"null_other_{name}": nulls.drawn_means(score.drawn, table)
        for name, score in scores.items()
    }
