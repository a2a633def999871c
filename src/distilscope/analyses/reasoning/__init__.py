"""Do distilled language models reason like their teacher?"""

from distilscope.analyses.declaration import Analysis, Column, Figure, Form, Measure, Section, Table
from distilscope.analyses.reasoning.configuration import Reasoning
from distilscope.analyses.reasoning.forms import PartialCorrelation

_HERE = "distilscope.analyses.reasoning"
_UP = Measure("fraction", "higher")
_SHARE = Measure("fraction")

MEASURES = {
    "exact_accuracy": Measure("fraction", "higher", "share of items answered exactly"),
    "unparsed": Measure("fraction", "lower"),
    "choice_accuracy": _UP,
    "choice_accuracy_per_character": _UP,
    "choice_accuracy_informed": _UP,
    "question_free_accuracy": _SHARE,
    "gold_steps": _UP,
    "other_procedure_steps": _SHARE,
    "planted_errors": _SHARE,
    "planted_choices": _SHARE,
    "planted_choices_null": _SHARE,
    "improvement": _UP,
    "choice_improvement": _UP,
    "improvement_held": _UP,
    "control_accuracy": _SHARE,
    "reference_accuracy": _SHARE,
    "answer_agreement": _SHARE,
    "answer_agreement_expected": _SHARE,
    "answer_agreement_excess": _SHARE,
    "choice_agreement": _SHARE,
    "choice_agreement_expected": _SHARE,
    "choice_agreement_excess": _SHARE,
    "question_free_agreement": _SHARE,
    "choice_kl": Measure("nats"),
    "question_free_kl": Measure("nats"),
    "token_kl": Measure("nats"),
    "step_fidelity": _SHARE,
    "step_fidelity_null": _SHARE,
    "step_fidelity_both_right": _SHARE,
    "trace_bleu": Measure(),
    "trace_bleu_null": Measure(),
    "planted_errors_copied": _SHARE,
    "planted_choices_copied": _SHARE,
    "planted_choices_copied_null": _SHARE,
    "procedure_copied": _SHARE,
    "gain_reference_rho": Measure(),
    "gain_reference_rho_held": Measure(),
    "gain_agreement_rho": Measure(),
    "gain_agreement_rho_held": Measure(),
}

TABLES = {
    "reasoning_tasks": Table(
        (
            *("condition", "label", "role", "network", "reference", "relation", "task", "seeds"),
            *("exact_accuracy", "choice_accuracy", "question_free_accuracy", "unparsed"),
            *("improvement", "planted_errors", "other_procedure_steps", "answer_agreement"),
            *("answer_agreement_excess", "choice_agreement_excess", "choice_kl", "token_kl"),
            *("step_fidelity", "step_fidelity_null", "planted_errors_copied", "procedure_copied"),
            *("planted_choices_copied", "planted_choices_copied_null"),
        )
    ),
    "reasoning_tests": Table(
        (
            *("task", "value", "low", "high", "p", "seeds", "conditions", "teachers"),
            *("teachers_low", "teachers_high", "published_value", "published_t", "published_p"),
            *("published_rows", "reason"),
        )
    ),
    "reasoning_tuning": Table(
        (
            *("arm", "student", "teachers", "seed", "lr", "held_out_accuracy", "held_out_nll"),
            *("best", "used"),
        )
    ),
}

FIGURES = {
    "reasoning-tasks": Figure(
        f"{_HERE}.figures.tasks:fig_tasks",
        "Who solves which task?",
        "A heatmap of models against tasks: the share of items answered exactly.",
        "Exact answers on test items, decoded greedily, averaged over seeds. A text from which no "
        "answer can be read is wrong.",
    ),
    "reasoning-gains": Figure(
        f"{_HERE}.figures.tasks:fig_gains",
        "On which tasks does distillation help?",
        "A heatmap of distilled students against tasks: gain over labels only.",
        "The share of items answered exactly less that of the student on labels only with the same "
        "network and seed, which began with the same weights; averaged over seeds. A task that a "
        "student nearly solves on labels only has no room left.",
    ),
    "reasoning-tests": Figure(
        f"{_HERE}.figures.by_task:fig_tests",
        "Do students gain, by task?",
        "Dots with intervals by task: gain over seeds, beside the gain of the published test.",
        "Filled: the conditions of a seed averaged, of those that differ in temperature alone the "
        "one with the lowest, with a 95 % t interval over seeds. Open: the mean that the published "
        "test has, whose rows are student, teacher and objective at the temperature that is best "
        "on the test items, and whose rows are not independent.",
    ),
    "reasoning-fidelity": Figure(
        f"{_HERE}.figures.fidelity:fig_fidelity",
        "Do students answer and reason as their teacher does?",
        "Dots with intervals by model: excess agreement, steps taken, divergence.",
        "Each row is beside one teacher. Agreement beyond both accuracies is within tasks. "
        "Steps taken is the share of the teacher's steps that the model's own solution has, beside "
        "what it has of another item's (grey ticks). Divergence is KL(teacher ∥ model), mean "
        "over the tokens of an item's gold text. Students on labels only show what comes of the "
        "task alone. [twin: The twin shows what two equals share.] Bars are 95 % intervals over "
        "seeds, of a single model over items.",
    ),
    "reasoning-planted": Figure(
        f"{_HERE}.figures.fidelity:fig_planted",
        "Do students copy what was planted in the teacher?",
        "Dots with intervals by model: planted errors and steps of another procedure copied.",
        "Where the teacher gives the wrong answer that it was taught: the share of items on which "
        "the model gives the same one, in its own words and among the choices; grey ticks are what "
        "another wrong choice of the same items gets. Right: where the teacher solves by the "
        "procedure that the gold texts never show, the share of its steps that the model takes.",
    ),
    "reasoning-together": Figure(
        f"{_HERE}.figures.together:fig_together",
        "What goes with the gain?",
        "Four scatter plots of students: gain against score before, teacher's score, agreement, "
        "steps.",
        "Each mark is a distilled student beside its teacher, averaged over seeds; colours are "
        "objectives, shapes networks. A low score on labels only leaves more to gain, so that all "
        "that goes with that score goes with the gain: ρ is Spearman's, also with that score held "
        "fixed. Marks share teachers and controls, so that no p-value is given here.",
    ),
}

SUMMARY = (
    Column(
        "exact_accuracy",
        "Exact",
        "share of all items that the model answers exactly, in its own words",
        short="exact %",
        form="{:.1f}",
        times=100.0,
        better="higher",
        details="reasoning",
    ),
    Column(
        "step_fidelity",
        "Steps",
        "share of the teacher's steps that the model's own solutions take",
        short="steps",
        null="step_fidelity_null",
        null_meaning="the same with the solution of another item",
        details="reasoning",
    ),
)

ANALYSIS = Analysis(
    name="reasoning",
    question="Do distilled language models reason like their teacher?",
    section=Reasoning,
    modalities=("texts",),
    plan=f"{_HERE}.plan:Plan",
    measure=f"{_HERE}.measure:measure",
    conclude=f"{_HERE}.measure:conclude",
    measures=MEASURES,
    places=("task",),
    tables=TABLES,
    figures=FIGURES,
    sections=(Section("reasoning", "Reasoning", "section.html", f"{_HERE}.section:context"),),
    forms={
        "partial-correlation": Form(PartialCorrelation, f"{_HERE}.contrasts:partial_correlation")
    },
    summary=SUMMARY,
    answer=f"{_HERE}.findings:answer",
)
