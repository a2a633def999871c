"""What the numbers say, in sentences: computed from the summary, never written by hand."""

from __future__ import annotations

from distilscope.reporting import parts
from distilscope.reporting.cells import Cell, estimate
from distilscope.reporting.summary import Row
from distilscope.reporting.tables import Tables

RHO = "image_specific_rho"


def answer(tables: Tables, rows: list[Row]) -> list[str]:
    """The short answer: a sentence or two each on accuracy, consistency, parts and the choice."""
    sentences = [
        _accuracy(rows),
        _consistency(tables, rows),
        _against_controls(rows),
        parts.answer(tables),
        _best(rows),
    ]
    return [sentence for sentence in sentences if sentence]


def _of(rows: list[Row], role: str, measure: str) -> list[Row]:
    return [row for row in rows if row.cell.role == role and row.numbers[measure].defined]


def _span(rows: list[Row], measure: str, form) -> str:
    """`0.31 (tiny T=4) to 0.45 (medium T=8)`, or the one value."""
    ordered = sorted(rows, key=lambda row: row.numbers[measure].value)
    ends = [ordered[0]] if len(ordered) == 1 else [ordered[0], ordered[-1]]
    return " to ".join(f"{form(row.numbers[measure].value)} ({row.cell.label})" for row in ends)


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _rho(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _accuracy(rows: list[Row]) -> str:
    teachers, students = _of(rows, "teacher", "accuracy"), _of(rows, "student", "accuracy")
    if not students:
        return ""
    own = f"Distilled students get {_span(students, 'accuracy', _percent)} of the test images right"
    if not teachers:
        return own + "."
    return f"{own}; the teacher gets {_percent(teachers[0].numbers['accuracy'].value)}."


def _consistency(tables: Tables, rows: list[Row]) -> str:
    students = _of(rows, "student", RHO)
    if not students:
        return "Consistency with a teacher was not measured."
    clauses = [f"{_span(students, RHO, _rho)} for distilled students"]
    controls, twins, floors = (_of(rows, role, RHO) for role in ("control", "twin", "floor"))
    strange = _of(rows, "twin-taught", RHO)
    if strange:
        clauses.append(f"{_span(strange, RHO, _rho)} for students that learned from a twin instead")
    if controls:
        clauses.append(f"{_span(controls, RHO, _rho)} for the same networks trained on labels only")
    if twins:
        clauses.append(f"{_rho(twins[0].numbers[RHO].value)} for the teacher's twin")
    if floors:
        clauses.append(f"{_rho(floors[0].numbers[RHO].value)} for an untrained network")
    return (
        f"On {tables.subset_words}, the part of the teacher's maps that is specific to the image "
        f"is shared to an image-specific ρ of {_listed(clauses)}."
    )


def _against_controls(rows: list[Row]) -> str:
    """In how many cells distillation lies above, below or within reach of labels only."""
    controls = {row.cell.student: row for row in _of(rows, "control", RHO)}
    above, below, unclear = [], [], []
    for row in _of(rows, "student", RHO):
        if row.cell.student not in controls:
            continue
        own, control = row.numbers[RHO], controls[row.cell.student].numbers[RHO]
        group = above if own.low > control.high else below if own.high < control.low else unclear
        group.append(row.cell)
    total = len(above) + len(below) + len(unclear)
    if not total:
        return ""
    clauses = [
        f"{where} it in {len(group)} of {total} ({_names(group)})"
        for where, group in (("above", above), ("below", below), ("partly over", unclear))
        if group
    ]
    return (
        "Set against the interval of the same network trained on labels only, the distilled "
        f"student's interval of image-specific ρ lies {_listed(clauses)}."
    )


def _best(rows: list[Row]) -> str:
    words = {"accuracy": "Most accurate", "ece": "best calibrated", RHO: "most consistent"}
    found = {
        text: _names([row.cell for row in rows if measure in row.best])
        for measure, text in words.items()
    }
    found = {text: names for text, names in found.items() if names}
    if not found:
        return ""
    clauses = [f"{text}: {names}" for text, names in found.items()]
    front = _names([row.cell for row in rows if row.efficient])
    tail = (
        f" Nothing is better at once in size, accuracy, ECE and image-specific ρ than: {front}."
        if front
        else ""
    )
    return f"Among students and controls, {clauses[0][0].lower()}{'; '.join(clauses)[1:]}.{tail}"


def _names(cells: list[Cell]) -> str:
    return ", ".join(cell.label for cell in cells)


def _listed(clauses: list[str]) -> str:
    return clauses[0] if len(clauses) == 1 else ", ".join(clauses[:-1]) + " and " + clauses[-1]


def caveats(tables: Tables) -> list[str]:
    """What a reader must know before using a number."""
    found = []
    if tables.scale == "laptop":
        found.append(
            "This is a laptop-scale study: little data and short training. Its results hold here "
            "and neither support nor contradict results at a published scale."
        )
    found.append(_seeds(tables))
    teachers = sum(len(cell.models) for cell in tables.cells if cell.role == "teacher")
    if teachers == 1:
        found.append("There is one teacher: each sentence holds for this teacher.")
    if not any(cell.role == "twin" for cell in tables.cells):
        found.append(
            "There is no twin, so nothing shows how consistent a second teacher would be; "
            "consistency is on each model's own images, which differ from row to row."
        )
    found += _trivial(tables)
    found += _incomplete(tables)
    found.append(
        "Maps show where evidence for a class lies in one layer. Maps that agree don't prove that "
        "two models reason alike, and the causal check is to change the region and look."
    )
    return found


def _trivial(tables: Tables) -> list[str]:
    """What maps that no model made score against the teacher's."""
    made = {"gaussian_rho": "a Gaussian in the middle", "edges_rho": "the edges of the image"}
    scores = []
    for cell in [cell for cell in tables.cells if cell.role == "teacher"][:1]:
        for measure, words in made.items():
            found = estimate(cell, tables.headline(measure))
            scores += [f"{_rho(found.value)} by {words}"] if found.defined else []
    if not scores:
        return []
    return [
        f"A raw ρ with the teacher's maps of {' and of '.join(scores)} is reached without any "
        "model: a raw ρ below that is no sign of a shared explanation. Image-specific ρ does not "
        "have this fault."
    ]


def _incomplete(tables: Tables) -> list[str]:
    """How many integrated gradients do not add up to the change of the logit."""
    if "incomplete_maps" not in tables.models:
        return []
    rows = tables.models.dropna(subset=["incomplete_maps"])
    share = rows["incomplete_maps"] / rows["integrated_maps"]
    if not share.max() > 0:
        return []
    return [
        f"{100 * share.min():.0f} to {100 * share.max():.0f} % of a model's integrated gradients "
        "miss completeness by over 5 % of the change of the logit (`incomplete_maps` of each model "
        "in models.parquet): more steps (`observe.ig_steps`, `ig_most_steps`) make them exact."
    ]


def _seeds(tables: Tables) -> str:
    counts = {len(cell.models) for cell in tables.cells if cell.role in ("student", "control")}
    if counts <= {1}:
        return (
            "Each recipe was trained once. Intervals are over test images with the models as they "
            "are; an interval over seeds is unavailable, and another seed may change the order."
        )
    low, high = min(counts), max(counts)
    count = f"{low}" if low == high else f"{low} to {high}"
    return (
        f"Each student was trained with {count} seeds. Where there is more than one, intervals are "
        "95 % t intervals over seeds; elsewhere they are over test images."
    )
