"""Which parts of an image do two models weigh, and are their maps to be believed?"""

from distilscope.analyses.declaration import Analysis, Figure, Measure, Section, Table, nulled
from distilscope.analyses.parts.configuration import Parts

_HERE = "distilscope.analyses.parts"
_SEVERAL_WEIGHTS = "distilscope.analyses.sweeps.wanted:of_several_weights"

LIKENESS = {
    "part_rho": Measure(better="higher", words="ρ of part importances"),
    "focus": Measure("fraction"),
    "focus_parts": Measure("fraction"),
    "faithfulness": Measure(better="higher"),
}
"""What has a null."""

MEASURES = {
    **LIKENESS,
    **nulled(LIKENESS, "null"),
    "focus_chance": Measure("fraction"),
    "focus_parts_chance": Measure("fraction"),
    "focus_odds": Measure(),
    "faithfulness_areas": Measure(),
    "deciding_recall": Measure("fraction", "higher"),
    "deciding_recall_chance": Measure("fraction"),
    "removal_recall": Measure("fraction"),
}

TABLES = {
    "parts": Table(
        (
            *("model", "reference", "method", "layer", "variant", "part", "n", "area"),
            *("importance", "reference_importance", "drop", "reference_drop"),
        )
    ),
}

FIGURES = {
    "part-alignment": Figure(
        f"{_HERE}.figures.by_regime:fig_part_alignment",
        "Do students weigh parts as their teacher does?",
        "Points with intervals, a panel a method: rank correlation of part importances.",
        "Spearman's ρ over an image's visible parts between importances of student and teacher, "
        "averaged over images, for each explanation method. Diamonds are the same pair's null: the "
        "teacher was shown another image of the class. Parts differ in size and in what they "
        "usually mean to their class, so the null is not 0 and only what lies above it is shared "
        "image by image. [twin: The dashed line is the teacher's twin.] [floor: The dotted line is "
        "an untrained network.] Which method to believe is in the figure of faithfulness.",
        wanted=_SEVERAL_WEIGHTS,
    ),
    "part-focus": Figure(
        f"{_HERE}.figures.by_regime:fig_part_focus",
        "How much of a student's map lies on the teacher's top parts?",
        "Points with intervals, a panel a method: share of mass in the teacher's top parts.",
        "The share of the student's map that lies inside the parts that the teacher's own map "
        "weighs most in that image: inside / (inside + outside). The black dashed line is the "
        "teacher's share in its own top parts, the dotted orange line what a level map has "
        "(those parts' share of the pixels), and diamonds the top parts of another image of the "
        "class. The median of inside / outside is in the numbers of the study as focus_odds.",
        wanted=_SEVERAL_WEIGHTS,
    ),
    "parts": Figure(
        f"{_HERE}.figures.parts:fig_parts",
        "Where do the models look?",
        "A heatmap of models against parts: mean importance of each part.",
        "Mean importance of each part over the images in which it can be seen and that the teacher "
        "and its twins get right. The first line is the part's share of the pixels: what a map "
        "that is the same everywhere would give. Numbers are over seeds where there are several.",
    ),
    "faithfulness": Figure(
        f"{_HERE}.figures.faithfulness:fig_faithfulness",
        "Which map is to be believed?",
        "Points by method and importance: agreement of maps with what removing each part costs.",
        "Each part is taken out of the image, and the fall of the explained logit says what it is "
        "worth to the model. First: Spearman's ρ over an image's parts between that fall and the "
        "importances that a map gives them. Second, where it is known which parts decide the "
        "class: the share of them among as many parts that the map weighs most. A line goes from "
        "the least to the greatest model of a group, its mark is the mean. Diamonds are the "
        "students' chance level: maps of other images of the class, or a random choice of parts. "
        "Dashed lines need no map, and are means over students: in orange parts in the order of "
        "their sizes, so that a map left of it says less than sizes do; in green parts in the "
        "order of what their removal costs, which says whether the models use the deciding parts "
        "at all.",
    ),
}

ANALYSIS = Analysis(
    name="parts",
    question="Which parts of an image do two models weigh, and are their maps to be believed?",
    section=Parts,
    needs=("logits", "saliency"),
    plan="distilscope.analyses.parts.plan:Plan",
    compare="distilscope.analyses.parts.compare:compare",
    measure="distilscope.analyses.parts.measure:measure",
    measures=MEASURES,
    tables=TABLES,
    figures=FIGURES,
    sections=(
        Section(
            "parts", "Parts: where the models look", "section.html", f"{_HERE}.section:context"
        ),
    ),
    answer=f"{_HERE}.section:answer",
    wording=f"{_HERE}.rows:wording",
)
