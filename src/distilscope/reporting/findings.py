"""What the numbers say, in sentences: computed from the tables, never written by hand."""

from __future__ import annotations

from distilscope.reporting import summary
from distilscope.reporting.conditions import roles
from distilscope.reporting.figures import worded
from distilscope.reporting.summary import Row
from distilscope.reporting.tables import Tables, clean
from distilscope.words import count

FEW = 50
"""Images below which intervals are said to be wide."""

WHO = {
    "twin": (
        "Teacher, twin",
        "the large network, and the same recipe with another seed: how far two equals agree.",
    ),
    "teacher": ("Teacher", "the network that the others are compared with."),
    "committee": ("Committee", "several teachers together, their outputs combined."),
    "given": (
        "Given",
        "a network whose weights were handed in: what it was trained on, and whether it learned "
        "from this teacher, isn't known here.",
    ),
    "student": ("Distilled", "networks trained on what a teacher says."),
    "twin-taught": (
        "From the twin",
        "students that learned from another teacher of the same recipe than the one that they are "
        "compared with.",
    ),
    "training-mode-taught": (
        "Teachers in training mode",
        "an ablation, of a fault of published code: students whose teachers normalised each batch "
        "by itself while they taught.",
    ),
    "control": (
        "Labels only",
        "networks trained without a teacher: what distillation must be compared with.",
    ),
    "compressed": (
        "Compressed",
        "a model of this study, made smaller without training: each stands beside the model that "
        "it is made of.",
    ),
    "stand-in": (
        "Stand-in",
        "the teacher under small changes of its input: it stands in for a twin, and is no ceiling, "
        "since another training may change more than that, or less.",
    ),
    "floor": ("Untrained", "random weights: the floor."),
}


def answer(tables: Tables, rows: list[Row]) -> list[str]:
    """The short answer: what each analysis found, in the order of the report, then the choice."""
    found = [text for a in tables.analyses for text in tables.sentences(a.answer)]
    return [clean(text) for text in (*found, summary.choice(tables, rows)) if text]


def roles_in_words(tables: Tables) -> list[tuple[str, str]]:
    """The roles that there are, in words."""
    there = roles(tables.conditions)
    left_out = "teacher" if "twin" in there else "twin"
    return [words for role, words in WHO.items() if role in there and role != left_out]


def caveats(tables: Tables) -> list[str]:
    """What a reader must know before using a number."""
    found = []
    if tables.scale == "laptop":
        found.append(
            "This is a laptop-scale study: little data and short training. Its results hold here "
            "and neither support nor contradict results at a published scale."
        )
    found.append(_seeds(tables))
    if sum(len(condition.models) for condition in tables.of_role("teacher")) == 1:
        found.append("There is one teacher: each sentence holds for this teacher.")
    if not tables.of_role("twin"):
        found.append(_without_twin(tables))
    if images(tables) < FEW:
        found.append(
            f"There are {count(images(tables), 'test image')}, fewer than {FEW}: intervals are "
            "wide, and those by resampling so few images are still too narrow."
        )
    found += [text for a in tables.analyses for text in tables.sentences(a.caveats)]
    return [clean(text) for text in found]


def images(tables: Tables) -> int:
    """How many test images there are."""
    counted = tables.of("accuracy")["n"].dropna()
    counted = counted if len(counted) else tables.measures["n"].dropna()
    return int(counted.max()) if len(counted) else 0


def _without_twin(tables: Tables) -> str:
    missing = "There is no twin, so nothing shows how alike a second teacher would be."
    if not tables.of_role("stand-in"):
        return missing
    return (
        f"{missing} The stand-in says how alike the teacher is to itself under small changes of "
        "its input. It is no bound: a second teacher or a compressed model may be more alike, and "
        "mirroring shifts maps behind strided layers."
    )


def _seeds(tables: Tables) -> str:
    """What intervals are over: seeds, or the test images with the models as they are."""
    learners = tables.of_role("student", "control")
    trained = {len(condition.models) for condition in learners if not condition.given}
    images = "Intervals are over test images with the models as they are"
    if not trained:
        whose = "No student was trained here" if learners else "The study has no student"
        return f"{whose}. {images}; how much another training would change is unknown."
    if trained == {1}:
        return (
            f"Each recipe was trained once. {images}; an interval over seeds is unavailable, and "
            "another seed may change the order."
        )
    low, high = min(trained), max(trained)
    seeds = count(low, "seed") if low == high else f"{low} to {count(high, 'seed')}"
    return (
        f"Each student was trained with {seeds}. Where there is more than one, intervals are "
        "95 % t intervals over seeds; elsewhere they are over test images."
    )


def method(tables: Tables) -> str:
    """How the numbers are made: what holds for all, then what each analysis says of its own."""
    trained = {"student", "control"} & roles(tables.conditions)
    found = []
    if trained:
        found.append(
            "Students of one size start from the same initial weights for a seed, whether they are "
            "trained on a teacher's outputs or on labels only. Models that are trained here are "
            "used after their last epoch."
        )
    found.append("The test images are used once, for the numbers here. Intervals are 95 %.")
    return " ".join([*found, *(worded(a.method, a, tables) for a in tables.analyses if a.method)])
