"""What alignment found, in sentences, and what to know before using a number of it."""

from __future__ import annotations

from collections.abc import Mapping

from distilscope.analyses.alignment.image_specific_columns import PRIMARY
from distilscope.reporting import names
from distilscope.reporting.conditions import (
    NOT_MEASURED,
    Condition,
    Estimate,
    estimate,
    labels,
    span,
    students_called,
)
from distilscope.reporting.formatting import number
from distilscope.reporting.reasons import split
from distilscope.reporting.tables import Tables
from distilscope.words import listed

Numbers = Mapping[Condition, Estimate]


def wording(text: str, tables: Tables) -> str:
    """A text with `{maps}` in it: the maps that stand for all, by the name of their method."""
    method = tables.settings_of("alignment").get("method")
    where = "of each model's last block (the first of its explained layers)"
    return text.replace("{maps}", f"{names.method(method)} {where}" if method else "of the input")


def answer(tables: Tables) -> list[str]:
    """Do they look where the teacher looks, and what chance and labels alone give."""
    rows = tables.headline(PRIMARY)
    numbers = {condition: estimate(condition, rows) for condition in tables.conditions}
    return [
        _consistency(tables, numbers),
        _at_zero(numbers),
        _undefined(numbers),
        against_controls(numbers),
    ]


def _rho(value: float) -> str:
    return number(value, "{:.2f}")


def _of(numbers: Numbers, role: str) -> dict[Condition, Estimate]:
    return {c: found for c, found in numbers.items() if c.role == role and found.defined}


def _consistency(tables: Tables, numbers: Numbers) -> str:
    students, twin_taught = _of(numbers, "student"), _of(numbers, "twin-taught")
    controls, twins, floors = (_of(numbers, role) for role in ("control", "twin", "floor"))
    clauses = []
    if students:
        clauses.append(f"{span(students, _rho)} for {students_called(students)}")
    if twin_taught:
        clauses.append(f"{span(twin_taught, _rho)} for students that learned from a twin instead")
    if controls:
        whose = "the same networks" if students else "networks"
        clauses.append(f"{span(controls, _rho)} for {whose} trained on labels only")
    for found, words in ((twins, "the teacher's twin"), (floors, "an untrained network")):
        clauses += [f"{_rho(own.value)} for {words}" for own in list(found.values())[:1]]
    if not clauses:
        return "" if _reasons(numbers) else "Consistency with a teacher was not measured."
    return (
        f"On {tables.subset_words}, the part of the teacher's maps that is specific to the image "
        f"is shared to an image-specific ρ of {listed(clauses)}."
    )


def _at_zero(numbers: Numbers) -> str:
    """Of which models nothing of an image is shown to be shared."""
    held = [condition for condition, found in numbers.items() if found.low <= 0 <= found.high]
    return f"The interval of image-specific ρ includes 0 for {labels(held)}." if held else ""


def _undefined(numbers: Numbers) -> str:
    """Why consistency is undefined where maps were compared."""
    found = [f"{labels(whose)} ({'; '.join(why)})" for why, whose in _reasons(numbers).items()]
    return f"Image-specific ρ is undefined for {listed(found)}." if found else ""


def _reasons(numbers: Numbers) -> dict[tuple[str, ...], list[Condition]]:
    """Why maps that were compared have no value -> of which conditions."""
    found: dict[tuple[str, ...], list[Condition]] = {}
    for condition, own in numbers.items():
        if condition.role != "teacher" and not own.defined and own.reason != NOT_MEASURED:
            found.setdefault(tuple(split(own.reason)), []).append(condition)
    return found


def against_controls(numbers: Numbers) -> str:
    """In how many conditions distillation lies above, below or within reach of labels only."""
    controls = {c.network: found for c, found in _of(numbers, "control").items()}
    groups: dict[str, list[Condition]] = {"above": [], "below": [], "partly over": []}
    for condition, own in _of(numbers, "student").items():
        if condition.network in controls:
            control = controls[condition.network]
            above, below = own.low > control.high, own.high < control.low
            groups["above" if above else "below" if below else "partly over"].append(condition)
    total = sum(map(len, groups.values()))
    if not total:
        return ""
    clauses = [
        f"{where} it in {len(group)} of {total} ({labels(group)})"
        for where, group in groups.items()
        if group
    ]
    return (
        "Set against the interval of the same network trained on labels only, the distilled "
        f"student's interval of image-specific ρ lies {listed(clauses)}."
    )


def caveats(tables: Tables) -> list[str]:
    """What maps can't say, what a map that no model made scores, and which maps are incomplete."""
    found = []
    if not tables.of_role("twin") and tables.subset != "common":
        found.append("Consistency is on each model's own images, which differ from row to row.")
    return [
        *found,
        *_trivial(tables),
        *_incomplete(tables),
        "Maps show where evidence for a class lies in one layer. Maps that agree don't prove that "
        "two models reason alike, and the causal check is to change the region and look.",
    ]


def _trivial(tables: Tables) -> list[str]:
    """What maps that no model made score against the teacher's."""
    made = {"gaussian_rho": "a Gaussian in the middle", "edges_rho": "the edges of the image"}
    for teacher in tables.of_role("teacher")[:1]:
        found = {words: estimate(teacher, tables.headline(name)) for name, words in made.items()}
        scores = [f"{_rho(own.value)} by {words}" for words, own in found.items() if own.defined]
        if not scores:
            continue
        sentence = (
            f"A raw ρ with the teacher's maps of {' and of '.join(scores)} is reached without any "
            "model: a raw ρ below that is no sign of a shared explanation."
        )
        edges = estimate(teacher, tables.headline("edges_image_specific_rho"))
        if edges.defined:
            sentence += (
                f" By image-specific ρ the edges reach {_rho(edges.value)}, and a Gaussian, which "
                "is the same in every image, nothing."
            )
        return [sentence]
    return []


def _incomplete(tables: Tables) -> list[str]:
    """How many integrated gradients do not add up to the change of the logit."""
    rows = tables["maps"].dropna(subset=["incomplete_maps"])
    share = (rows["incomplete_maps"] / rows["integrated_maps"]).astype(float)
    if not share.max() > 0:
        return []
    return [
        f"{100 * share.min():.0f} to {100 * share.max():.0f} % of a model's integrated gradients "
        "miss completeness by over 5 % of the change of the logit (`incomplete_maps` of each model "
        "in maps.parquet): more steps (`observe.ig_steps`, `ig_maximum_steps`) make them exact."
    ]
