"""The numbers of teachers: distinctness, likeness to one another, recovery of what is planted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from distilscope.analyses.dark_knowledge import distinctness, planted, relations
from distilscope.analyses.dark_knowledge.configuration import TREE
from distilscope.analyses.dark_knowledge.ladder import PROBES, Ladder
from distilscope.analyses.dark_knowledge.observe import TRAIN
from distilscope.data import composed_tree
from distilscope.measuring.observations import Outputs
from distilscope.measuring.rows import missing_reason
from distilscope.measuring.study import PROBE, Entry
from distilscope.statistics import bootstrap
from distilscope.statistics.bootstrap import Estimates

TRUE, REST = 1.25, 0.75
"""Of tau: the two temperatures of the published curves of asymmetric scaling."""

DISTINCTNESS = (
    *("model", "network", "role", "seed", "parameters", "probe", "scaling", "tau", "measure"),
    *("value", "low", "high", "n", "reason"),
)
RELATIONS = (
    *("model", "reference", "network", "reference_network", "kind", "measure", "value", "low"),
    *("high", "null", "p", "n", "reason"),
)
KINDS = ("rungs", "seeds", "floor")
"""What a pair of models is: teachers of two entries, two seeds of one, a teacher and an untrained
network."""
OF_ORDERS = ("wrong_kendall", "wrong_spearman", "wrong_overlap")
MEASURES = (*OF_ORDERS, "relation_rho")


# -------------------------------------------------------------------------------- distinctness


def add_distinctness(ladder: Ladder) -> pd.DataFrame:
    """Rows of measures, and a table of the same with those of asymmetric scaling.

    Asymmetric scaling takes the label, so that it is measured on training images alone.
    """
    records: list[dict[str, Any]] = []
    for entry in ladder.teachers:
        for probe, tau in itertools.product(PROBES, ladder.settings["tau"]):
            if ladder.outputs(entry.id, probe) is None:
                continue
            found = _estimates(ladder, entry, probe, tau)
            reasons = [_reason(found, place) for place in range(len(distinctness.NAMES))]
            ladder.study.rows.add_estimates(
                entry,
                distinctness.NAMES,
                found,
                reasons,
                probe=probe,
                subset="all",
                tau=tau,
                headline=probe == TRAIN and tau == ladder.settings["shared"],
            )
            records += _records(ladder, entry, probe, "scalar", tau, found, reasons)
            if probe == TRAIN:
                both = _estimates(ladder, entry, probe, REST * tau, TRUE * tau)
                records += _records(ladder, entry, probe, "asymmetric", tau, both, reasons)
    return pd.DataFrame.from_records(records, columns=DISTINCTNESS)


def _estimates(
    ladder: Ladder, entry: Entry, probe: str, tau: float, tau_true: float | None = None
) -> Estimates:
    said = ladder.outputs(entry.id, probe)
    found = distinctness.distinctness(said.logits, said.label, tau, tau_true)
    return bootstrap.means(found.columns(), ladder.study.draw(len(said.label)), ladder.study.level)


def _reason(found: Estimates, place: int) -> str | None:
    if found.n[place] == 0 and found.n_undefined[place]:
        return distinctness.TWO_CLASSES
    return missing_reason(int(found.n[place]), int(found.n_undefined[place]))


def _records(
    ladder: Ladder,
    entry: Entry,
    probe: str,
    scaling: str,
    tau: float,
    found: Estimates,
    reasons: list[str | None],
) -> Iterator[dict[str, Any]]:
    for i, name in enumerate(distinctness.NAMES):
        yield {
            **_of(ladder, entry),
            "probe": probe,
            "scaling": scaling,
            "tau": tau,
            "measure": name,
            **found.column(i),
            "reason": reasons[i],
        }


def _of(ladder: Ladder, entry: Entry) -> dict[str, Any]:
    own = {key: getattr(entry, key) for key in ("network", "role", "seed")}
    return {"model": entry.id, **own, "parameters": ladder.size(entry)}


# ----------------------------------------------------------------------------------- relations


def relations_table(ladder: Ladder) -> pd.DataFrame:
    """How alike each pair of models orders wrong classes on the test images, and relates classes.

    `null` of the overlap is its chance, of the matrices the mean over permutations of the classes.
    The summary rows of measures are a teacher's means over pairs of a kind.
    """
    records = [
        {**pair, **numbers}
        for pair, first, second in _pairs(ladder)
        for numbers in _likeness(ladder, first, second)
    ]
    table = pd.DataFrame.from_records(records, columns=RELATIONS)
    for entry in ladder.teachers:
        own = table[(table["model"] == entry.id) | (table["reference"] == entry.id)]
        for kind, measure in itertools.product(KINDS, MEASURES):
            rows = own[(own["kind"] == kind) & (own["measure"] == measure)]
            if not len(rows) and kind == "floor":
                continue
            values = rows["value"].dropna()
            why = _why_none(kind, rows)
            ladder.study.rows.add(
                entry,
                f"{measure}_{kind}",
                values.mean() if len(values) else np.nan,
                n=len(values) or None,
                reason=why if not len(values) else None,
                subset="all",
            )
    return table


def _why_none(kind: str, rows: pd.DataFrame) -> str:
    if len(rows):
        return rows["reason"].dropna().iloc[0] if rows["reason"].notna().any() else ""
    return {
        "rungs": "a ladder of one: there is no other teacher",
        "seeds": "its entry has one model: there is no twin",
        "floor": "",
    }[kind]


def _pairs(ladder: Ladder) -> Iterator[tuple[dict[str, Any], Entry, Entry]]:
    """Each pair once: teachers and twins of different entries, members of one, and with floors."""
    for first, second in itertools.combinations(ladder.teachers, 2):
        kind = "seeds" if first.network == second.network else "rungs"
        yield _pair(first, second, kind), first, second
    for teacher, floor in itertools.product(ladder.teachers, ladder.floors):
        yield _pair(teacher, floor, "floor"), teacher, floor


def _pair(first: Entry, second: Entry, kind: str) -> dict[str, Any]:
    return {
        "model": first.id,
        "reference": second.id,
        "network": first.network,
        "reference_network": second.network,
        "kind": kind,
    }


def _likeness(ladder: Ladder, first: Entry, second: Entry) -> Iterator[dict[str, Any]]:
    """What each of `MEASURES` is of a pair of models, on the test images."""
    said = [ladder.study.outputs[entry.id] for entry in (first, second)]
    yield from _likeness_of_orders(ladder, said)
    yield _likeness_of_matrices(ladder, said)


def _likeness_of_orders(ladder: Ladder, said: Sequence[Outputs]) -> Iterator[dict[str, Any]]:
    study, top = ladder.study, ladder.settings["top"]
    wrong = [distinctness.split(one.logits, one.label)[1] for one in said]
    classes = wrong[0].shape[1]
    few = classes < 3
    columns = np.column_stack(
        [
            relations.kendall(*wrong),
            relations.spearman(*wrong),
            relations.top_overlap(*wrong, top),
        ]
    )
    if few:
        columns[:] = np.nan
    found = bootstrap.means(columns, study.resamples, study.level)
    for i, (measure, chance) in enumerate(zip(OF_ORDERS, (0.0, 0.0, top / classes), strict=True)):
        reason = relations.TOO_FEW if few else missing_reason(int(found.n[i]))
        yield {"measure": measure, **found.column(i), "null": chance, "reason": reason}


def _likeness_of_matrices(ladder: Ladder, said: Sequence[Outputs]) -> dict[str, Any]:
    tau = ladder.settings["shared"]
    matrices = [relations.relation_matrix(one.logits, one.label, tau) for one in said]
    like = relations.likeness(*matrices, ladder.settings["permutations"], ladder.settings["seed"])
    missing = [ladder.classes[label] for label in relations.absent(matrices[0])]
    without = f"without {', '.join(missing)}, which have no image" if missing else None
    return {
        "measure": "relation_rho",
        "value": like.rho,
        "null": like.null,
        "p": like.p,
        "n": like.n,
        "reason": like.reason or without,
    }


# ------------------------------------------------------------------------------------- planted


def add_planted(ladder: Ladder) -> None:
    """How well teachers and untrained networks recover the planted relations, beside shuffled
    trees.

    Raises:
        ValueError: the classes are not those of the tree.
    """
    if ladder.settings["planted"] != TREE:
        return
    if ladder.classes != tuple(composed_tree.CLASSES):
        raise ValueError(
            f"analyses.dark_knowledge.planted: the classes are not those of {TREE}; give "
            "composed-parts a recipe with `classes: tree`, and no `data.classes`"
        )
    tree = composed_tree.relations().astype(float)
    others = planted.shuffled(tree, ladder.settings["shuffles"], ladder.settings["seed"])
    for entry in (*ladder.teachers, *ladder.floors):
        _add_orders(ladder, entry, tree, others)
        _add_matrices(ladder, entry, tree, others)


def _add_orders(
    ladder: Ladder, entry: Entry, tree: np.ndarray, others: Sequence[np.ndarray]
) -> None:
    """Of each test image: the order of its wrong classes, which no temperature changes."""
    study, said = ladder.study, ladder.study.outputs[entry.id]
    own, *null = (planted.of_images(said.logits, said.label, each) for each in (tree, *others))
    found = bootstrap.means(own[:, None], study.resamples, study.level)
    study.rows.add_estimates(entry, ("planted_kendall",), found, subset="all")
    ranked = ~np.isnan(own)
    means = np.array([each[ranked].mean() if ranked.any() else np.nan for each in null])
    reason = None if ranked.any() else missing_reason(0, len(own))
    _add_null(ladder, entry, "planted_kendall_null", means, reason, subset="all")


def _add_matrices(
    ladder: Ladder, entry: Entry, tree: np.ndarray, others: Sequence[np.ndarray]
) -> None:
    """Of the class-relation matrix at each temperature, on training and on test images."""
    settings, rows = ladder.settings, ladder.study.rows
    for probe, tau in itertools.product((TRAIN, PROBE), settings["tau"]):
        said = ladder.outputs(entry.id, probe)
        matrix = relations.relation_matrix(said.logits, said.label, tau)
        headline = probe == PROBE and tau == settings["shared"]
        place = {"probe": probe, "subset": "all", "tau": tau, "headline": headline}
        rho, n, reason = relations.alike(matrix, tree)
        rows.add(entry, "planted_relation_rho", rho, n=n, reason=reason, **place)
        null = np.array([relations.alike(matrix, each)[0] for each in others])
        _add_null(ladder, entry, "planted_relation_rho_null", null, reason, **place)


def _add_null(
    ladder: Ladder,
    entry: Entry,
    measure: str,
    values: np.ndarray,
    reason: str | None,
    **place: Any,
) -> None:
    """The mean over shuffled trees, and between which values so many of them lie."""
    tail = (1 - ladder.study.level) / 2
    low, high = np.quantile(values, (tail, 1 - tail))
    ladder.study.rows.add(
        *(entry, measure, values.mean()),
        low=low,
        high=high,
        over="shuffles",
        n=len(values),
        reason=reason,
        **place,
    )
