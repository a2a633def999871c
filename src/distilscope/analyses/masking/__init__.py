"""Does a model need what its teacher looks at? The causal check, by covering it."""

from distilscope.analyses.declaration import Analysis, Column, Figure, Measure
from distilscope.analyses.masking.configuration import Masking

_HERE = "distilscope.analyses.masking"

FIGURES = {
    "masking": Figure(
        f"{_HERE}.figures:fig_masking",
        "Does a model need what the teacher looks at?",
        "Points by model: what covering three equal areas costs, and how much more the first does.",
        "Left: by how much the probability of the teacher's class falls, on images that teacher "
        "and model both get right, when the area that matters most to the teacher is covered, and "
        "when an equal area is covered at random (the same shape, moved) or in the middle. Right: "
        "what the teacher's area costs more than the mean of the other two. At 0 the teacher's "
        "area is no more to the model than any other. Lines are 95 % intervals over test images, "
        "or over seeds where there are several.",
    ),
}

MEASURES = {
    "masking_drop": Measure(
        "fraction", words="fall of the probability of the teacher's class when an area is covered"
    ),
    "masking_logit_drop": Measure(),
    "masking_changed": Measure(
        "fraction", words="share of images predicted otherwise when an area is covered"
    ),
    "masking_excess": Measure(
        "fraction",
        "higher",
        "what covering the teacher's area costs more than covering as much elsewhere",
    ),
}

SUMMARY = (
    Column(
        "masking_excess",
        "Causal check",
        "fall of the probability when the teacher's most important area is covered, less that when "
        "as much is covered elsewhere, on images that both get right",
        interval=True,
    ),
)

ANALYSIS = Analysis(
    name="masking",
    question="Does a model need what its teacher looks at?",
    section=Masking,
    needs=("logits", "saliency"),
    plan=f"{_HERE}.plan:Plan",
    measure=f"{_HERE}.measure:measure",
    measures=MEASURES,
    figures=FIGURES,
    summary=SUMMARY,
    answer=f"{_HERE}.findings:answer",
)
