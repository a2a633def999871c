"""Made-up models, each with one property that tests look for."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_INDEX = 5000
RULES = {
    "top": 0.2,
    "curve": [0.05, 0.1, 0.2, 0.3, 0.5],
    "folds": 5,
    "minimum_class": 10,
    "shuffles": 20,
    "seed": 0,
}


@dataclass(frozen=True)
class Made:
    """A made-up model.

    Attributes:
        layers: explained layer -> grid side, the headline layer first.
        place, own, noise: weights of class place, of what is the image's own, and of noise.
        accuracy: share of images it gets right (exactly, up to rounding).
        dead: number of maps of the headline layer, of the first images it gets right, that are
            negative everywhere.
        noise_features: whether its features share nothing with others'.
    """

    id: str
    role: str
    layers: dict[str, int]
    place: float = 1.0
    own: float = 1.0
    noise: float = 0.0
    accuracy: float = 0.9
    dead: int = 0
    noise_features: bool = False
    T: float | None = None
    alpha: float | None = None
    seed: int = 1
    parameters: int = 1000


TEACHER = {"layer4": 4, "layer3": 8}
STUDENT = {"block3": 4, "block2": 8}
FINER = {"block3": 8, "block2": 16}

MODELS = (
    Made("teacher-s1", "teacher", TEACHER, accuracy=0.95, parameters=10_000),
    Made("teacher-s2", "twin", TEACHER, own=0.8, noise=0.5, accuracy=0.95, parameters=10_000),
    Made("copy-s1", "student", STUDENT, T=4.0, alpha=0.9),
    Made("finer-s1", "student", FINER, own=0.8, noise=0.5, dead=3, T=8.0, alpha=0.9),
    Made("place-s1", "control", STUDENT, own=0.0, noise=1.0, accuracy=0.85, noise_features=True),
)
