"""How alike are the layers of two models?"""

from distilscope.analyses.declaration import Analysis
from distilscope.analyses.representation.configuration import Representation

ANALYSIS = Analysis(
    name="representation",
    question="How alike are the layers of two models?",
    section=Representation,
    needs=("logits", "features"),
    plan="distilscope.analyses.representation.plan:Plan",
)
