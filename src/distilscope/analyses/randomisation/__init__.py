"""Do maps change when the weights behind them are random?"""

from distilscope.analyses.declaration import Analysis, Figure, Table
from distilscope.analyses.randomisation.configuration import Randomisation

FIGURES = {
    "randomisation": Figure(
        "distilscope.analyses.randomisation.figures:fig_randomisation",
        "How fast do maps change when weights are randomised?",
        "Lines over the layers that are random: rank correlation with the trained model's maps.",
        "Spearman's ρ between a trained model's maps and those of the same model with random "
        "weights in some layers, for the class that the trained model predicts, at the maps' own "
        "grid. "
        "Cascade: random from the output down to the layer named. Independent: that layer alone. "
        "Solid lines compare absolute values of the maps, dashed lines the maps with their sign. A "
        "method whose lines stay high explains the image and not the model. Below the last random "
        "layer the weights are the trained ones, so that some likeness remains.",
    ),
}

ANALYSIS = Analysis(
    name="randomisation",
    question="Do maps change when the weights behind them are random?",
    section=Randomisation,
    needs=("logits", "saliency"),
    plan="distilscope.analyses.randomisation.plan:Plan",
    measure="distilscope.analyses.randomisation.measure:measure",
    tables={
        "randomisation": Table(
            (
                *("model", "original", "mode", "depth", "randomised", "accuracy", "method"),
                *("layer", "measure", "value", "low", "high", "n", "n_undefined", "reason"),
            )
        ),
    },
    figures=FIGURES,
)
