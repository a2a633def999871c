"""The figures and the section of reasoning, drawn from the numbers of a made-up study."""

import pkgutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from distilscope.analyses import reasoning
from distilscope.analyses.reasoning import findings, section
from distilscope.analyses.reasoning.measure import conclude, measure
from distilscope.reporting import style
from distilscope.reporting.figures import NothingToDraw
from distilscope.reporting.tables import Tables

from .made_study import MadeStudy, erring, gold, other_procedure, wrong_facts


def tables_of(made) -> Tables:
    study = made.study()
    measure(study, made.settings)
    rows = study.rows.frame()
    own = conclude(study, made.settings, rows)
    names = ("id", "condition", "role", "network", "source")
    models = pd.DataFrame(
        [
            {
                **{name: getattr(entry, name) for name in names},
                "seed": entry.seed,
                "reference": entry.reference,
                "parameters": study.costs[entry.id]["parameters"],
            }
            for entry in study.entries
        ]
    )
    described = pd.DataFrame(
        [{"condition": n, "label": n, **c.record()} for n, c in study.conditions.items()]
    )
    settings = {"scale": "laptop", "analyses": {"outputs": {}, "reasoning": made.settings}}
    nothing = pd.DataFrame()
    return Tables(rows, models, described, nothing, nothing, nothing, own, settings=settings)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A teacher with a twin and two planted ones; students of two sizes and three objectives."""
    made = MadeStudy(tmp_path_factory.mktemp("study"), ("add", "sum", "fact", "sort", "count"), 12)
    taught = {"expert": gold, "misled": wrong_facts, "other": other_procedure}
    for place, (name, answers) in enumerate(taught.items()):
        made.add(f"{name}-s{place}", "teacher", erring(0.1, place, answers), place, size=900)
    twin = [("expert-s0", "twin")]
    made.add("twin-s9", "twin", erring(0.1, 9), 9, twin, "expert", 900)
    ids = {name: f"{name}-s{place}" for place, name in enumerate(taught)}
    every = [(each, "teacher") for each in ids.values()]
    for network, rate, size in (("small", 0.3, 300), ("tiny", 0.6, 100)):
        about = {"network": network, "size": size}
        for seed in (1, 2, 3):
            answers = erring(rate, seed)
            name = f"{network}-sft-s{seed}"
            made.add(name, "control", answers, seed, every, objective="ce", **about)
            for teacher, objective in (("expert", "kd"), ("expert", "jsd"), ("misled", "kd")):
                answers = erring(rate / 2, 7 * seed, taught[teacher])
                own = {"objective": objective, "teachers": (teacher,)}
                name = f"{network}-{objective}-{teacher}-s{seed}"
                beside = [(ids[teacher], "teacher")]
                made.add(name, "student", answers, seed, beside, **about, **own)
    return tables_of(made)


@pytest.mark.parametrize("name", reasoning.FIGURES)
def test_figure_is_drawn_with_the_numbers_that_it_shows(tables, name, tmp_path):
    with style.applied():
        figure, numbers = pkgutil.resolve_name(reasoning.FIGURES[name].draw)(tables)
        style.title(figure, reasoning.FIGURES[name].title, "laptop")
        style.write_png(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert len(numbers) and numbers.select_dtypes("number").notna().any(axis=None)


def test_the_planted_figure_shows_who_copies_and_the_others_beside_the_same_teacher(tables):
    draw = pkgutil.resolve_name(reasoning.FIGURES["reasoning-planted"].draw)
    _, numbers = draw(tables)
    assert "expert" not in set(numbers["reference"])  # nothing was planted in it
    rows = numbers[(numbers["measure"] == "planted_errors_copied") & numbers["value"].notna()]
    copied = rows[rows["reference"] == "misled"].set_index("condition")["value"]
    assert copied["small-kd-misled"] > 0.6 > 0.4 > copied["small-sft"]
    way = numbers[(numbers["measure"] == "procedure_copied") & (numbers["reference"] == "other")]
    assert set(way["condition"]) == {"small-sft", "tiny-sft"} and (way["value"] == 0).all()


def test_several_teachers_without_a_twin_stand_for_it_as_their_pairs(tmp_path):
    made = MadeStudy(tmp_path, ("add", "fact"), 12)
    seeds = (0, 8, 9)
    for seed in seeds:
        others = [(f"expert-s{other}", "twin") for other in seeds if other != seed]
        made.add(f"expert-s{seed}", "teacher", erring(0.3, seed), seed, others, size=900)
    for seed, teacher in enumerate(seeds, start=1):
        beside = [(f"expert-s{teacher}", "teacher")]
        about = {"network": "small", "size": 300}
        made.add(f"small-sft-s{seed}", "control", erring(0.6, seed), seed, beside, **about)
    several = tables_of(made)
    draw = pkgutil.resolve_name(reasoning.FIGURES["reasoning-fidelity"].draw)
    _, numbers = draw(several)
    rows = numbers[numbers["measure"] == "answer_agreement_excess"]
    assert rows["condition"].tolist() == ["pairs of expert", "small-sft"]
    own = several.of("answer_agreement_excess")
    pairs = own[(own["relation"] == "twin") & (own["subset"] == "all") & own["headline"]]
    assert len(pairs) == 6
    assert rows["value"].iloc[0] == pytest.approx(pairs["value"].mean())
    labels = [row[0] for row in section.context(several)["fidelity"].rows]
    assert labels == ["Other teachers", "the small-sft"]


@pytest.mark.parametrize("name", ["reasoning-fidelity", "reasoning-tasks"])
def test_the_longest_label_of_the_study_is_drawn_whole(tables, name):
    longest = "small reverse-kl T=1 from expert"
    rows = tables.condition_rows.replace({"label": {"small-kd-misled": longest}})
    figure, _ = pkgutil.resolve_name(reasoning.FIGURES[name].draw)(
        replace(tables, condition_rows=rows)
    )
    labels = [text.get_text() for axes in figure.axes for text in axes.get_yticklabels()]
    assert any(longest in label for label in labels)


def test_a_study_without_students_says_why_there_is_nothing_to_draw(tmp_path):
    made = MadeStudy(tmp_path, ("add", "sort"), 4)
    made.add("expert-s1", "teacher", gold)
    alone = tables_of(made)
    for name in ("reasoning-gains", "reasoning-tests", "reasoning-fidelity", "reasoning-together"):
        with pytest.raises(NothingToDraw):
            pkgutil.resolve_name(reasoning.FIGURES[name].draw)(alone)


def test_the_section_says_who_copies_and_the_answer_who_gains(tables):
    context = section.context(tables)
    labels = [row[0] for row in context["fidelity"].rows]
    assert {"the small-kd-misled", "the tiny-sft", "the twin"} <= set(labels)
    by_role = tables["reasoning_tasks"].query("task == 'all'").groupby("role")["exact_accuracy"]
    assert by_role.mean()["student"] > by_role.mean()["control"]
    first, second, *copied = findings.answer(tables)
    assert "Of the teacher's planted errors are copied: distilled students" in copied[0]
    tests = tables["reasoning_tests"].set_index("task")
    assert f"gain {100 * tests.at['all', 'value']:.1f} [" in first
    assert "labels only" in second
    assert np.isfinite(tests.at["all", "teachers_low"])  # two teachers: the teacher as unit


def test_the_section_has_what_each_learning_rate_gave_and_says_where_another_did_better(tables):
    columns = ("arm", "student", "lr", "held_out_accuracy", "best", "used")
    rows = [
        ("ce", "tiny", 0.003, 0.61, False, False),
        ("ce", "tiny", 0.006, 0.64, True, True),
        ("ce", "tiny", 0.012, 0.60, False, False),
        ("ce", "small", 0.003, 0.71, True, False),
        ("ce", "small", 0.006, 0.70, False, True),
        ("ce", "small", 0.012, 0.69, False, False),
        ("kd T 1", "small", 0.003, 0.73, True, True),
        ("kd T 1", "small", 0.006, 0.72, False, False),
        ("kd T 1", "small", 0.012, 0.70, False, False),
    ]
    about = {"teachers": "", "seed": 9, "held_out_nll": 1.0}
    tried = pd.DataFrame([{**about, **dict(zip(columns, row, strict=True))} for row in rows])
    own = replace(tables, own={**tables.own, "reasoning_tuning": tried})
    context = section.context(own)
    better, edge = context["sentences"][1:]
    assert better.startswith("small by ce has a learning rate of 0.006, and 0.003 did better")
    assert edge.startswith("small by kd T 1 did best at the lowest learning rate that was tried")
    assert context["tuning"].rows == [
        ("tiny", "ce", "\u2013", "61.0", "64.0", "60.0", "0.006"),
        ("small", "ce", "\u2013", "71.0", "70.0", "69.0", "0.006"),
        ("small", "kd T 1", "\u2013", "73.0", "72.0", "70.0", "0.003"),
    ]
    assert "under seed 9, of which" in context["tuning"].caption
    assert section.context(tables)["tuning"] is None


def test_several_seeds_of_a_learning_rate_are_a_mean_and_a_range(tables):
    values = {(0.003, 8): 0.60, (0.003, 9): 0.64, (0.006, 8): 0.66, (0.006, 9): 0.60}
    about = {"arm": "ce", "student": "tiny", "teachers": "", "held_out_nll": 1.0}
    rows = [
        {**about, "lr": lr, "seed": seed, "held_out_accuracy": value, "used": lr == 0.003}
        for (lr, seed), value in values.items()
    ]
    tried = pd.DataFrame(rows).assign(best=[False, False, True, True])
    own = replace(tables, own={**tables.own, "reasoning_tuning": tried})
    context = section.context(own)
    assert "and 0.006 did better on held-out items (63.0 against 62.0 %" in context["sentences"][1]
    (row,) = context["tuning"].rows
    assert row[3:] == ("62.0 (60.0 to 64.0)", "63.0 (60.0 to 66.0)", "0.003")
    assert "under seeds 8 and 9, of which" in context["tuning"].caption
