"""What do models say: how accurate, how calibrated, how like their reference?"""

from distilscope.analyses.declaration import Analysis, Column, Figure, Measure, Table
from distilscope.analyses.outputs.configuration import Outputs

_WANTED = "distilscope.planning.wanted"
_HERE = "distilscope.analyses.outputs"

TABLES = {
    "reliability": Table(("model", "bin", "low", "high", "n", "confidence", "accuracy")),
    "histories": Table(("model", "epoch", "lr", "loss", "train_accuracy", "held_out_accuracy")),
}

SUMMARY = (
    Column(
        "accuracy",
        "Accuracy",
        "share of test images that the model gets right",
        short="acc %",
        form="{:.1f}",
        times=100,
        better="higher",
        superlative="most accurate",
        traded=True,
    ),
    Column(
        "ece",
        "ECE",
        "expected calibration error: how far confidence is from the share that is right",
        short="ECE",
        form="{:.3f}",
        better="lower",
        superlative="best calibrated",
        traded=True,
    ),
    Column(
        "agreement",
        "Agreement",
        "share of test images on which the model predicts what its teacher predicts",
        short="agree %",
        form="{:.1f}",
        times=100,
        better="higher",
    ),
    Column(
        "kl_teacher_student",
        "KL",
        "KL divergence from the teacher's probabilities to the model's, in nats",
        short="KL",
        better="lower",
    ),
)

FIGURES = {
    "accuracy-calibration": Figure(
        f"{_HERE}.figures.performance:fig_accuracy_calibration",
        "Accuracy and calibration",
        "Horizontal bars: test accuracy and expected calibration error of every model.",
        "Test accuracy (higher is better) and expected calibration error (ECE, 15 equal-width "
        "bins, lower is better) of every model. Lines are 95 % intervals: over test images where "
        "a recipe was trained once, over seeds where it was trained several times, with a dot for "
        "each seed.",
    ),
    "reliability": Figure(
        f"{_HERE}.figures.performance:fig_reliability",
        "Reliability diagrams",
        "A panel a model: accuracy in each of 15 bins of confidence, against the diagonal.",
        "Blue bars show how often predictions of a given confidence are right; a calibrated model "
        "follows the dashed diagonal. The hatched part is the gap: above the bar where the model "
        "is over-confident. Black steps show the share of images in each bin. An empty bin has no "
        "bar. ECE is the mean gap weighted by that share.",
    ),
    "logit-table": Figure(
        f"{_HERE}.figures.logit_table:fig_logit_table",
        "How alike is the order of the classes to the teacher's?",
        "A heatmap of regimes against students: Spearman's rho of logits, and the published one.",
        "Spearman's ρ over classes between the logits of student and teacher, averaged over all "
        "test images and over seeds. Beside it, where the claims file has them, the numbers that "
        "the study published, for its own networks and data: the two tables are not on one scale. "
        "[twin: A teacher compared with itself has 1 by definition; here its twin stands in that "
        "place.]",
        wanted="distilscope.analyses.sweeps.wanted:of_several_weights",
    ),
    "training": Figure(
        f"{_HERE}.figures.training:fig_training",
        "Training curves",
        "Training loss and held-out accuracy over epochs, a line a model.",
        "Training loss and accuracy on the held-out part of the training set. Losses of distilled "
        "students include the distillation term and can't be compared with label-only losses. "
        "Models are used as they are after the last epoch; nothing is chosen on these curves.",
        wanted=f"{_WANTED}:of_training",
    ),
}

MEASURES = {
    "accuracy": Measure("fraction", "higher"),
    "confidence": Measure("fraction"),
    "confidence_gap": Measure("fraction"),
    "ece": Measure("fraction", "lower"),
    "ece_equal_mass": Measure("fraction", "lower"),
    "ece_noise_floor": Measure("fraction"),
    "calibration_l2": Measure("fraction", "lower"),
    "nll": Measure("nats", "lower"),
    "brier": Measure("", "lower"),
    "temperature": Measure(),
    "ece_scaled": Measure("fraction", "lower"),
    "nll_scaled": Measure("nats", "lower"),
    "agreement": Measure("fraction", "higher"),
    "agreement_chance": Measure("fraction"),
    "kappa": Measure("", "higher"),
    "kl_teacher_student": Measure("nats", "lower"),
    "kl_student_teacher": Measure("nats", "lower"),
    "js": Measure("nats", "lower"),
    "logit_rho": Measure("", "higher"),
    "logit_rho_rest": Measure("", "higher"),
    "parameters": Measure("", "lower"),
    "ratio": Measure(),
    "multiply_adds": Measure("", "lower"),
}

ANALYSIS = Analysis(
    name="outputs",
    question="What do models say: how accurate, how calibrated, how like their reference?",
    section=Outputs,
    modalities=("images", "texts"),
    measure="distilscope.analyses.outputs.measure:measure",
    measures=MEASURES,
    tables=TABLES,
    figures=FIGURES,
    summary=SUMMARY,
    answer=f"{_HERE}.findings:answer",
    caveats=f"{_HERE}.findings:caveats",
)
