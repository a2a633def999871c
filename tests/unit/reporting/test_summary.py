import itertools
import math
from dataclasses import replace

import pandas as pd
import pytest

from distilscope.analyses.alignment import findings as alignment
from distilscope.analyses.outputs import findings as outputs
from distilscope.measuring.observations import UNLABELLED
from distilscope.reporting import findings
from distilscope.reporting.conditions import Condition, Estimate
from distilscope.reporting.formatting import short_count
from distilscope.reporting.names import ascii_only
from distilscope.reporting.summary import summarise
from distilscope.reporting.summary import text as terminal

from . import made_models
from .conftest import build, given


def test_best_is_who_is_told_apart_from_all_others_never_teacher_or_twin(study):
    """Made with half widths of 0.012, 0.006 and 0.014: the best ones overlap with the next."""
    rows = summarise(study.tables())
    assert not any(row.best for row in rows)
    measures = study.tables().measures
    narrow = measures.assign(
        low=measures["value"] - 1e-4 * measures["low"].notna(),
        high=measures["value"] + 1e-4 * measures["low"].notna(),
    )
    rows = summarise(study.tables(measures=narrow))
    best = {
        m: [r.condition.label for r in rows if m in r.best] for m in ("accuracy", "ece", "iou20")
    }
    assert best == {m: ["medium T=8"] for m in best}


def test_no_star_without_an_interval_or_a_rival(study, tmp_path):
    measures = study.tables().measures
    bare = measures.assign(low=math.nan, high=math.nan)
    assert not any(row.best for row in summarise(study.tables(measures=bare)))
    assert not any(row.best for row in summarise(given(tmp_path).tables()))


def test_the_answer_names_a_best_one_only_where_it_is_told_apart(study):
    tables = study.tables()
    text = findings.answer(tables, summarise(tables))[-1]
    assert text.startswith(
        "Among students and controls, none is told apart as the most consistent, most accurate or "
        "best calibrated: intervals overlap."
    )
    measures = tables.measures
    own = (measures["model"] == "medium-kd-T8-a0.9-s1") & (measures["measure"] == "accuracy")
    clear = measures.assign(
        value=measures["value"].where(~own, 0.99),
        low=measures["low"].where(~own, 0.98),
        high=measures["high"].where(~own, 1.0),
    )
    tables = study.tables(measures=clear)
    text = findings.answer(tables, summarise(tables))[-1]
    assert "Among students and controls, most accurate: medium T=8." in text
    assert "none is told apart as the most consistent or best calibrated" in text


def test_the_answer_gives_the_range_of_several_teachers(study):
    tables = study.tables()
    (alone,) = outputs.answer(tables)
    assert "; the teacher gets " in alone
    models, rows = tables.models, tables.condition_rows
    several = study.tables(
        models=models.assign(role=models["role"].replace("twin", "teacher")),
        condition_rows=rows.assign(role=rows["role"].replace("twin", "teacher")),
    )
    accuracies = tables.headline("accuracy").groupby("condition")["value"].mean()
    own = models[models["role"].isin(["teacher", "twin"])]["condition"].unique()
    low, high = (100 * accuracies[own].agg(which) for which in ("min", "max"))
    (said,) = outputs.answer(several)
    assert said.endswith(f"; the {len(own)} teachers get {low:.1f} % to {high:.1f} %.")


def test_the_answer_begins_with_the_question_of_the_page(study):
    tables = study.tables()
    said = findings.answer(tables, summarise(tables))
    assert said[0].startswith("On images that teacher and twin both get right, the part of the")
    assert said[1] == "The interval of image-specific ρ includes 0 for medium, untrained."


def test_given_models_are_not_called_distilled_or_trained(tmp_path):
    tables = given(tmp_path).tables()
    rows = summarise(tables)
    assert [row.condition.role_words for row in rows] == ["teacher", "given"]
    text = " ".join([*findings.answer(tables, rows), *findings.caveats(tables)])
    assert "0.30 (small) for given students" in text
    assert "Given students get 77.7 % (small)" in text
    assert "No student was trained here" in text
    for false in ("distilled", "trained once", "twin both", "seed may"):
        assert false not in text


def test_common_images_without_a_twin_are_those_that_the_teacher_gets_right(study):
    tables = study.tables()
    no_twin = tables.models[tables.models["role"] != "twin"]
    alone = study.tables(models=no_twin)
    assert alone.subset_words == "images that the teacher gets right"
    twins = study.tables(models=no_twin.assign(role=no_twin["role"].replace("control", "twin")))
    assert twins.subset_words == "images that all 4 teachers and twins get right"
    said = " ".join(findings.caveats(alone))
    assert "no twin" in said
    assert "own images" not in said


def test_images_without_labels_are_not_said_to_be_right(study):
    tables = study.tables()
    bare = tables.measures["measure"] == "accuracy"
    measures = tables.measures.assign(
        value=tables.measures["value"].where(~bare),
        reason=tables.measures["reason"].where(~bare, UNLABELLED),
    )
    made = study.tables(measures=measures)
    assert made.subset_words == "images on which teacher and twin predict the same class"
    alone = study.tables(measures=measures, models=made.models[made.models["role"] != "twin"])
    assert alone.subset_words == "all images"
    assert "no labels" in " ".join(findings.caveats(made))


