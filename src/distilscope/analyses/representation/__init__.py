"""How alike are the layers of two models?"""

from distilscope.analyses.declaration import Analysis, Measure
from distilscope.analyses.representation.configuration import Representation

ANALYSIS = Analysis(
    name="representation",
    question="How alike are the layers of two models?",
    section=Representation,
    needs=("logits", "features"),
    plan="distilscope.analyses.representation.plan:Plan",
    compare="distilscope.analyses.representation.compare:compare",
    measure="distilscope.analyses.representation.measure:measure",
    measures={
        "cka_debiased": Measure(better="higher"),
        "cka_biased": Measure(better="higher"),
        "cka_biased_null": Measure(),
        "mutual_knn": Measure(better="higher"),
        "mutual_knn_null": Measure(),
    },
)
