"""Do maps change when the weights behind them are random?"""

from distilscope.analyses.declaration import Analysis
from distilscope.analyses.randomisation.configuration import Randomisation

ANALYSIS = Analysis(
    name="randomisation",
    question="Do maps change when the weights behind them are random?",
    section=Randomisation,
    needs=("logits", "saliency"),
    plan="distilscope.analyses.randomisation.plan:Plan",
)
