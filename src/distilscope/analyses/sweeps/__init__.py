"""What do the parameters of the objective change?"""

from distilscope.analyses.declaration import Analysis, Figure
from distilscope.analyses.sweeps.configuration import Sweeps

_HERE = "distilscope.analyses.sweeps"

FIGURES = {
    "compression": Figure(
        f"{_HERE}.figures.sweeps:fig_compression",
        "What compression costs",
        "Three panels over the number of parameters: accuracy, image-specific rho and raw rho.",
        "Accuracy, and consistency with the teacher where it was measured, over the number of "
        "parameters. "
        "[student: Filled marks are distilled at the temperature that most sizes share, hollow "
        "marks at other temperatures.] [control: Squares are trained on labels only.] [given: "
        "Diamonds are networks whose weights were given.] The dashed line of accuracy is the "
        "teacher. [twin: That of consistency is the teacher's twin (same recipe, another seed), "
        "and consistency is on the same images for all models.] [floor: The dotted line is an "
        "untrained network.]",
        wanted="distilscope.planning.wanted:of_a_student",
    ),
    "temperature": Figure(
        f"{_HERE}.figures.sweeps:fig_temperature",
        "What the temperature changes",
        "Panels over the distillation temperature: accuracy, ECE, image-specific and raw rho.",
        "One student distilled at several temperatures T. [control: The dash-dotted line is the "
        "same network trained on labels only.] [twin: The dashed line is the teacher's twin.] With "
        "one seed a condition, differences within the intervals are no evidence, and the intervals "
        "leave out how much another seed would change.",
        wanted=f"{_HERE}.wanted:of_several_temperatures",
    ),
    "regimes": Figure(
        f"{_HERE}.figures.regimes:fig_regimes",
        "Accuracy by student and weight of the teacher",
        "Points with intervals for each student: accuracy under each weight of the soft term.",
        "Test accuracy of each student, the largest left, on labels only and distilled with "
        "each weight α of the teacher's logits; 1 − α is the weight of the labels, which other "
        "studies print. Hollow marks are other temperatures than the commonest. The dashed line is "
        "the teacher. Where the teacher's own network was not trained on labels as a student, the "
        "grey mark is the teacher retrained with another seed.",
        wanted=f"{_HERE}.wanted:of_several_weights",
    ),
}

ANALYSIS = Analysis(
    name="sweeps",
    question="What do the parameters of the objective change?",
    section=Sweeps,
    figures=FIGURES,
)
