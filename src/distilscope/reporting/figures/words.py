"""What every figure is called, how to read it, and what it shows to those who don't see it."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, replace

_OF_A_ROLE = re.compile(r"\[([a-z-]+): ([^\]]*)\] ?")


@dataclass(frozen=True)
class Words:
    """The text of a figure.

    Attributes:
        title: heading, which a study's settings may replace.
        alt: what it shows, for people who don't see it.
        caption: how to read it, in full sentences. `[twin: ...]` is for studies that have a twin,
            and so for each role.
    """

    title: str
    alt: str
    caption: str

    def of(self, roles: Set[str] | None = None) -> Words:
        """The text for a study with models of these roles; with none given, all of it."""
        kept = _OF_A_ROLE.sub(
            lambda found: f"{found[2]} " if roles is None or found[1] in roles else "", self.caption
        )
        return replace(self, caption=kept.strip())


# The order of the report: where models look first, then what it depends on, then outputs.
WORDS: dict[str, Words] = {
    "consistency": Words(
        "Does the student look where its teacher looks?",
        "Dots with intervals: image-specific rho and raw rho of every model with its own null.",
        "Left: image-specific ρ, the rank correlation of two models' maps after each model's "
        "class-mean map is taken away, so that a pair which shares no more than a class's usual "
        "place scores 0. Right: raw ρ (filled) beside its own null (hollow), the same pair with "
        "images shuffled within the class: most of a raw ρ is where objects usually are. "
        "[twin: The dashed line is the teacher's twin.] Dotted and dash-dotted lines are maps that "
        "no model made, against the teacher's: a centred Gaussian, and the edges of the image. The "
        "numbers also hold the null with images of other classes.",
    ),
    "part-alignment": Words(
        "Do students weigh parts as their teacher does?",
        "Points with intervals, a panel a method: rank correlation of part importances.",
        "Spearman's ρ over an image's visible parts between importances of student and teacher, "
        "averaged over images, for each explanation method. Diamonds are the same pair's null: the "
        "teacher was shown another image of the class. Parts differ in size and in what they "
        "usually mean to their class, so the null is not 0 and only what lies above it is shared "
        "image by image. [twin: The dashed line is the teacher's twin.] [floor: The dotted line is "
        "an untrained network.] Which method to believe is in the figure of faithfulness.",
    ),
    "part-focus": Words(
        "How much of a student's map lies on the teacher's top parts?",
        "Points with intervals, a panel a method: share of mass in the teacher's top parts.",
        "The share of the student's map that lies inside the parts that the teacher's own map "
        "weighs most in that image: inside / (inside + outside). The black dashed line is the "
        "teacher's share in its own top parts, the dotted orange line what a level map has "
        "(those parts' share of the pixels), and diamonds the top parts of another image of the "
        "class. The median of inside / outside is in the numbers of the study as focus_odds.",
    ),
    "parts": Words(
        "Where do the models look?",
        "A heatmap of models against parts: mean importance of each part.",
        "Mean importance of each part over the images in which it can be seen and that the teacher "
        "and its twins get right. The first line is the part's share of the pixels: what a map "
        "that is the same everywhere would give. Numbers are over seeds where there are several.",
    ),
    "faithfulness": Words(
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
    "per-class": Words(
        "Consistency by class",
        "Grouped bars a class: consistency of one student and of those it is held against.",
        "Consistency with the teacher, by class, of the student in the title. [control: Beside it "
        "is the same network trained on labels only.] [twin: A class is worth a look where the "
        "student falls below the teacher's twin, not where its value is low.]",
    ),
    "class-model": Words(
        "Consistency by class and model",
        "Heatmaps of models against classes: image-specific rho and raw rho.",
        "Consistency with the teacher for each model (rows) and class (columns). A cross marks a "
        "value that is undefined; the reason is in the table.",
    ),
    "divergent": Words(
        "The most divergent images",
        "Images that both models get right, each with the teacher's and student's map.",
        "The images with the lowest image-specific ρ, which is above each, among those that both "
        "models get right. For each: "
        "the image, the teacher's map and the student's map, upsampled bilinearly from their "
        "native grids, bright where the evidence for the class is strongest. These are extremes by "
        "choice and not typical; the explorer shows others.",
    ),
    "sanity": Words(
        "How fast do maps change when weights are randomised?",
        "Lines over the layers that are random: rank correlation with the trained model's maps.",
        "Spearman's ρ between a trained model's maps and those of the same model with random "
        "weights in some layers, for the class that the trained model predicts, at the maps' own "
        "grid. "
        "Cascade: random from the output down to the layer named. Independent: that layer alone. "
        "Solid lines compare absolute values of the maps, dashed lines the maps with their sign. A "
        "method whose lines stay high explains the image and not the model. Below the last random "
        "layer the weights are the trained ones, so that some likeness remains.",
    ),
    "compression": Words(
        "What compression costs",
        "Three panels over the number of parameters: accuracy, image-specific rho and raw rho.",
        "Accuracy and consistency with the teacher over the number of parameters. "
        "[student: Filled marks are distilled at the temperature that most sizes share, hollow "
        "marks at other temperatures.] [control: Squares are trained on labels only.] [given: "
        "Diamonds are networks whose weights were given.] The dashed line of accuracy is the "
        "teacher. [twin: That of consistency is the teacher's twin (same recipe, another seed), "
        "and consistency is on the same images for all models.] [floor: The dotted line is an "
        "untrained network.]",
    ),
    "temperature": Words(
        "What the temperature changes",
        "Four panels over the distillation temperature: accuracy, ECE, image-specific and raw rho.",
        "One student distilled at several temperatures T. [control: The dash-dotted line is the "
        "same network trained on labels only.] [twin: The dashed line is the teacher's twin.] With "
        "one seed a cell, differences within the intervals are no evidence, and the intervals "
        "leave out how much another seed would change.",
    ),
    "covariation": Words(
        "Do outputs and explanations go together?",
        "Scatter plots of students: likeness of maps over likeness of logits to the teacher.",
        "A point is a student under one objective, averaged over its seeds: how alike its logits "
        "and its maps are to the teacher's. p is two-sided, over permutations of the cells; within "
        "students cells are permuted among those of the same student only, so that size alone, "
        "which raises both, can't make it small. Cells share a teacher: they are not independent "
        "draws of anything larger than this study.",
    ),
    "cka": Words(
        "Similarity of representations",
        "A heatmap a model: debiased CKA between each layer and each layer of the teacher.",
        "Debiased linear CKA between layers of the teacher (rows) and of each model (columns), on "
        "pooled features of the test images. 1 is the same representation up to rotation and "
        "scale; unrelated features score about 0. Values below 0 are possible and are coloured "
        "as 0. The numbers hold biased CKA and mutual nearest neighbours beside it, each with what "
        "chance gives. A cross is a layer that equals an earlier one, which counts for both.",
    ),
    "regimes": Words(
        "Accuracy by student and weight of the teacher",
        "Points with intervals for each student: accuracy under each weight of the soft term.",
        "Test accuracy of each student, the largest left, on labels only and distilled with "
        "each weight α of the teacher's logits; 1 − α is the weight of the labels, which other "
        "studies print. Hollow marks are other temperatures than the commonest. The dashed line is "
        "the teacher. Where the teacher's own network was not trained on labels as a student, the "
        "grey mark is the teacher retrained with another seed.",
    ),
    "accuracy-calibration": Words(
        "Accuracy and calibration",
        "Horizontal bars: test accuracy and expected calibration error of every model.",
        "Test accuracy (higher is better) and expected calibration error (ECE, 15 equal-width "
        "bins, lower is better) of every model. Lines are 95 % intervals: over test images where "
        "a recipe was trained once, over seeds where it was trained several times, with a dot for "
        "each seed.",
    ),
    "reliability": Words(
        "Reliability diagrams",
        "A panel a model: accuracy in each of 15 bins of confidence, against the diagonal.",
        "Blue bars show how often predictions of a given confidence are right; a calibrated model "
        "follows the dashed diagonal. The hatched part is the gap: above the bar where the model "
        "is over-confident. Black steps show the share of images in each bin. An empty bin has no "
        "bar. ECE is the mean gap weighted by that share.",
    ),
    "logit-table": Words(
        "How alike is the order of the classes to the teacher's?",
        "A heatmap of regimes against students: Spearman's rho of logits, and the published one.",
        "Spearman's ρ over classes between the logits of student and teacher, averaged over all "
        "test images and over seeds. Beside it, where the claims file has them, the numbers that "
        "the study published, for its own networks and data: the two tables are not on one scale. "
        "[twin: A teacher compared with itself has 1 by definition; here its twin stands in that "
        "place.]",
    ),
    "training": Words(
        "Training curves",
        "Training loss and held-out accuracy over epochs, a line a model.",
        "Training loss and accuracy on the held-out part of the training set. Losses of distilled "
        "students include the distillation term and can't be compared with label-only losses. "
        "Models are used as they are after the last epoch; nothing is chosen on these curves.",
    ),
}

OF_PARTS = frozenset(("part-alignment", "part-focus", "faithfulness", "parts"))


def sentence(title: str) -> str:
    """A title with a full stop, unless it ends a sentence already."""
    return title if title.endswith((".", "?", "!")) else f"{title}."
