"""Do maps change when the weights behind them are random?"""

from distilscope.analyses.declaration import Analysis, Table
from distilscope.analyses.randomisation.configuration import Randomisation

ANALYSIS = Analysis(
    name="randomisation",
    question="Do maps change when the weights behind them are random?",
    section=Randomisation,
    needs=("logits", "saliency"),
    plan="distilscope.analyses.randomisation.plan:Plan",
    measure="distilscope.analyses.randomisation.measure:measure",
    tables={
        "sanity": Table(
            (
                *("model", "original", "mode", "depth", "randomised", "accuracy", "method"),
                *("layer", "measure", "value", "low", "high", "n", "n_undefined", "reason"),
            )
        ),
    },
)
