"""Why can a better teacher be a worse one: what do teachers' wrong classes tell?"""

from distilscope.analyses.dark_knowledge.configuration import DarkKnowledge
from distilscope.analyses.dark_knowledge.forms import OverRungs, RungCorrelation
from distilscope.analyses.declaration import Analysis, Figure, Form, Measure, Section, Table

_HERE = "distilscope.analyses.dark_knowledge"
_LIKENESS = {
    f"{name}_{kind}": Measure(better="higher")
    for kind in ("rungs", "seeds", "floor")
    for name in ("wrong_kendall", "wrong_spearman", "wrong_overlap", "relation_rho")
}

MEASURES = {
    "p_true": Measure("fraction"),
    "wrong_mean": Measure("fraction"),
    "wrong_sd": Measure("fraction", "higher"),
    "wrong_variance": Measure(),
    "inherent_sd": Measure("fraction", "higher"),
    "inherent_variance": Measure(),
    "inherent_entropy": Measure("nats"),
    "guidance": Measure("nats"),
    "regularisation": Measure("nats"),
    "discriminability": Measure("nats"),
    "soft_cross_entropy": Measure("nats"),
    **_LIKENESS,
    "planted_kendall": Measure(better="higher"),
    "planted_kendall_null": Measure(),
    "planted_relation_rho": Measure(better="higher"),
    "planted_relation_rho_null": Measure(),
}

TABLES = {
    "distinctness": Table(
        (
            *("model", "network", "role", "parameters", "probe", "scaling", "tau", "measure"),
            *("value", "low", "high", "n", "reason"),
        )
    ),
    "relations": Table(
        (
            *("model", "reference", "network", "reference_network", "kind", "measure", "value"),
            *("null", "p", "n", "reason"),
        )
    ),
    "arms": Table(
        (
            *("student", "teacher", "parameters", "teacher_accuracy", "arm", "tries", "label"),
            *("held_out_accuracy", "accuracy", "low", "high", "seeds"),
        )
    ),
    "rungs": Table(
        (
            *("student", "arm", "first", "second", "given", "rho", "p", "smallest_p", "rungs"),
            *("rungs_to_decide", "reason"),
        )
    ),
}

FIGURES = {
    "distinctness-temperature": Figure(
        f"{_HERE}.figures.temperature:fig_temperature",
        "What the temperature does to wrong classes",
        "Six panels over the temperature: mean and spread of wrong-class probabilities.",
        "Mean and spread of the wrong classes' probabilities on training images over the "
        "temperature, for the smallest and the largest teacher. The last column softens the "
        "label's logit by 1.25 τ and the others by 0.75 τ; it takes the label, and so is for "
        "training images alone.",
    ),
    "asymmetric-grid": Figure(
        f"{_HERE}.figures.asymmetric:fig_asymmetric",
        "Accuracy under two temperatures of the teacher",
        "Heatmaps of student accuracy over the label's and the wrong classes' temperatures.",
        "Test accuracy of students, averaged over all seeds, for each pair of temperatures that "
        "was trained. The diagonal is one temperature for all classes.",
        wanted=f"{_HERE}.wanted:of_asymmetric",
    ),
    "rung-accuracy": Figure(
        f"{_HERE}.figures.capacity:fig_accuracy",
        "Is a larger teacher a better one?",
        "Lines over teachers from the smallest: student accuracy under each arm.",
        "Test accuracy of each student over its teachers, the smallest left, under each arm at the "
        "setting that it chose on held-out images under a seed that is not shown. Bars are 95 % "
        "intervals over seeds, with what a seed adds to all models of the student taken off.",
    ),
    "distinctness-capacity": Figure(
        f"{_HERE}.figures.capacity:fig_distinctness",
        "Do larger teachers hold wrong classes less apart?",
        "Three panels over teachers: confidence in the label, derived and inherent spread.",
        "At the shared temperature, a line a set of images, a mark a model. Derived spread is that "
        "of the wrong classes' probabilities; inherent spread is that of the same made to add up "
        "to 1, which confidence can't crush. Training images have less of the first, for teachers "
        "know them by heart.",
    ),
    "class-relations": Figure(
        f"{_HERE}.figures.agreement:fig_relations",
        "Do teachers of different size relate classes alike?",
        "Two heatmaps of teachers against teachers: agreement on wrong classes.",
        "Left: Kendall's τ of the wrong classes' logits, averaged over test images. Right: "
        "Spearman's ρ of the class-relation matrices' entries off the diagonal. On the diagonal "
        "are two seeds of one teacher, which is the ceiling.",
    ),
    "largest-teacher": Figure(
        f"{_HERE}.figures.largest:fig_largest",
        "What each arm makes of the largest teacher",
        "A table of students against arms: test accuracy with its interval over seeds.",
        "Test accuracy in per cent with half of a 95 % interval over seeds, with what a seed adds "
        "to all models of the student taken off. Labels only is the student without a teacher.",
    ),
}

ANALYSIS = Analysis(
    name="dark_knowledge",
    question="Why can a better teacher be a worse one: what do teachers' wrong classes tell?",
    section=DarkKnowledge,
    plan=f"{_HERE}.plan:Plan",
    measure=f"{_HERE}.measure:measure",
    measures=MEASURES,
    places=("tau",),
    tables=TABLES,
    figures=FIGURES,
    sections=(
        Section("dark-knowledge", "Dark knowledge", "section.html", f"{_HERE}.section:context"),
    ),
    forms={
        "rung-correlation": Form(RungCorrelation, f"{_HERE}.contrasts:rung_correlation"),
        "over-rungs": Form(OverRungs, f"{_HERE}.contrasts:over_rungs"),
    },
    answer=f"{_HERE}.section:answer",
)
