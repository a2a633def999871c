"""The numbers of students: what their signal is made of, which arm is best, and over rungs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from distilscope.analyses.dark_knowledge import rungs, signal
from distilscope.analyses.dark_knowledge.ladder import Ladder
from distilscope.analyses.dark_knowledge.observe import TRAIN
from distilscope.measuring.study import HELD_OUT, Compared, Entry
from distilscope.statistics import bootstrap, paired

SIGNAL = ("guidance", "regularisation", "discriminability", "soft_cross_entropy")
SHARED, BEST, LABELS = "shared τ", "best τ", "labels only"
STUDENT = "student's accuracy"
ARMS = (
    *("student", "teacher", "parameters", "teacher_accuracy", "arm", "tries", "condition"),
    *("label", "held_out_accuracy", "accuracy", "low", "high", "seeds"),
)
RUNGS = (
    *("student", "arm", "first", "second", "given", "rho", "p", "smallest_p", "rungs"),
    *("rungs_to_decide", "reason"),
)


# -------------------------------------------------------------------------------------- signal


def add_signals(ladder: Ladder) -> None:
    """The parts of the soft cross-entropy that each student is trained on, at its own weights.

    On training images without augmentation, for the target takes the label.
    """
    for entry in ladder.students:
        own = next((each for each in entry.compared if each.reference in entry.teachers), None)
        if own is not None:
            _add_signal(ladder, own)


def _add_signal(ladder: Ladder, own: Compared) -> None:
    study, entry = ladder.study, own.model
    condition, teacher = study.conditions[entry.condition], ladder.train[own.reference]
    found = signal.target(
        condition.objective, dict(condition.parameters), teacher.logits, teacher.label
    )
    if found is None:
        reason = f"{condition.objective} has no target that is known here"
        for name in SIGNAL:
            study.rows.add(own, name, np.nan, reason=reason, probe=TRAIN, subset="all")
        return
    target, tau = found
    logs = special.log_softmax(ladder.train[entry.id].logits.astype(np.float64) / tau, axis=1)
    parts = signal.decompose(target, logs, teacher.label)
    columns = np.column_stack(
        [parts.guidance, parts.regularisation, parts.discriminability, parts.total]
    )
    means = bootstrap.means(columns, study.draw(len(columns)), study.level)
    study.rows.add_estimates(own, SIGNAL, means, probe=TRAIN, subset="all")


# ---------------------------------------------------------------------------------------- arms


def arms_table(ladder: Ladder) -> pd.DataFrame:
    """The setting that each arm chose on held-out images, and its accuracy under other seeds.

    A row for each student, teacher and arm. `shared τ` has one setting of `ts` for all teachers of
    a student; `best τ` one for each. All arms had the same number of settings to choose from.
    Intervals are within seeds: see `_seed_effects`.
    """
    students = dict.fromkeys(entry.network for entry in ladder.students)
    records = [row for student in students for row in _arms_of(ladder, student)]
    return pd.DataFrame.from_records(records, columns=ARMS)


def _arms_of(ladder: Ladder, student: str) -> Iterator[dict[str, Any]]:
    for objective in ladder.settings["tuning"]["arms"]:
        tried = _tried(ladder, student, objective)
        if objective == "ts":
            yield from _shared(ladder, student, tried)
        for rung in ladder.rungs:
            own = {name: models for (of, name), models in tried.items() if of == rung}
            if own:
                chosen = max(own, key=lambda name: _held_out(ladder, own[name]))
                arm = BEST if objective == "ts" else objective
                yield _arm(ladder, student, rung, arm, chosen, own[chosen])
    yield from _controls(ladder, student)


def _tried(ladder: Ladder, student: str, objective: str) -> dict[tuple[str, str], list[Entry]]:
    """(rung, condition) -> the models of a student under an objective."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in ladder.students:
        condition = ladder.study.conditions[entry.condition]
        if entry.network == student and condition.objective == objective:
            found.setdefault((condition.teachers[0], entry.condition), []).append(entry)
    return found


def _held_out(ladder: Ladder, models: Sequence[Entry]) -> float:
    """Held-out accuracy under the seed of tuning."""
    seed = ladder.settings["tuning"]["seed"]
    own = [ladder.accuracy(entry, HELD_OUT) for entry in models if entry.seed == seed]
    return own[0] if own and own[0] == own[0] else -np.inf


def _shared(
    ladder: Ladder, student: str, tried: dict[tuple[str, str], list[Entry]]
) -> Iterator[dict[str, Any]]:
    """The setting whose held-out accuracy is the highest on average over all teachers."""
    by_setting: dict[tuple, dict[str, tuple[str, list[Entry]]]] = {}
    for (rung, name), models in tried.items():
        setting = ladder.study.conditions[name].parameters
        by_setting.setdefault(setting, {})[rung] = (name, models)
    whole = {s: own for s, own in by_setting.items() if len(own) == len(ladder.rungs)}
    if not whole:
        return
    best = max(
        whole, key=lambda s: np.mean([_held_out(ladder, models) for _, models in whole[s].values()])
    )
    for rung in ladder.rungs:
        yield _arm(ladder, student, rung, SHARED, *whole[best][rung])


