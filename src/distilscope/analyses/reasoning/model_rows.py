"""The numbers of one model: what it gets right, and whether it does what was planted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from distilscope.analyses.reasoning import agreeing, planted, steps
from distilscope.analyses.reasoning.adding import (
    NO_CHOICES,
    NO_TRACES,
    NOT_PLANTED,
    add_means,
    spread,
)
from distilscope.analyses.reasoning.said import Questions, Said
from distilscope.measuring.entries import Entry
from distilscope.measuring.rows import Rows

NO_CONTROL = "no student on labels only has its network and seed"
OF_CHOICES = (
    *("choice_accuracy", "choice_accuracy_per_character", "choice_accuracy_informed"),
    *("question_free_accuracy",),
)
REASONS = {
    **dict.fromkeys(OF_CHOICES, NO_CHOICES),
    "gold_steps": NO_TRACES,
    **dict.fromkeys(
        ("planted_errors", "planted_choices", "planted_choices_null", "other_procedure_steps"),
        NOT_PLANTED,
    ),
}


def add_model(questions: Questions, rows: Rows, entry: Entry) -> None:
    """Every number of a model alone; of a student also what it gains over its control."""
    said = questions.said[entry.id]
    by_choice, null = planted.choices(questions, said)
    columns = {
        "exact_accuracy": said.right.astype(np.float64),
        "unparsed": np.array([answer is None for answer in said.answers], np.float64),
        **_of_choices(questions, said),
        "gold_steps": steps.fidelity(said.traces, questions.gold_traces),
        "other_procedure_steps": planted.other_procedure(questions, said),
        "planted_errors": planted.errors(questions, said),
        "planted_choices": by_choice,
        "planted_choices_null": null,
    }
    add_means(questions, rows, entry, columns, REASONS)
    if entry.role in ("student", "twin-taught"):
        _add_improvement(questions, rows, entry, columns)


def _of_choices(questions: Questions, said: Said) -> dict[str, np.ndarray]:
    scores = (said.logprob, said.per_character, said.informed, said.no_question)
    return {
        name: spread(questions, rightly(score, questions.label))
        for name, score in zip(OF_CHOICES, scores, strict=True)
    }


def rightly(scores: np.ndarray, label: np.ndarray) -> np.ndarray:
    """(M,) 1.0 where the choice with the highest of (M, K) scores is the right one."""
    if not scores.size:
        return np.empty(0)
    return (np.argmax(scores, axis=1) == label).astype(np.float64)


def control_of(questions: Questions, entry: Entry) -> Entry | None:
    """The student on labels only with the same network and seed: it began with the same weights."""
    found = (
        other
        for other in questions.study.entries
        if other.role == "control" and (other.network, other.seed) == (entry.network, entry.seed)
    )
    return next(found, None)


def _add_improvement(
    questions: Questions, rows: Rows, entry: Entry, columns: Mapping[str, np.ndarray]
) -> None:
    """What the student gets right more often than its control, by item and so paired."""
    control = control_of(questions, entry)
    names = {"improvement": "exact_accuracy", "choice_improvement": "choice_accuracy"}
    if control is None:
        for name in (*names, "control_accuracy"):
            rows.add(entry, name, np.nan, reason=NO_CONTROL, subset="all")
        return
    said = questions.said[control.id]
    below = {"exact_accuracy": said.right.astype(np.float64), **_of_choices(questions, said)}
    gains = {name: columns[of] - below[of] for name, of in names.items()}
    gains["control_accuracy"] = below["exact_accuracy"]
    add_means(questions, rows, entry, gains, {"choice_improvement": NO_CHOICES})


def accuracy_by_task(questions: Questions, model: str) -> np.ndarray:
    """(tasks,) exact accuracy."""
    right = questions.said[model].right
    return np.array([right[rows].mean() for rows in questions.groups.values()])


def agreement_by_task(questions: Questions, model: str, reference: str) -> np.ndarray:
    """(tasks,) agreement of exact answers in excess of what both accuracies let expect."""
    own, other = questions.said[model], questions.said[reference]
    agreed = agreeing.same_answers(own.answers, other.answers)
    found = [
        agreed[rows].mean() - own.right[rows].mean() * other.right[rows].mean()
        for rows in questions.groups.values()
    ]
    return np.array(found)
