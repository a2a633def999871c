"""What does compressing a model cost: accuracy, agreement, its reasons, and in which layer?"""

from distilscope.analyses.compression.configuration import Compression
from distilscope.analyses.declaration import Analysis, Figure, Measure, Section, Table

_HERE = "distilscope.analyses.compression"

FIGURES = {
    "compression-ladder": Figure(
        f"{_HERE}.figures.ladder:fig_ladder",
        "Consistency against accuracy along the ladder",
        "Points: accuracy against likeness to the original's maps, a line for each way.",
        "Each point is a compressed model: its accuracy, and image-specific ρ of its maps with "
        "those of the model that it is made of. A line joins the models of one way, the mildest "
        "first. Bars are 95 % intervals over test images. A star on top is the original, "
        "which is like itself by definition; names that would hide another are left out. A dashed "
        "line is how like itself it is under small changes of the input, where the study has such "
        "a stand-in. A model that falls before it moves left gives the same answers for other "
        "reasons.",
    ),
    "compression-layers": Figure(
        f"{_HERE}.figures.layers:fig_layers",
        "Which layer suffers most?",
        "Lines over the layers: signal-to-noise ratio and CKA with the original, a line a model.",
        "Left: power of what a layer of the original puts out over the power of what compression "
        "changes of it, in decibels: 20 dB are changes of a tenth of the amplitude. Noise of a "
        "layer is passed on to the next. Right: debiased CKA of the layer's pooled features with "
        "the original's, where the study compares representations. Layers are in the order from "
        "input to output. Shades are 95 % intervals over test images.",
    ),
    "compression-images": Figure(
        f"{_HERE}.figures.images:fig_images",
        "Which images change first?",
        "Rows of pictures: the images whose prediction changes first on each ladder.",
        "The images that the mildest compression predicts otherwise than the original, those first "
        "about which the original was least certain. Above each: what it was taken for, what it "
        "is taken for now, and the margin of the original's probabilities.",
    ),
}

MEASURES = {
    "changed": Measure(
        "fraction", "lower", "share of images that are predicted otherwise than by the original"
    ),
    "lost": Measure("fraction", "lower", "share of images that were right and are wrong"),
    "gained": Measure("fraction", "higher", "share of images that were wrong and are right"),
    "accuracy_drop": Measure("fraction", "lower", "accuracy of the original less the model's"),
    "layer_snr": Measure("dB", "higher"),
    "weight_bytes": Measure("", "lower"),
}

ANALYSIS = Analysis(
    name="compression",
    question="What does compressing a model cost: accuracy, agreement, its reasons, which layer?",
    section=Compression,
    needs=("logits",),
    plan=f"{_HERE}.plan:Plan",
    measure=f"{_HERE}.measure:measure",
    measures=MEASURES,
    tables={
        "compression_rungs": Table(("model", "original", "way", "label", "severity", "maps")),
        "compression_images": Table(
            (
                *("original", "way", "model", "rung", "value", "index", "label", "prediction"),
                *("changed_to", "margin", "later"),
            ),
            pictures=True,
        ),
    },
    figures=FIGURES,
    sections=(
        Section(
            "compression", "What compression costs", "section.html", f"{_HERE}.section:context"
        ),
    ),
    answer=f"{_HERE}.findings:answer",
    caveats=f"{_HERE}.findings:caveats",
)
