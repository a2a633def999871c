"""Which parts of an image do two models weigh, and are their maps to be believed?"""

from distilscope.analyses.declaration import Analysis
from distilscope.analyses.parts.configuration import Parts

ANALYSIS = Analysis(
    name="parts",
    question="Which parts of an image do two models weigh, and are their maps to be believed?",
    section=Parts,
    needs=("logits", "saliency"),
    plan="distilscope.analyses.parts.plan:Plan",
)
