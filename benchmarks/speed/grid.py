"""Row 2: what a grid of distilled students costs, against online distillation at every step."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from distilscope.data.views import ViewOrder, make_policy
from distilscope.training.batches import BatchPlan
from distilscope.training.images import prepared
from distilscope.workflow.machine import bf16_units

from . import loops, material
from .peers import Torchdistill, plain_loop
from .timing import Goal, Row, compared, interleaved, missing

IMAGES, EPOCHS = 45_000, 80
TEMPERATURES, ALPHAS = 3, 3
CELLS_OF_A_STUDENT = TEMPERATURES * ALPHAS
OUR_STEPS, THEIR_IMAGES = 4, 4 * material.BATCH
TARGET_IMAGES, ORDER_IMAGES = 128, 4_500
REPEATS = 3
TOLERANCE = 1e-5
PEERS = {"torchdistill": "torchdistill 1.1.5, its own box", "plain": "the plain loop"}


@dataclass(frozen=True)
class Costs:
    """Seconds, a list of repeats each.

    Attributes:
        step: way of training -> student -> of a step.
        view: precision -> of a teacher's answer to one view.
        order: of the order of views of all images, once a run.
    """

    step: Mapping[str, Mapping[str, Sequence[float]]]
    view: Mapping[str, Sequence[float]]
    order: float


def grid(place: Path) -> tuple[list[Row], str]:
    """The cost of 27 cells by every way, and one step like for like."""
    costs, absent = _measure(place)
    rows, texts = [], [_assumptions()]
    for precision in material.PRECISIONS:
        ours = _ours(costs, precision)
        texts.append(_our_hours(costs, precision))
        for peer, name in PEERS.items():
            if peer in absent:
                rows.append(missing(2, "27-cell grid", name, absent[peer]))
                continue
            rows.append(_grid_row(ours, _theirs(costs, peer), name, precision))
    texts += [_their_hours(costs, peer) for peer in PEERS if peer not in absent]
    rows += _like_for_like(place, absent)
    return rows, "\n".join(texts)


def _grid_row(ours: list[float], theirs: list[float], name: str, precision: str) -> Row:
    units = bf16_units()
    matrix = "amx_bf16" in units and precision == "bf16"
    return compared(
        2,
        "27-cell grid, 80 epochs, targets included",
        ours,
        theirs,
        Goal(20 if matrix else 8),
        unit="core-hours",
        scale=1 / 3600,
        against=name + ", fp32, online teacher",
        precision=precision,
        note=(
            f"the goal {'with' if matrix else 'without'} bf16 matrix units (≥ 20 with amx_bf16, "
            f"≥ 8 without); here: {', '.join(units) or 'no bf16 units'}, {precision}"
        ),
    )


def _measure(place: Path) -> tuple[Costs, dict[str, str]]:
    signal = loops.table(place, OUR_STEPS * material.BATCH)
    step: dict[str, dict[str, list[float]]] = {}
    absent: dict[str, str] = {}
    for student in material.STUDENTS:
        ways = {
            p: loops.second_epoch(place, student, p, OUR_STEPS * material.BATCH, signal)
            for p in material.PRECISIONS
        }
        ways |= _peers(student, absent)
        for way, seconds in interleaved(ways, REPEATS).items():
            steps = OUR_STEPS if way in material.PRECISIONS else 1
            step.setdefault(way, {})[student] = [taken / steps for taken in seconds]
    tabulating = {p: loops.tabulated(place, p, TARGET_IMAGES) for p in material.PRECISIONS}
    view = {
        precision: [taken / TARGET_IMAGES for taken in seconds]
        for precision, seconds in interleaved(tabulating, REPEATS).items()
    }
    orders = interleaved({"order": _order}, REPEATS)["order"]
    return Costs(step, view, statistics.median(orders) * IMAGES / ORDER_IMAGES), absent


def _peers(student: str, absent: dict[str, str]) -> dict[str, Callable[[], None]]:
    ways = {"plain": plain_loop(student, THEIR_IMAGES)}
    try:
        ways["torchdistill"] = Torchdistill(student, THEIR_IMAGES).step
    except ImportError as error:
        absent["torchdistill"] = str(error)
    return ways


def _order() -> None:
    ViewOrder(material.ALL_VIEWS, torch.arange(ORDER_IMAGES), seed=0).columns_at(0)


# ------------------------------------------------------------------------------- the arithmetic

STEPS_OF_A_RUN = EPOCHS * math.ceil(IMAGES / material.BATCH)
VIEWS_OF_A_TABLE = IMAGES * material.ALL_VIEWS


def _ours(costs: Costs, precision: str) -> list[float]:
    """Seconds of the grid, by repeat."""
    runs = CELLS_OF_A_STUDENT * len(material.STUDENTS)
    training = _theirs(costs, precision)
    return [
        VIEWS_OF_A_TABLE * view + steps + runs * costs.order
        for view, steps in zip(costs.view[precision], training, strict=True)
    ]


def _theirs(costs: Costs, way: str) -> list[float]:
    """Seconds of the steps of the whole grid, by repeat."""
    by_student = zip(*costs.step[way].values(), strict=True)
    return [CELLS_OF_A_STUDENT * STEPS_OF_A_RUN * sum(steps) for steps in by_student]


def _assumptions() -> str:
    return (
        f"Grid: {len(material.STUDENTS)} students x {TEMPERATURES} T x {ALPHAS} alpha, {EPOCHS} "
        f"epochs of {IMAGES:,} images in batches of {material.BATCH}: {STEPS_OF_A_RUN:,} steps a "
        f"run, {CELLS_OF_A_STUDENT} runs a student. Table: {IMAGES:,} x {material.ALL_VIEWS} = "
        f"{VIEWS_OF_A_TABLE:,} views. Hours are of one core."
    )


def _our_hours(costs: Costs, precision: str) -> str:
    view = statistics.median(costs.view[precision])
    runs = CELLS_OF_A_STUDENT * len(material.STUDENTS)
    return (
        f"ours, {precision}: {VIEWS_OF_A_TABLE:,} x {1000 * view:.2f} ms = "
        f"{VIEWS_OF_A_TABLE * view / 3600:.1f} h of targets; {_hours_of_steps(costs, precision)}; "
        f"{runs} orders of views x {costs.order:.1f} s = {runs * costs.order / 3600:.2f} h"
    )


def _their_hours(costs: Costs, peer: str) -> str:
    return f"{PEERS[peer]}: {_hours_of_steps(costs, peer)}"


def _hours_of_steps(costs: Costs, way: str) -> str:
    medians = {s: statistics.median(seconds) for s, seconds in costs.step[way].items()}
    each = " + ".join(f"{seconds:.3f}" for seconds in medians.values())
    total = CELLS_OF_A_STUDENT * STEPS_OF_A_RUN * sum(medians.values())
    return f"{CELLS_OF_A_STUDENT} x {STEPS_OF_A_RUN:,} x ({each}) s = {total / 3600:.1f} h of steps"


# -------------------------------------------------------------------------------- like for like


def _like_for_like(place: Path, absent: Mapping[str, str]) -> list[Row]:
    """fp32, online teacher, the very batches: what is left is the framework, and the layout."""
    what, against = "like for like: fp32, online, same batches", PEERS["torchdistill"]
    if "torchdistill" in absent:
        return [missing(2, what, against, absent["torchdistill"])]
    student, steps = "plain-small", 1
    signal, losses = loops.online("fp32"), {}
    batches = _batches(steps)

    def ours() -> float:
        state = loops.trained(place, student, "fp32", steps * material.BATCH, 1, signal)
        losses["ours"] = state.history[0][1]
        return state.seconds[0]

    def theirs() -> float:
        fresh = Torchdistill(student, material.BATCH)
        started = time.perf_counter()
        losses["theirs"] = statistics.fmean(fresh.learn(*batch) for batch in batches)
        return time.perf_counter() - started

    seconds = interleaved({"ours": ours, "theirs": theirs}, REPEATS)
    apart = abs(losses["ours"] - losses["theirs"]) / abs(losses["theirs"])
    row = compared(
        2,
        what,
        seconds["ours"],
        seconds["theirs"],
        scale=1000 / (steps * material.BATCH),
        against=against,
        precision="fp32",
        note=(
            f"{student}; losses {losses['ours']:.6f} and {losses['theirs']:.6f} differ by "
            f"{apart:.1e} of their size ({'within' if apart <= TOLERANCE else 'ABOVE'} "
            f"{TOLERANCE:g})"
        ),
    )
    return [row]


def _batches(steps: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The batches of our first epoch, rendered and normalised, channels first."""
    split = material.noise(steps * material.BATCH)
    plan = BatchPlan(split.indices, material.recipe(1), seed=0)
    epoch, policy = plan.epoch(0, torch.device("cpu")), make_policy(material.VIEWS)
    found = []
    for rows in epoch.batches:
        views = policy.render(split.images[rows], epoch.view_ids[rows])
        pictures = prepared(material.NORMALISATION, views).contiguous()
        found.append((pictures, split.labels[rows]))
    return found
