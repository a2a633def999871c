"""Made-up models of a report: quality sets every number."""

from __future__ import annotations

from dataclasses import dataclass

from distilscope.planning.conditions import Condition
from distilscope.planning.labels import key

SIZES = {"medium": 981_802, "small": 242_474, "tiny": 94_762}


@dataclass(frozen=True)
class Made:
    """A model of the made-up study: quality in [0, 1] sets every number."""

    id: str
    role: str
    student: str | None
    T: float | None
    alpha: float | None
    quality: float
    seed: int = 1
    kind: str = "trained"

    @property
    def architecture(self) -> str:
        return f"plain-{self.student}" if self.student in SIZES else "resnet18"

    @property
    def parameters(self) -> int:
        return SIZES.get(self.student, 11_173_962)

    @property
    def condition(self) -> str:
        return key(self.as_condition)

    @property
    def as_condition(self) -> Condition:
        """Its condition, as the planner has it."""
        return Condition(
            role=self.role,
            network=self.student,
            source="randomised" if self.role == "floor" else self.kind,
            objective="kd" if self.T else "ce" if self.role == "control" else None,
            parameters=(("T", self.T), ("alpha", self.alpha)) if self.T else (),
            teachers=("resnet18",) if self.T else (),
        )

    @property
    def layers(self) -> tuple[str, ...]:
        if self.architecture == "resnet18":
            return ("layer1", "layer2", "layer3", "layer4")
        return tuple(
            f"block{i}" for i in range(1, {"tiny": 4, "small": 5, "medium": 6}[self.student])
        )


def default_models(seeds: int = 1, twin: bool = True, temperatures=(2.0, 4.0, 8.0)) -> list[Made]:
    """The default study: teacher, twin, five distilled cells, three controls, a floor."""
    found = [Made("teacher-s1", "teacher", "resnet18", None, None, 0.95)]
    if twin:
        found.append(Made("twin-s2", "twin", "resnet18", None, None, 0.94, 2))
    cells = [("medium", T) for T in temperatures] + [("small", 4.0), ("tiny", 4.0)]
    base = {"medium": 0.8, "small": 0.68, "tiny": 0.5}
    for seed in range(1, seeds + 1):
        for size, T in cells:
            name = f"{size}-kd-T{T:g}-a0.9-s{seed}"
            quality = base[size] + 0.01 * T + 0.01 * seed
            found.append(Made(name, "student", size, T, 0.9, quality, seed))
        for size in SIZES:
            found.append(
                Made(f"{size}-ce-s{seed}", "control", size, None, None, base[size] - 0.05, seed)
            )
    found.append(Made("medium-untrained-s1", "floor", "medium", None, None, 0.0))
    return found
