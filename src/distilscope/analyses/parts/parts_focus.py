"""How much of a model's map lies inside the parts that matter most to its reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distilscope.analyses.parts.parts import PartSums
from distilscope.statistics.arithmetic import mean, quotient

TOP = 5
EXTENTS = {"image": 0, "parts": 1}
"""Extent of a focus -> the first column of the sums that counts."""


def top_parts(importance: np.ndarray, top: int) -> np.ndarray:
    """bool (N, P): the `top` most important parts of each image, or all where it has fewer.

    Of equal ones the first is taken. A part without a number is in no set.
    """
    known = ~np.isnan(importance)
    order = np.argsort(np.where(known, -importance, np.inf), axis=1, kind="stable")
    position = np.empty(order.shape, np.int64)
    np.put_along_axis(position, order, np.arange(order.shape[1])[None, :], axis=1)
    return (position < top) & known


@dataclass(frozen=True, eq=False)
class Focus:
    """Where a map's mass lies with respect to a set of parts; (N,) each.

    Attributes:
        inside, outside: mass in the set, and mass elsewhere.
        chance: `share` of a level map: the set's share of the pixels that count.
    """

    inside: np.ndarray
    outside: np.ndarray
    chance: np.ndarray

    @property
    def share(self) -> np.ndarray:
        """inside / (inside + outside), in [0, 1]: the primary form. NaN where both are 0."""
        return quotient(self.inside, self.inside + self.outside)

    @property
    def odds(self) -> np.ndarray:
        """inside / outside, in [0, inf]; inf where nothing lies outside, so that its median over
        images is right. Its mean means nothing: a few images make it."""
        odds = quotient(self.inside, self.outside)
        return np.where((self.outside == 0) & (self.inside > 0), np.inf, odds)


def focus(
    model: PartSums,
    top: np.ndarray,
    *,
    of: str = "absolute",
    within: str = "image",
) -> Focus:
    """The mass of a model's map inside a reference's top parts.

    Args:
        model: sums of the model's map. top: bool (N, P), of the reference (`top_parts`).
        of: `absolute` or `positive` mass.
        within: `image` counts all mass that is not in the set as outside, the ground's too;
            `parts` only that of the other parts.

    Returns:
        All NaN where the set is empty, and where nothing is left outside it: then the
        share would be 1 whatever the map is.
    """
    mass, first = model.of_kind(of), EXTENTS[within]
    inside, area_inside = (
        np.where(top, columns[:, 1:], 0).sum(axis=1) for columns in (mass, model.area)
    )
    whole, area_whole = (columns[:, first:].sum(axis=1) for columns in (mass, model.area))
    outside = np.maximum(whole - inside, 0.0)
    usable = (top & model.visible).any(axis=1) & (area_inside < area_whole)
    # A difference of sums: what is only rounding is nothing.
    outside = np.where(outside <= 1e-12 * whole, 0.0, outside)
    return Focus(
        inside=np.where(usable, inside, np.nan),
        outside=np.where(usable, outside, np.nan),
        chance=quotient(area_inside, area_whole, usable),
    )


def shuffled_focus(
    model: PartSums, reference: np.ndarray, table: np.ndarray, top: int, of: str
) -> dict[str, np.ndarray]:
    """The null of focus: what it would be, had the reference been shown another image.

    Args:
        reference: (N, P) the reference's importances. Of another image's parts those count that
            can be seen in this one.
        table: (shuffles, N) positions of the images that stand in (`nulls.partners`), -1 for none.

    Returns:
        `focus` (within the image) and `focus_parts` -> (N,) means over the shuffles; NaN where no
        shuffle has one.
    """
    names = {"focus": "image", "focus_parts": "parts"}
    shares: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for partner in table:
        known = (partner >= 0)[:, None] & model.visible
        chosen = top_parts(np.where(known, reference[partner], np.nan), top)
        for name, within in names.items():
            shares[name].append(focus(model, chosen, of=of, within=within).share)
    return {name: mean(np.array(found)) for name, found in shares.items()}
