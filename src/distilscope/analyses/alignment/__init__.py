"""Does a student look where its teacher looks?"""

from distilscope.analyses.alignment.configuration import Alignment
from distilscope.analyses.declaration import (
    Analysis,
    Column,
    Figure,
    Measure,
    Section,
    Table,
    nulled,
)

_WANTED = "distilscope.planning.wanted"
_HERE = "distilscope.analyses.alignment"

HIGHER, AT_SHARE = Measure(better="higher"), Measure(better="higher", of_share=True)
LIKENESS = {
    **dict.fromkeys(("image_specific_rho", "image_specific_rho_unit", "rho"), HIGHER),
    **{f"iou{percent:02d}": AT_SHARE for percent in (5, 10, 20, 30, 50)},
    **{"mass_lift20": AT_SHARE, "cosine": HIGHER},
}
"""What has nulls, and is measured of maps that no model made too."""

MEASURES = {
    **LIKENESS,
    "image_specific_rho": Measure(better="higher", words="Image-specific ρ"),
    "rho": Measure(better="higher", words="Raw ρ"),
    "partial_image_specific_rho": HIGHER,
    "image_specific_share": Measure("fraction"),
    "reference_image_specific_share": Measure("fraction"),
    "published_rho": HIGHER,
    "published_iou": HIGHER,
    **nulled(LIKENESS, "null"),
    **nulled(LIKENESS, "null_other"),
    **nulled(LIKENESS, "gaussian"),
    **nulled(LIKENESS, "edges"),
}

TABLES = {
    "maps": Table(("id", "integrated_maps", "incomplete_maps")),
    "divergent": Table(
        (
            *("model", "reference", "index", "label", "prediction", "reference_prediction"),
            *("confidence", "reference_confidence", "image_specific_rho_unit", "rho"),
            *("map", "grid_h", "grid_w"),
            *("reference_map", "reference_grid_h", "reference_grid_w"),
        ),
        pictures=True,
    ),
    "covariation": Table(
        (
            *("outputs", "explanations", "method", "variant", "within", "n", "rho", "p"),
            *("smallest_p", "reason"),
        ),
        wanted=f"{_WANTED}:of_several_students",
    ),
}

SUMMARY = (
    Column(
        "image_specific_rho",
        "Image-specific ρ",
        "rank correlation of the model's and the teacher's maps after each model's usual map of "
        "the class is taken away; models that share nothing beyond the class have 0 by "
        "construction",
        short="isrho",
        note="isrho: image-specific rho [95 % interval].",
        interval=True,
        better="higher",
        superlative="most consistent",
        traded=True,
        details="image-specific",
    ),
    Column(
        "image_specific_rho.ratio",
        "Ratio to twin",
        "image-specific ρ over the twin's: 1 is as alike as a twin",
    ),
    Column(
        "rho",
        "Raw ρ",
        "rank correlation of the two maps as they are; read it beside its null",
        short="rho (null)",
        note="rho (null): raw rho, and the same with images shuffled within the class.",
        null="null_rho",
        null_meaning="the raw ρ of the same two models on shuffled pairs of images of one class: "
        "what the class alone explains",
    ),
    Column(
        "iou20",
        "IoU",
        "overlap of the top 20 % of pixels of both maps; unrelated maps score about 0.11",
        short="IoU",
        better="higher",
    ),
)

