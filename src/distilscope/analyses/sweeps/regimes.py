"""Training regimes: labels only, and each (T, α) that students were distilled at."""

from __future__ import annotations

from dataclasses import dataclass

from distilscope.reporting.cells import Cell
from distilscope.reporting.tables import Tables


@dataclass(frozen=True, order=True)
class Regime:
    """How students were trained. `T` is None and `alpha` 0 for labels only."""

    alpha: float
    T: float | None

    @property
    def words(self) -> str:
        """α is the weight of the teacher's logits; other studies print that of the labels."""
        if self.T is None:
            return "labels only (hard-label weight 1)"
        return f"α = {self.alpha:g} (hard-label weight {1 - self.alpha:g}), T = {self.T:g}"

    @property
    def short(self) -> str:
        """For an axis."""
        return "labels only" if self.T is None else f"α={self.alpha:g}, T={self.T:g}"


@dataclass(frozen=True)
class Ladder:
    """Students from the largest to the smallest under each regime.

    Attributes:
        students: names. regimes: labels only first, then by α and T.
        cells: (student, regime) -> the cell.
        retrained: the student that has the teacher's own network and was not trained on labels
            only: there the twin stands for it. None where there is no such student or twin.
        twin: the cell of the twin, or None.
    """

    students: tuple[str, ...]
    regimes: tuple[Regime, ...]
    cells: dict[tuple[str, Regime], Cell]
    retrained: str | None
    twin: Cell | None

    def cell(self, student: str, regime: Regime) -> Cell | None:
        """The cell, or the twin in the place of a teacher's own network on labels only."""
        if regime.T is None and student == self.retrained:
            return self.twin
        return self.cells.get((student, regime))

    @property
    def drawn(self) -> list[Cell]:
        """All cells, student by student."""
        found = [self.cell(s, r) for s in self.students for r in self.regimes]
        return [cell for cell in found if cell is not None]


def ladder(tables: Tables) -> Ladder | None:
    """The students of a study by regime; None where fewer than two weights α were trained."""
    cells = {}
    for cell in tables.cells:
        if cell.role == "control":
            cells[cell.student, Regime(0.0, None)] = cell
        elif cell.role == "student" and cell.alpha is not None and cell.T is not None:
            cells.setdefault((cell.student, Regime(cell.alpha, cell.T)), cell)
    regimes = sorted({regime for _, regime in cells}, key=lambda r: (r.T is not None, r.T or 0, r))
    if len({regime.alpha for regime in regimes if regime.T is not None}) < 2:
        return None
    size = {student: cell.parameters for (student, _), cell in cells.items()}
    students = sorted(size, key=lambda name: (-size[name], name))
    teacher = next((cell for cell in tables.cells if cell.role == "teacher"), None)
    twin = next((cell for cell in tables.cells if cell.role == "twin"), None)
    same = [
        name
        for name in students
        if teacher and size[name] == teacher.parameters and (name, Regime(0.0, None)) not in cells
    ]
    retrained = same[0] if same and twin else None
    return Ladder(tuple(students), tuple(regimes), cells, retrained, twin)
