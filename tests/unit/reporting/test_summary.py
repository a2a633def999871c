import itertools
import math

import pytest

from distilscope.reporting import findings
from distilscope.reporting.cells import Cell, Estimate
from distilscope.reporting.summary import MEANINGS, Row, short_count, summarise, summary_table

from . import made_tables
from .conftest import build


def test_best_marks_the_best_student_or_control_never_teacher_or_twin(study):
    rows = summarise(study.tables())
    best = {m: [r.cell.label for r in rows if m in r.best] for m in ("accuracy", "ece", "iou20")}
    assert best == {m: ["medium T=8"] for m in best}


def test_the_front_is_what_nothing_beats_in_all_four(study):
    rows = [r for r in summarise(study.tables()) if r.cell.role in ("student", "control")]

    def point(row):
        n = row.numbers
        return (
            -row.cell.parameters,
            n["accuracy"].value,
            -n["ece"].value,
            n["image_specific_rho"].value,
        )

    beaten = set()
    for a, b in itertools.permutations(rows, 2):
        pairs = list(zip(point(a), point(b), strict=True))
        if all(x >= y for x, y in pairs) and any(x > y for x, y in pairs):
            beaten.add(b.cell.label)
    assert {row.cell.label for row in rows if row.efficient} == {
        row.cell.label for row in rows
    } - beaten


def test_the_ratio_is_the_teachers_parameters_over_its_own(study):
    rows = {row.cell.label: row for row in summarise(study.tables())}
    assert rows["tiny T=4"].ratio == pytest.approx(11_173_962 / 94_762)


def test_the_terminal_table_fits_100_columns_and_lists_every_model(study):
    text = summary_table(study.folder / "tables")
    assert max(map(len, text.splitlines())) <= 100
    assert text.isascii()
    for row in summarise(study.tables()):
        assert row.cell.label in text
    line = next(line for line in text.splitlines() if line.startswith("tiny T=4"))
    q = 0.5 + 0.04 + 0.01
    rho = 0.52 * q - 0.01
    assert f"{100 * (0.10 + 0.83 * q**0.4):.1f}" in line
    assert f"{rho:.2f} [{rho - 0.014:.2f}, {rho + 0.014:.2f}]" in line
    assert f"{0.2 + 0.53 * q:.2f} ({0.15 + 0.47 * q:.2f})" in line


def test_long_names_and_undefined_numbers_keep_the_table_aligned(tmp_path):
    models = [
        made_tables.Made("teacher-s1", "teacher", "resnet18", None, None, 0.9),
        made_tables.Made("m" * 40, "student", "a-student-with-a-very-long-name", 4.0, 0.9, 0.5),
    ]
    text = summary_table(build(tmp_path, models=models).folder / "tables")
    header, rule, *_ = text.splitlines()
    assert len(header) <= len(rule) <= 100
    assert "a-student-with-a-very~" in text


def test_counts_are_spelled_short():
    assert [short_count(n) for n in (94_762, 23_520_842, 512, 0)] == ["95k", "23.5M", "512", "-"]


def row(label, role, student, low, high):
    cell = Cell(label, role, student, None, None, 1000, (label,))
    undefined = Estimate(math.nan, math.nan, math.nan, "", ())
    numbers = dict.fromkeys(MEANINGS, undefined)
    middle = (low + high) / 2
    numbers["image_specific_rho"] = Estimate(middle, low, high, "images", (middle,))
    return Row(cell, 1.0, numbers, frozenset(), False)


def test_a_student_counts_as_above_its_control_only_where_intervals_part(study):
    rows = [
        row("a T=4", "student", "a", 0.5, 0.6),
        row("a labels", "control", "a", 0.3, 0.4),
        row("b T=4", "student", "b", 0.35, 0.5),
        row("b labels", "control", "b", 0.3, 0.4),
        row("c T=4", "student", "c", 0.1, 0.2),
        row("c labels", "control", "c", 0.3, 0.4),
        row("d T=4", "student", "d", 0.1, 0.2),
    ]
    text = " ".join(findings.answer(study.tables(), rows))
    assert "above it in 1 of 3 (a T=4)" in text
    assert "below it in 1 of 3 (c T=4)" in text
    assert "partly over it in 1 of 3 (b T=4)" in text


def test_the_answer_gives_the_extremes_by_name(study):
    tables = study.tables()
    text = " ".join(findings.answer(tables, summarise(tables)))
    assert "(tiny T=4) to" in text and "(medium T=8)" in text
    assert "for the teacher's twin" in text and "−0.01 for an untrained network" in text


def test_caveats_name_one_seed_one_teacher_no_twin_and_the_scale(tmp_path, study):
    alone = " ".join(findings.caveats(study.tables()))
    assert "laptop-scale" in alone and "trained once" in alone and "one teacher" in alone
    assert "no twin" not in alone
    models = made_tables.default_models(seeds=2, twin=False)
    tables = build(tmp_path, models=models).tables(scale="paper")
    several = " ".join(findings.caveats(tables))
    assert "2 seeds" in several and "no twin" in several and "laptop" not in several


def test_caveats_say_how_many_integrated_gradients_are_incomplete(study):
    tables = study.tables()
    assert "completeness" not in " ".join(findings.caveats(tables))
    models = tables.models.assign(integrated_maps=100.0, incomplete_maps=7.0)
    models.loc[models.index[0], "incomplete_maps"] = 68.0
    found = [s for s in findings.caveats(study.tables(models=models)) if "completeness" in s]
    assert len(found) == 1 and found[0].startswith("7 to 68 %")


def test_caveats_say_what_a_blob_scores_and_nothing_where_none_was_measured(study):
    text = " ".join(findings.caveats(study.tables()))
    assert "of 0.51 by a Gaussian in the middle and of 0.33 by the edges of the image" in text
    rows = study.tables().measures
    bare = study.tables(measures=rows[~rows["measure"].str.startswith(("gaussian", "edges"))])
    assert "Gaussian" not in " ".join(findings.caveats(bare))