FIGURES = {
    "consistency": Figure(
        f"{_HERE}.figures.consistency:fig_consistency",
        "Likeness of maps to the teacher's, beside chance",
        "Dots with intervals: image-specific rho and raw rho of every model with its own null.",
        "Left: image-specific ρ, the rank correlation of two models' maps after each model's "
        "class-mean map is taken away, so that a pair which shares no more than a class's usual "
        "place scores 0. Right: raw ρ (filled) beside its own null (hollow), the same pair with "
        "images shuffled within the class: most of a raw ρ is where objects usually are. "
        "[twin: The dashed line is the teacher's twin.] Dotted and dash-dotted lines are maps that "
        "no model made, against the teacher's: a centred Gaussian, and the edges of the image. The "
        "numbers also hold the null with images of other classes.",
        wanted=f"{_WANTED}:of_a_comparison",
    ),
    "per-class": Figure(
        f"{_HERE}.figures.classes:fig_per_class",
        "Consistency by class",
        "Grouped bars a class: consistency of one student and of those it is held against.",
        "Consistency with the teacher, by class, of the student in the title. [control: Beside it "
        "is the same network trained on labels only.] [twin: A class is worth a look where the "
        "student falls below the teacher's twin, not where its value is low.]",
        wanted=f"{_WANTED}:of_a_student",
    ),
    "class-model": Figure(
        f"{_HERE}.figures.classes:fig_class_model",
        "Consistency by class and model",
        "Heatmaps of models against classes: image-specific rho and raw rho.",
        "Consistency with the teacher for each model (rows) and class (columns). A cross marks a "
        "value that is undefined; the reason is in the table.",
        wanted=f"{_WANTED}:of_a_comparison",
    ),
    "divergent": Figure(
        f"{_HERE}.figures.divergent:fig_divergent",
        "The most divergent images",
        "Images that both models get right, each with the teacher's and student's map.",
        "The images with the lowest image-specific ρ, which is above each, among those that both "
        "models get right. For each: the image, the teacher's map and the student's map, upsampled "
        "bilinearly from their native grids, bright where the evidence for the class is strongest. "
        "These are extremes by choice and not typical; the explorer shows others.",
        wanted=f"{_WANTED}:of_a_student",
    ),
    "covariation": Figure(
        f"{_HERE}.figures.covariation:fig_covariation",
        "Do outputs and explanations go together?",
        "Scatter plots of students: likeness of maps over likeness of logits to the teacher.",
        "A point is a student under one objective, averaged over its seeds: how alike its logits "
        "and its maps are to the teacher's. p is two-sided, over permutations of the conditions; "
        "within students they are permuted among those of the same network only, so that size "
        "alone, which raises both, can't make it small. Conditions share a teacher: they are not "
        "independent draws of anything larger than this study.",
        wanted=f"{_WANTED}:of_several_students",
    ),
}

SECTIONS = (
    Section(
        "image-specific",
        "Image-specific ρ in full",
        "image_specific.html",
        f"{_HERE}.sections.image_specific:context",
    ),
    Section(
        "comparison",
        "Every measure of alignment beside what scores without a shared reason",
        "every_measure.html",
        f"{_HERE}.sections.every_measure:context",
    ),
    Section(
        "published",
        "By the published definitions",
        "published.html",
        f"{_HERE}.sections.published:context",
    ),
    Section(
        "explorer",
        "Divergence explorer",
        "explorer.html",
        f"{_HERE}.sections.explorer:context",
        alone=True,
        script="explorer.js",
    ),
)

ANALYSIS = Analysis(
    name="alignment",
    question="Does a student look where its teacher looks?",
    section=Alignment,
    needs=("logits", "saliency"),
    plan="distilscope.analyses.alignment.plan:Plan",
    compare="distilscope.analyses.alignment.compare:compare",
    measure="distilscope.analyses.alignment.measure:measure",
    conclude="distilscope.analyses.alignment.measure:conclude",
    measures=MEASURES,
    tables=TABLES,
    figures=FIGURES,
    sections=SECTIONS,
    summary=SUMMARY,
    answer=f"{_HERE}.findings:answer",
    caveats=f"{_HERE}.findings:caveats",
    method="Maps are {maps} for the class that the teacher predicts, upsampled bilinearly to the "
    "input; ρ is Spearman's with average ranks. Image-specific ρ first takes away each model's "
    "mean rank map of the class.",
    wording=f"{_HERE}.findings:wording",
)