def test_consistency_that_is_undefined_says_why(study):
    tables = study.tables()
    aligned = tables.measures["method"].notna()
    why = "1593 undefined: the model's map has one cell (1500); nothing is left (93)"
    measures = tables.measures.assign(
        value=tables.measures["value"].where(~aligned),
        reason=tables.measures["reason"].where(~aligned, why),
    )
    tables = study.tables(measures=measures)
    text = " ".join(findings.answer(tables, summarise(tables)))
    assert "was not measured" not in text
    assert "Image-specific ρ is undefined for Twin; medium T=2" in text
    assert "(the model's map has one cell; nothing is left)." in text


def test_the_front_is_what_nothing_beats_in_all_four(study):
    rows = [r for r in summarise(study.tables()) if r.condition.role in ("student", "control")]

    def point(row):
        n = row.numbers
        return (
            -row.condition.parameters,
            n["accuracy"].value,
            -n["ece"].value,
            n["image_specific_rho"].value,
        )

    beaten = set()
    for a, b in itertools.permutations(rows, 2):
        pairs = list(zip(point(a), point(b), strict=True))
        if all(x >= y for x, y in pairs) and any(x > y for x, y in pairs):
            beaten.add(b.condition.label)
    assert {row.condition.label for row in rows if row.efficient} == {
        row.condition.label for row in rows
    } - beaten


def test_the_ratio_is_the_teachers_parameters_over_its_own(study):
    rows = {row.condition.label: row for row in summarise(study.tables())}
    assert rows["tiny T=4"].ratio == pytest.approx(11_173_962 / 94_762)


def test_the_terminal_table_fits_100_columns_and_lists_every_model(study):
    text = terminal(study.tables())
    assert max(map(len, text.splitlines())) <= 100
    assert text.isascii()
    for row in summarise(study.tables()):
        assert row.condition.label in text
    line = next(line for line in text.splitlines() if line.startswith("tiny T=4"))
    q = 0.5 + 0.04 + 0.01
    rho = 0.52 * q - 0.01
    assert f"{100 * (0.10 + 0.83 * q**0.4):.1f}" in line
    assert f"{rho:.2f} [{rho - 0.014:.2f}, {rho + 0.014:.2f}]" in line
    assert f"{0.2 + 0.53 * q:.2f} ({0.15 + 0.47 * q:.2f})" in line


def test_long_names_and_undefined_numbers_keep_the_table_aligned(tmp_path):
    models = [
        made_models.Made("teacher-s1", "teacher", "resnet18", None, None, 0.9),
        made_models.Made("m" * 40, "student", "a-student-with-a-very-long-name", 4.0, 0.9, 0.5),
    ]
    tables = build(tmp_path, models=models).tables()
    header, rule, *lines = terminal(tables).splitlines()
    assert len(header) <= len(rule) <= 100
    assert lines[1].startswith("a-student-with-a-very~ ")
    # a study of outputs alone has fewer columns, and room for the name
    outputs = tables.measures["analysis"] == "outputs"
    alone = replace(tables, measures=tables.measures[outputs])
    _, rule, *lines = terminal(alone).splitlines()
    assert len(rule) <= 100
    assert lines[1].startswith("a-student-with-a-very-long-name T=4 ")


def test_counts_are_spelled_short():
    assert [short_count(n) for n in (94_762, 23_520_842, 512, 0)] == ["95k", "23.5M", "512", "-"]


def test_a_student_counts_as_above_its_control_only_where_intervals_part():
    found = {}
    for network, low, high in (("a", 0.5, 0.6), ("b", 0.35, 0.5), ("c", 0.1, 0.2), ("d", 0.1, 0.2)):
        student = Condition(network, f"{network} T=4", "student", network, "trained", ("m",))
        control = Condition(f"{network}0", f"{network} labels", "control", network, "trained", ())
        found[student] = Estimate((low + high) / 2, low, high, "images", ())
        found |= {control: Estimate(0.35, 0.3, 0.4, "images", ())} if network != "d" else {}
    text = alignment.against_controls(found)
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
    models = made_models.default_models(seeds=2, twin=False)
    tables = build(tmp_path, models=models).tables({"scale": "paper"})
    several = " ".join(findings.caveats(tables))
    assert "2 seeds" in several and "no twin" in several and "laptop" not in several


def test_caveats_say_how_many_integrated_gradients_are_incomplete(study):
    tables = study.tables()
    assert "completeness" not in " ".join(findings.caveats(tables))
    ids = tables.models["id"]
    maps = pd.DataFrame({"id": ids, "integrated_maps": 100.0, "incomplete_maps": 7.0})
    maps.loc[0, "incomplete_maps"] = 68.0
    own = {**tables.own, "maps": maps}
    found = [s for s in findings.caveats(study.tables(own=own)) if "completeness" in s]
    assert len(found) == 1 and found[0].startswith("7 to 68 %")


def test_caveats_say_what_a_blob_scores_and_nothing_where_none_was_measured(study):
    text = " ".join(findings.caveats(study.tables()))
    assert "of 0.51 by a Gaussian in the middle and of 0.33 by the edges of the image" in text
    rows = study.tables().measures
    bare = study.tables(measures=rows[~rows["measure"].str.startswith(("gaussian", "edges"))])
    assert "Gaussian" not in " ".join(findings.caveats(bare))


def test_a_terminal_reads_greek_letters_by_name():
    assert ascii_only("ats τ₁=4 ρ − 2 λ≥1 ☃") == "ats tau1=4 rho - 2 lambda>=1 ?"
