"""Do teachers that attend to different places, and students that follow them less, make better
students?
"""

from distilscope.analyses.attention.configuration import Attention
from distilscope.analyses.declaration import Analysis, Figure, Measure, Section, Table

_HERE = "distilscope.analyses.attention"

_OVERLAP = {
    f"{of}overlap{what}": Measure("fraction")
    for of in ("", "teachers_")
    for what in ("", "_null", "_specific", "_batch", "_batch_null")
}

_INFORMATION = {
    "mutual_information": Measure("nats"),
    "mutual_information_miller_madow": Measure("nats"),
    "mutual_information_null": Measure("nats"),
    "mutual_information_corrected": Measure("nats"),
    "mutual_information_normalised": Measure("fraction"),
    "published_mi": Measure("nats"),
    "published_mi_null": Measure("nats"),
    "published_mis": Measure("nats"),
    "published_mis_null": Measure("nats"),
}

MEASURES = {
    "attention_area": Measure("fraction"),
    **_OVERLAP,
    "teachers_overlap_together": Measure("fraction"),
    "teachers_area": Measure("fraction"),
    "teachers_agreement": Measure("fraction"),
    "fidelity": Measure("fraction"),
    "fidelity_errors": Measure("fraction"),
    "published_fidelity": Measure("fraction"),
    "kl_from_reference": Measure("nats"),
    "kl_from_model": Measure("nats"),
    "published_kl_times_10": Measure(),
    **_INFORMATION,
    "prediction_entropy": Measure("nats"),
    "overfitting_gap": Measure("fraction", "lower"),
    "overfitting_gap_own_views": Measure("fraction", "lower"),
    "published_gap": Measure("fraction", "lower"),
    "affinity": Measure(),
    "published_ece": Measure("fraction", "lower"),
}

TABLES = {
    "attention_pairs": Table(
        (
            *("model", "reference", "role", "views", "reference_views", "kind", "method"),
            *("resolution", "overlap", "overlap_null", "overlap_specific", "overlap_batch"),
            *("overlap_batch_null", "area", "reference_area", "agreement", "accuracy"),
            *("committee_accuracy", "committee_gain", "committee_agreement", "reason"),
        )
    ),
    "attention_cells": Table(
        (
            *("condition", "label", "role", "student_views", "teachers", "teacher_views"),
            *("objective", "parameters", "combine", "seeds", "accuracy", "overfitting_gap"),
            *("teachers_overlap_batch", "teachers_overlap_specific", "teachers_area"),
            *("overlap_batch", "fidelity", "kl_from_reference", "mutual_information_corrected"),
        )
    ),
}

FIGURES = {
    "attention-overlap": Figure(
        f"{_HERE}.figures.pairs:fig_overlap",
        "Does stronger augmentation make teachers attend elsewhere?",
        "Dots of pairs of teachers by their augmentations: overlap, specific overlap, area.",
        "Each dot is a pair of teachers, a bar their mean. From the left: the published overlap, "
        "with what the same maps have on images that don't belong together (grey ticks); overlap "
        "by image less that null; the same of GradCAM, which explains one class; the share of an "
        "image that both attend to on average. Pairs of two augmentations are shown where they "
        "teach a student together. A pair of one augmentation is the ceiling of a pair of two.",
    ),
    "attention-cells": Figure(
        f"{_HERE}.figures.cells:fig_cells",
        "Every way of teaching",
        "A table of students by their and their teachers' augmentation, shaded by column.",
        "Means over seeds on test images. Teachers' overlap is the published one, and by image "
        "less its null; fidelity and divergence are to the teacher, or to the mean of the "
        "teachers' logits. Shades run from the smallest to the largest number of a column.",
    ),
    "attention-together": Figure(
        f"{_HERE}.figures.together:fig_together",
        "What goes together",
        "Four scatter plots of students: overlap and gap, overlap, fidelity, information and "
        "accuracy.",
        "Each mark is a way of teaching, averaged over seeds; colours are the student's own "
        "augmentation, and filled marks have several teachers. ρ is Spearman's over the marks of "
        "one colour. Augmentation was set; all else came with it: that two numbers vary together "
        "says nothing of what brings about what.",
    ),
    "attention-strength": Figure(
        f"{_HERE}.figures.strength:fig_strength",
        "How much augmentation?",
        "Four panels over the strength of the teachers' augmentation.",
        "Committees of two teachers of one strength, 0 being weak and 1 strong: how much the "
        "teachers attend alike, and what their students make of it, a line for each augmentation "
        "of the student. Bars are 95 % intervals over seeds.",
        wanted=f"{_HERE}.wanted:of_several_strengths",
    ),
    "attention-matching": Figure(
        f"{_HERE}.figures.matching:fig_matching",
        "Does matching logits harder raise fidelity?",
        "Bars of fidelity and accuracy under each objective, for the same teachers and student.",
        "Students of one network and the same teachers under each objective: test accuracy and "
        "how often they predict what the teachers predict. Bars are 95 % intervals over seeds.",
        wanted=f"{_HERE}.wanted:of_several_objectives",
    ),
    "attention-information": Figure(
        f"{_HERE}.figures.estimators:fig_information",
        "How much of the mutual information is there by chance?",
        "Bars of three estimators of mutual information beside what each gives for shuffled "
        "predictions.",
        "Mean over students and their references on test images. Hatched is what an estimator "
        "gives where one model's predictions are shuffled: all of it is inflation.",
        wanted="distilscope.analyses.attention.wanted:of_taught",
    ),
}

ANALYSIS = Analysis(
    name="attention",
    question="Do teachers that attend to different places, and students that follow them less, "
    "make better students?",
    section=Attention,
    plan=f"{_HERE}.plan:Plan",
    measure=f"{_HERE}.measure:measure",
    conclude=f"{_HERE}.measure:conclude",
    measures=MEASURES,
    places=("combined",),
    tables=TABLES,
    figures=FIGURES,
    sections=(
        Section("attention", "Attention and fidelity", "section.html", f"{_HERE}.section:context"),
    ),
    answer=f"{_HERE}.section:answer",
)
