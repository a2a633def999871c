"""What do models say: how accurate, how calibrated, how like their reference?"""

from distilscope.analyses.declaration import Analysis, Measure, Table
from distilscope.analyses.outputs.configuration import Outputs

ANALYSIS = Analysis(
    name="outputs",
    question="What do models say: how accurate, how calibrated, how like their reference?",
    section=Outputs,
    measure="distilscope.analyses.outputs.measure:measure",
    measures={
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
    },
    tables={
        "reliability": Table(("model", "bin", "low", "high", "n", "confidence", "accuracy")),
        "histories": Table(("model", "epoch", "lr", "loss", "train_accuracy", "held_out_accuracy")),
    },
)
