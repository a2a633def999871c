"""Does a class hang on one spot, or look elsewhere than its teacher?"""

from distilscope.analyses.declaration import Analysis
from distilscope.analyses.shortcuts.configuration import Shortcuts

ANALYSIS = Analysis(
    name="shortcuts",
    question="Does a class hang on one spot, or look elsewhere than its teacher?",
    section=Shortcuts,
    needs=("logits", "saliency"),
    plan="distilscope.analyses.shortcuts.plan:Plan",
)
