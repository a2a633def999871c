"""The numbers of a model beside a reference: does it answer, err and reason alike?"""

from __future__ import annotations

import numpy as np

from distilscope.analyses.reasoning import agreeing, model_rows, planted, steps
from distilscope.analyses.reasoning.adding import (
    NO_CHOICES,
    NO_TRACES,
    NOT_PLANTED,
    add_means,
    spread,
    where,
)
from distilscope.analyses.reasoning.said import Questions, Said
from distilscope.analyses.reasoning.tokens import kl
from distilscope.measuring.entries import Compared
from distilscope.measuring.rows import Rows
from distilscope.statistics import ranks

RIGHT, WRONG = "reference-right", "reference-wrong"
NOT_COPIED = "the reference does what is planted on a third of these items or fewer"
NO_STEPS = "the reference takes no step in any worked solution"
NONE_BOTH_RIGHT = "no item with steps of the reference is answered rightly by both"
NO_TOKENS = "logits on the gold text were not stored"
ONLY_ITEMS = "no task with worked solutions has two items"
FEW_TASKS = "too few tasks differ"
FEWEST_TASKS = 6
ERRORS_COPIED = ("planted_errors_copied", "planted_choices_copied", "planted_choices_copied_null")
REASONS = {
    **dict.fromkeys(("choice_agreement", "choice_kl"), NO_CHOICES),
    **dict.fromkeys(("question_free_agreement", "question_free_kl"), NO_CHOICES),
    **dict.fromkeys(("step_fidelity", "step_fidelity_null", "step_fidelity_both_right"), NO_TRACES),
    **dict.fromkeys((*ERRORS_COPIED, "procedure_copied"), NOT_COPIED),
    "token_kl": NO_TOKENS,
}


def add_pair(questions: Questions, rows: Rows, each: Compared) -> None:
    """Every number of a model beside a reference."""
    own, other = questions.said[each.model.id], questions.said[each.reference]
    columns = {
        "reference_accuracy": other.right.astype(np.float64),
        "answer_agreement": agreeing.same_answers(own.answers, other.answers),
        **_of_choices(questions, own, other),
        **_of_steps(questions, own, other),
        **_of_planted(questions, own, other),
        "token_kl": questions.token_kl(each.model.id, each.reference),
    }
    add_means(questions, rows, each, columns, _reasons(questions))
    _add_expected(questions, rows, each, "answer", columns["answer_agreement"])
    right = other.right.astype(np.float64)
    _add_by_reference(questions, rows, each, right, columns["answer_agreement"], "answer")
    if len(questions.chosen):
        _add_expected(questions, rows, each, "choice", columns["choice_agreement"])
        right = _where_several(questions, other)
        _add_by_reference(questions, rows, each, right, columns["choice_agreement"], "choice")
    _add_bleu(questions, rows, each)
    if each.model.role in ("student", "twin-taught"):
        _add_over_tasks(questions, rows, each)


def _reasons(questions: Questions) -> dict[str, str]:
    """Why no item at all has a number: of these items, or of what was said."""
    found = dict(REASONS)
    if not any(questions.planted_answers):
        found |= dict.fromkeys(ERRORS_COPIED, NOT_PLANTED)
    if not any(questions.planted_traces):
        found["procedure_copied"] = NOT_PLANTED
    if any(task["traced"] for task in questions.tasks.values()):
        found |= {"step_fidelity": NO_STEPS, "step_fidelity_null": NO_STEPS}
        found["step_fidelity_both_right"] = NONE_BOTH_RIGHT
    return found


def _of_choices(questions: Questions, own: Said, other: Said) -> dict[str, np.ndarray]:
    if not len(questions.chosen):
        return {}
    found = {}
    for stem, first, second in (
        ("choice", own.logprob, other.logprob),
        ("question_free", own.no_question, other.no_question),
    ):
        agreed = np.argmax(first, axis=1) == np.argmax(second, axis=1)
        found[f"{stem}_agreement"] = spread(questions, agreed)
        found[f"{stem}_kl"] = spread(questions, kl(first, second))
    return found


def _of_steps(questions: Questions, own: Said, other: Said) -> dict[str, np.ndarray]:
    taken = steps.fidelity(own.traces, other.traces)
    settings = questions.settings
    null = steps.fidelity_by_chance(
        own.traces,
        other.traces,
        list(questions.groups.values()),
        settings["shuffles"],
        settings["seed"],
    )
    return {
        "step_fidelity": taken,
        "step_fidelity_null": where(np.isfinite(taken), null),
        "step_fidelity_both_right": where(own.right & other.right, taken),
    }


