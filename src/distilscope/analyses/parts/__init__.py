"""Which parts of an image do two models weigh, and are their maps to be believed?"""

from distilscope.analyses.declaration import Analysis, Measure, Table, nulled
from distilscope.analyses.parts.configuration import Parts

LIKENESS = {
    "part_rho": Measure(better="higher"),
    "focus": Measure("fraction"),
    "focus_parts": Measure("fraction"),
    "faithfulness": Measure(better="higher"),
}
"""What has a null."""

ANALYSIS = Analysis(
    name="parts",
    question="Which parts of an image do two models weigh, and are their maps to be believed?",
    section=Parts,
    needs=("logits", "saliency"),
    plan="distilscope.analyses.parts.plan:Plan",
    compare="distilscope.analyses.parts.compare:compare",
    measure="distilscope.analyses.parts.measure:measure",
    measures={
        **LIKENESS,
        **nulled(LIKENESS, "null"),
        "focus_chance": Measure("fraction"),
        "focus_parts_chance": Measure("fraction"),
        "focus_odds": Measure(),
        "faithfulness_areas": Measure(),
        "deciding_recall": Measure("fraction", "higher"),
        "deciding_recall_chance": Measure("fraction"),
        "removal_recall": Measure("fraction"),
    },
    tables={
        "parts": Table(
            (
                *("model", "reference", "method", "layer", "variant", "part", "n", "area"),
                *("importance", "reference_importance", "drop", "reference_drop"),
            )
        ),
    },
)