def _controls(ladder: Ladder, student: str) -> Iterator[dict[str, Any]]:
    """The student on labels only, which has no setting to choose, beside every teacher."""
    own = [e for e in ladder.study.entries if e.role == "control" and e.network == student]
    for name, models in itertools.groupby(own, key=lambda entry: entry.condition):
        kept = list(models)
        for rung in ladder.rungs:
            yield {**_arm(ladder, student, rung, LABELS, name, kept), "tries": 1}


def _seed_effects(ladder: Ladder, student: str) -> tuple[dict[int, float], float]:
    """What each seed adds to the accuracy of all models of a student, and the intervals' factor.

    All arms share the seeds, and a seed that trains badly does so in each of them. Intervals of
    accuracies less this are about arms (Cousineau 2005); the factor sqrt(k / (k - 1)) of k models a
    seed makes up for the mean that was taken off (Morey 2008).
    """
    own = [entry for entry in ladder.study.entries if entry.network == student]
    by_seed: dict[int, list[float]] = {}
    for entry in own:
        if entry in ladder.students or entry.role == "control":
            by_seed.setdefault(entry.seed, []).append(ladder.accuracy(entry))
    means = {seed: float(np.mean(found)) for seed, found in by_seed.items()}
    k = min(map(len, by_seed.values()), default=0)
    grand = float(np.mean(list(means.values()))) if means else np.nan
    return {seed: mean - grand for seed, mean in means.items()}, np.sqrt(k / max(k - 1, 1))


def _arm(
    ladder: Ladder, student: str, rung: str, arm: str, condition: str, models: Sequence[Entry]
) -> dict[str, Any]:
    tuning = ladder.settings["tuning"]
    reported = [entry for entry in models if entry.seed != tuning["seed"]]
    accuracy = np.array([ladder.accuracy(entry) for entry in reported])
    effects, correction = _seed_effects(ladder, student)
    within = accuracy - [effects[entry.seed] for entry in reported]
    half = correction * paired.half_width(within) if len(accuracy) > 1 else np.nan
    teachers = [entry for entry in ladder.family(rung) if entry.role == "teacher"]
    labels = ladder.study.job.settings["conditions"]
    return {
        "student": student,
        "teacher": rung,
        "parameters": ladder.size(teachers[0]),
        "teacher_accuracy": float(np.mean([ladder.accuracy(entry) for entry in teachers])),
        "arm": arm,
        "tries": tuning["tries"],
        "condition": condition,
        "label": labels[condition]["label"],
        "held_out_accuracy": _held_out(ladder, models),
        "accuracy": float(accuracy.mean()) if len(accuracy) else np.nan,
        "low": float(accuracy.mean() - half) if len(accuracy) else np.nan,
        "high": float(accuracy.mean() + half) if len(accuracy) else np.nan,
        "seeds": len(accuracy),
    }


# --------------------------------------------------------------------------------------- rungs


def rungs_table(ladder: Ladder, arms: pd.DataFrame | None) -> pd.DataFrame:
    """Rank correlations over the teachers of the ladder, with permutation p and rungs to decide.

    Of the teachers: size, accuracy, and distinctness (sigma(q) on training images at the shared
    temperature). Of each student: its accuracy under the shared temperature.
    """
    numbers = {
        "size": [ladder.size(ladder.family(rung)[0]) for rung in ladder.plain_rungs],
        "accuracy": [_teacher_accuracy(ladder, rung) for rung in ladder.plain_rungs],
        "distinctness": [ladder.spread_of(rung) for rung in ladder.plain_rungs],
    }
    teachers = {name: np.array(values) for name, values in numbers.items()}
    records = [
        _correlation(ladder, teachers, first, second)
        for first, second in (("size", "distinctness"), ("size", "accuracy"))
    ]
    shared = arms[arms["arm"] == SHARED] if arms is not None else ()
    for student, rows in shared.groupby("student", sort=False) if len(shared) else ():
        own = rows.set_index("teacher")["accuracy"].reindex(ladder.plain_rungs).to_numpy(np.float64)
        every = {**teachers, STUDENT: own}
        for first, given in (
            ("accuracy", None),
            ("distinctness", None),
            ("distinctness", "accuracy"),
            ("accuracy", "distinctness"),
        ):
            found = _correlation(ladder, every, first, STUDENT, given)
            records.append({**found, "student": student, "arm": SHARED})
    return pd.DataFrame.from_records(records, columns=RUNGS)


def _teacher_accuracy(ladder: Ladder, rung: str) -> float:
    own = [entry for entry in ladder.family(rung) if entry.role == "teacher"]
    return float(np.mean([ladder.accuracy(entry) for entry in own]))


def _correlation(
    ladder: Ladder,
    numbers: dict[str, np.ndarray],
    first: str,
    second: str,
    given: str | None = None,
) -> dict[str, Any]:
    cleared = None if given is None else numbers[given]
    found = rungs.correlation(numbers[first], numbers[second], cleared, ladder.settings["seed"])
    return {"first": first, "second": second, "given": given, **vars(found)}
