"""Does a student look where its teacher looks?"""

from distilscope.analyses.alignment.configuration import Alignment
from distilscope.analyses.declaration import Analysis

ANALYSIS = Analysis(
    name="alignment",
    question="Does a student look where its teacher looks?",
    section=Alignment,
    needs=("logits", "saliency"),
    plan="distilscope.analyses.alignment.plan:Plan",
)
