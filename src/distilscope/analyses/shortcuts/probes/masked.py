"""Images with an area covered: where the reference looks, as much somewhere else, in the middle.

If a model needs what its reference looks at, covering that costs its logit more than covering as
much elsewhere. The fill is the data's mean colour: it is outside the data too, hence the controls.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from distilscope.analyses.alignment import maps
from distilscope.data.probes import Images, Part
from distilscope.measuring import observations
from distilscope.measuring.observations import ABSENT
from distilscope.planning.job import Job

TOP, RANDOM, CENTRE = "masked-top", "masked-random", "masked-centre"


def build(images: Images, job: Job) -> dict[str, Part]:
    """Three parts of equal area, k = round(top * H * W) pixels: `masked-top`, `-random`, `-centre`.

    Top is the k largest pixels of the reference's map for its own prediction, upsampled to
    the image. Random is the same shape, moved cyclically by a random offset. Centre is the k
    pixels nearest to the middle. Where the map has fewer than k positive pixels, top and random
    are undefined.

    Input: `observation`, the reference's. Settings: `probe` (its folder there), `layer`,
    `method`, `top` (share), `seed`.

    Raises:
        ValueError: the reference was not observed on these images, or not explained at the layer.
    """
    settings, folder = job.settings, job.input("observation")
    place = (settings[key] for key in ("probe", "layer", "method", "top"))
    members = top_areas(images, folder, *place)
    defined = members.any(axis=(1, 2))
    moved = shifted(members, images.indices, settings["seed"])
    centre = central_area(members.shape[1:], settings["top"])
    colour = np.rint(255 * np.asarray(images.mean)).astype(np.uint8)
    return {
        TOP: Part(cover(images.pixels, members, colour), defined),
        RANDOM: Part(cover(images.pixels, moved, colour), defined),
        CENTRE: Part(
            cover(images.pixels, np.broadcast_to(centre, members.shape), colour),
            np.ones(len(members), bool),
        ),
    }


def top_areas(
    images: Images, observation: Path, probe: str, layer: str, method: str, share: float
) -> np.ndarray:
    """(N, H, W) bool: the exactly k largest pixels of each map; none where k are not positive."""
    outputs = observations.read_outputs(observation, probe)
    seen = np.searchsorted(outputs.index, images.indices).clip(max=len(outputs.index) - 1)
    if not np.array_equal(outputs.index[seen], images.indices):
        raise ValueError(
            f"{outputs.source}: the reference was observed on other images than those to be masked"
        )
    found = observations.read_maps(observation, probe, method)
    stored = observations.layer_of(found, layer, method, observation)
    rows = stored.rows(images.indices, outputs.prediction[seen])
    if np.any(rows == ABSENT):
        raise ValueError(f"{outputs.source}: an image has no map of the reference's prediction")
    size = images.pixels.shape[2:]
    upsampled = maps.upsample(maps.evidence(stored.values[rows], method), size)
    order = maps.TopOrder.of(upsampled.reshape(len(rows), -1))
    return order.members(share).reshape(-1, *size)


def shifted(members: np.ndarray, indices: np.ndarray, seed: int) -> np.ndarray:
    """Each (H, W) of (N, H, W) moved cyclically by an offset of its own: as many pixels, elsewhere.

    The offset is a function of seed and dataset index, and never nothing.
    """
    height, width = members.shape[1:]
    moved = np.empty_like(members)
    for row, index in enumerate(indices):
        offset = np.random.default_rng([seed, int(index)]).integers(1, height * width)
        moved[row] = np.roll(members[row], divmod(int(offset), width), axis=(0, 1))
    return moved


def central_area(size: tuple[int, int], share: float) -> np.ndarray:
    """(H, W) bool: the k pixels nearest to the middle, equal distances in row-major order."""
    height, width = size
    rows, columns = np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    distance = (rows[:, None] ** 2 + columns[None, :] ** 2).ravel()
    nearest = np.argsort(distance, kind="stable")[: maps.set_size(share, height * width)]
    area = np.zeros(height * width, bool)
    area[nearest] = True
    return area.reshape(size)


def cover(pixels: np.ndarray, area: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Images (N, 3, H, W) with the pixels of `area` (N, H, W) in one colour (3,)."""
    return np.where(area[:, None], colour[None, :, None, None], pixels)
