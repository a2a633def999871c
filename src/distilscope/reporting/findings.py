"""What the numbers say, in sentences: computed from the summary, never written by hand."""

from __future__ import annotations

from distilscope.analyses.parts import section as parts
from distilscope.reporting.cells import NOT_MEASURED, Cell, estimate, students_called
from distilscope.reporting.reasons import split
from distilscope.reporting.summary import Row
from distilscope.reporting.tables import Tables
from distilscope.words import count, listed

RHO = "image_specific_rho"
SUPERLATIVES = {RHO: "most consistent", "accuracy": "most accurate", "ece": "best calibrated"}


def answer(tables: Tables, rows: list[Row]) -> list[str]:
    """The short answer, the page's question first: do they look where the teacher looks? Then what
    chance and labels alone give, parts, accuracy, and the choice.
    """
    sentences = [
        _consistency(tables, rows),
        _at_zero(rows),
        _undefined(rows),
        _against_controls(rows),
        parts.answer(tables),
        _accuracy(rows),
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
    who = students_called(row.cell for row in students)
    own = (
        f"{who[0].upper()}{who[1:]} get {_span(students, 'accuracy', _percent)} of the test images"
    )
    if not teachers:
        return f"{own} right."
    return f"{own} right; the teacher gets {_percent(teachers[0].numbers['accuracy'].value)}."


def _consistency(tables: Tables, rows: list[Row]) -> str:
    students = _of(rows, "student", RHO)
    controls, twins, floors = (_of(rows, role, RHO) for role in ("control", "twin", "floor"))
    strange = _of(rows, "twin-taught", RHO)
    clauses = []
    if students:
        clauses.append(
            f"{_span(students, RHO, _rho)} for {students_called(r.cell for r in students)}"
        )
    if strange:
        clauses.append(f"{_span(strange, RHO, _rho)} for students that learned from a twin instead")
    if controls:
        whose = "the same networks" if students else "networks"
        clauses.append(f"{_span(controls, RHO, _rho)} for {whose} trained on labels only")
    if twins:
        clauses.append(f"{_rho(twins[0].numbers[RHO].value)} for the teacher's twin")
    if floors:
        clauses.append(f"{_rho(floors[0].numbers[RHO].value)} for an untrained network")
    if not clauses:
        return "" if _reasons(rows) else "Consistency with a teacher was not measured."
    return (
        f"On {tables.subset_words}, the part of the teacher's maps that is specific to the image "
        f"is shared to an image-specific ρ of {listed(clauses)}."
    )


def _at_zero(rows: list[Row]) -> str:
    """Of which models nothing of an image is shown to be shared."""
    held = [r.cell for r in rows if r.numbers[RHO].low <= 0 <= r.numbers[RHO].high]
    if not held:
        return ""
    return f"The interval of image-specific ρ includes 0 for {_names(held)}."


def _undefined(rows: list[Row]) -> str:
    """Why consistency is undefined where maps were compared."""
    found = [f"{_names(cells)} ({'; '.join(causes)})" for causes, cells in _reasons(rows).items()]
    return f"Image-specific ρ is undefined for {listed(found)}." if found else ""


def _reasons(rows: list[Row]) -> dict[tuple[str, ...], list[Cell]]:
    """Why maps that were compared have no value -> of which cells."""
    found: dict[tuple[str, ...], list[Cell]] = {}
    for row in rows:
        number = row.numbers[RHO]
        if row.cell.role != "teacher" and not number.defined and number.reason != NOT_MEASURED:
            found.setdefault(tuple(split(number.reason)), []).append(row.cell)
    return found


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
        f"student's interval of image-specific ρ lies {listed(clauses)}."
    )


def _best(rows: list[Row]) -> str:
    """Who is told apart as the best, who isn't, and what nothing dominates."""
    rivals = [row for row in rows if row.cell.role in ("student", "control")]
    if len(rivals) < 2:
        return ""
    found, open_ = [], []
    for measure, words in SUPERLATIVES.items():
        leaders = [row.cell for row in rivals if measure in row.best]
        found += [f"{words}: {_names(leaders)}"] if leaders else []
        open_ += [] if leaders or not any(r.numbers[measure].defined for r in rivals) else [words]
    sentences = []
    who = "Among students and controls" if any(_of(rows, "control", RHO)) else "Among students"
    if found:
        sentences.append(f"{who}, {'; '.join(found)}.")
    if open_:
        sentences.append(f"{who}, none is told apart as the {_or(open_)}: intervals overlap.")
    front = _names([row.cell for row in rows if row.efficient])
    if front:
        sentences.append(
            "By the values alone, without their intervals, nothing is better at once in size, "
            f"accuracy, ECE and image-specific ρ than: {front}."
        )
    return " ".join(sentences)


def _or(words: list[str]) -> str:
    return listed(words).replace(" and ", " or ")


def _names(cells: list[Cell]) -> str:
    return ", ".join(cell.label for cell in cells)


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
        images = (
            ""
            if tables.subset == "common"
            else "; consistency is on each model's own images, which differ from row to row"
        )
        found.append(
            f"There is no twin, so nothing shows how consistent a second teacher would be{images}."
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
    teacher = next((cell for cell in tables.cells if cell.role == "teacher"), None)
    if teacher is None:
        return []
    found = {words: estimate(teacher, tables.headline(measure)) for measure, words in made.items()}
    scores = [f"{_rho(score.value)} by {words}" for words, score in found.items() if score.defined]
    if not scores:
        return []
    sentence = (
        f"A raw ρ with the teacher's maps of {' and of '.join(scores)} is reached without any "
        "model: a raw ρ below that is no sign of a shared explanation."
    )
    edges = estimate(teacher, tables.headline("edges_image_specific_rho"))
    if edges.defined:
        sentence += (
            f" By image-specific ρ the edges reach {_rho(edges.value)}, and a Gaussian, which is "
            "the same in every image, nothing."
        )
    return [sentence]


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
        "in models.parquet): more steps (`observe.ig_steps`, `ig_maximum_steps`) make them exact."
    ]


def _seeds(tables: Tables) -> str:
    """What intervals are over: seeds, or the test images with the models as they are."""
    cells = [cell for cell in tables.cells if cell.role in ("student", "control")]
    trained = {len(cell.models) for cell in cells if not cell.given}
    images = "Intervals are over test images with the models as they are"
    if not trained:
        whose = "No student was trained here" if cells else "The study has no student"
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
