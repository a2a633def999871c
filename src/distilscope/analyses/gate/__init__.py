"""Do models reach what is required of them? A verdict for each requirement, by its interval."""

from distilscope.analyses.declaration import Analysis, Section
from distilscope.analyses.gate.configuration import Gate

_HERE = "distilscope.analyses.gate"

ANALYSIS = Analysis(
    name="gate",
    question="Do models reach what is required of them?",
    section=Gate,
    modalities=("images", "texts"),
    plan=f"{_HERE}.plan:Plan",
    answer=f"{_HERE}.findings:answer",
    verdicts=f"{_HERE}.judging:records",
    sections=(Section("gate", "What is required", "section.html", f"{_HERE}.section:context"),),
)
