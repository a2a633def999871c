"""Does a student look where its teacher looks?"""

from distilscope.analyses.alignment.configuration import Alignment
from distilscope.analyses.declaration import Analysis, Measure, Table, nulled

HIGHER = Measure(better="higher")
LIKENESS = {
    **dict.fromkeys(("image_specific_rho", "image_specific_rho_unit", "rho"), HIGHER),
    **{f"iou{percent:02d}": HIGHER for percent in (5, 10, 20, 30, 50)},
    **dict.fromkeys(("mass_lift20", "cosine"), HIGHER),
}
"""What has nulls, and is measured of maps that no model made too."""

ANALYSIS = Analysis(
    name="alignment",
    question="Does a student look where its teacher looks?",
    section=Alignment,
    needs=("logits", "saliency"),
    plan="distilscope.analyses.alignment.plan:Plan",
    compare="distilscope.analyses.alignment.compare:compare",
    measure="distilscope.analyses.alignment.measure:measure",
    conclude="distilscope.analyses.alignment.measure:conclude",
    measures={
        **LIKENESS,
        "partial_image_specific_rho": HIGHER,
        "image_specific_share": Measure("fraction"),
        "reference_image_specific_share": Measure("fraction"),
        "published_rho": HIGHER,
        "published_iou": HIGHER,
        **nulled(LIKENESS, "null"),
        **nulled(LIKENESS, "null_other"),
        **nulled(LIKENESS, "gaussian"),
        **nulled(LIKENESS, "edges"),
    },
    tables={
        "divergent": Table(
            (
                *("model", "reference", "index", "label", "prediction", "reference_prediction"),
                *("confidence", "reference_confidence", "image_specific_rho_unit", "rho"),
                *("map", "grid_h", "grid_w"),
                *("reference_map", "reference_grid_h", "reference_grid_w"),
            )
        ),
        "maps": Table(("model", "dead_maps", "integrated_maps", "incomplete_maps")),
        "covariation": Table(
            (
                *("outputs", "explanations", "method", "variant", "within", "n", "rho", "p"),
                *("smallest_p", "reason"),
            )
        ),
    },
)
