"""How alike are the layers of two models?"""

from distilscope.analyses.declaration import Analysis, Figure, Measure
from distilscope.analyses.representation.configuration import Representation

FIGURES = {
    "cka": Figure(
        "distilscope.analyses.representation.figures:fig_cka",
        "Similarity of representations",
        "A heatmap a model: debiased CKA between each layer and each layer of the teacher.",
        "Debiased linear CKA between layers of the teacher (rows) and of each model (columns), on "
        "pooled features of the test images. 1 is the same representation up to rotation and "
        "scale; unrelated features score about 0. Values below 0 are possible and are coloured "
        "as 0. The numbers hold biased CKA and mutual nearest neighbours beside it, each with what "
        "chance gives. A cross is a layer that equals an earlier one, which counts for both.",
        wanted="distilscope.planning.wanted:of_a_comparison",
    ),
}

MEASURES = {
    "cka_debiased": Measure(better="higher"),
    "cka_biased": Measure(better="higher"),
    "cka_biased_null": Measure(),
    "mutual_knn": Measure(better="higher"),
    "mutual_knn_null": Measure(),
}

ANALYSIS = Analysis(
    name="representation",
    question="How alike are the layers of two models?",
    section=Representation,
    modalities=("images", "texts"),
    needs=("logits", "features"),
    plan="distilscope.analyses.representation.plan:Plan",
    compare="distilscope.analyses.representation.compare:compare",
    measure="distilscope.analyses.representation.measure:measure",
    measures=MEASURES,
    figures=FIGURES,
)
