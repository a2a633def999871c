"""Does a class hang on one spot, or look elsewhere than its teacher?"""

from distilscope.analyses.declaration import Analysis, Section, Table
from distilscope.analyses.shortcuts.configuration import Shortcuts

ANALYSIS = Analysis(
    name="shortcuts",
    question="Does a class hang on one spot, or look elsewhere than its teacher?",
    section=Shortcuts,
    needs=("logits", "saliency"),
    plan="distilscope.analyses.shortcuts.plan:Plan",
    measure="distilscope.analyses.shortcuts.measure:measure",
    tables={
        "shortcuts": Table(
            (
                *("model", "identity", "teacher_identity", "arm", "planted_class", "detector"),
                *("class", "n", "value", "relative", "effect", "q", "flagged", "accuracy_on"),
                *("accuracy_off", "relies"),
            )
        ),
        "shortcut_rates": Table(
            ("arm", "detector", "rate", "of", "hits", "n", "value", "low", "high")
        ),
    },
    sections=(
        Section(
            "shortcuts",
            "Shortcuts",
            "section.html",
            "distilscope.analyses.shortcuts.section:context",
            alone=True,
        ),
    ),
)