def _of_planted(questions: Questions, own: Said, other: Said) -> dict[str, np.ndarray]:
    """What the model does where the reference does wholly what was planted."""
    by_choice, null = planted.choices(questions, own)
    of_choice, _ = planted.choices(questions, other)
    taken, of_reference = (planted.other_procedure(questions, said) for said in (own, other))
    errs, of_errors = (planted.errors(questions, said) for said in (own, other))
    return {
        "planted_errors_copied": planted.copied(of_errors, errs),
        "planted_choices_copied": planted.copied(of_choice, by_choice),
        "planted_choices_copied_null": planted.copied(of_choice, null),
        "procedure_copied": planted.copied(of_reference, taken),
    }


def _add_expected(
    questions: Questions, rows: Rows, each: Compared, stem: str, agreed: np.ndarray
) -> None:
    """Agreement expected from both accuracies within tasks, and the excess over it."""
    said = [questions.said[name] for name in (each.model.id, each.reference)]
    study, groups = questions.study, questions.groups
    if stem == "answer":
        right = [one.right for one in said]
        choices = [0] * len(groups)
    else:
        right = [
            spread(questions, model_rows.rightly(one.logprob, questions.label)) for one in said
        ]
        groups = {name: at for name, at in groups.items() if questions.tasks[name]["choices"]}
        choices = [questions.tasks[name]["choices"] for name in groups]
    found = agreeing.beside_expected(
        agreed, *right, list(groups.values()), choices, study.draw(len(agreed)), study.level
    )
    n = sum(map(len, groups.values()))
    for i, name in enumerate((f"{stem}_agreement_expected", f"{stem}_agreement_excess")):
        ends = {"low": found.low[i], "high": found.high[i]} if n > 1 else {}
        rows.add(each, name, found.overall[i], n=n, subset="all", **ends)
        for task, own_numbers in zip(groups, found.tasks, strict=True):
            place = {"subset": "all", "task": task, "headline": False}
            rows.add(each, name, own_numbers[i], n=len(groups[task]), **place)


def _where_several(questions: Questions, other: Said) -> np.ndarray:
    """(N,) whether the reference chooses rightly; NaN where there are not more than two choices: of
    two, to be wrong is to be wrong alike.
    """
    right = model_rows.rightly(other.logprob, questions.label)
    several = np.isfinite(other.logprob).sum(axis=1) > 2
    return spread(questions, where(several, right))


def _add_by_reference(
    questions: Questions,
    rows: Rows,
    each: Compared,
    right: np.ndarray,
    agreed: np.ndarray,
    stem: str,
) -> None:
    """Agreement (N,) on items that the reference gets right (N,), and on those it gets wrong."""
    several = " of more than two choices" if stem == "choice" else ""
    for subset, wanted in ((RIGHT, 1.0), (WRONG, 0.0)):
        column = {f"{stem}_agreement": where(right == wanted, agreed)}
        why = {f"{stem}_agreement": f"no item{several} is {subset}"}
        add_means(questions, rows, each, column, why, subset=subset)


def _add_bleu(questions: Questions, rows: Rows, each: Compared) -> None:
    """As published, beside the same with the trace of another item of the task."""
    own, other = (questions.said[name].traces for name in (each.model.id, each.reference))
    random = np.random.default_rng(questions.settings["seed"])
    moved, beside = list(own), list(other)
    for at in questions.groups.values():
        order = random.permutation(at)
        for row, source in zip(order, np.roll(order, 1), strict=True):
            moved[row] = own[source]
            beside[row] = other[row] if row != source else ""  # an only item meets itself
    for name, traces, against in (("trace_bleu", own, other), ("trace_bleu_null", moved, beside)):
        n = sum(map(bool, against))
        why = None if n else NO_TRACES if not any(other) else ONLY_ITEMS
        rows.add(each, name, steps.bleu(traces, against), n=n, reason=why, subset="all")


def _add_over_tasks(questions: Questions, rows: Rows, each: Compared) -> None:
    """Whether a student gains on the tasks on which its reference is good, or it agrees with it."""
    control = model_rows.control_of(questions, each.model)
    names = [
        f"gain_{what}_rho{held}" for what in ("reference", "agreement") for held in ("", "_held")
    ]
    if control is None:
        for name in names:
            rows.add(each, name, np.nan, reason=model_rows.NO_CONTROL, subset="all")
        return
    before = model_rows.accuracy_by_task(questions, control.id)
    gain = model_rows.accuracy_by_task(questions, each.model.id) - before
    sides = (
        model_rows.accuracy_by_task(questions, each.reference),
        model_rows.agreement_by_task(questions, each.model.id, each.reference),
    )
    values = [ranks.spearman(gain, side, held) for side in sides for held in ((), (before,))]
    for name, value in zip(names, values, strict=True):
        enough = len(gain) >= FEWEST_TASKS and np.isfinite(value)
        rows.add(
            each,
            name,
            value if enough else np.nan,
            n=len(gain),
            reason=None if enough else FEW_TASKS,
            subset="all",
        )
