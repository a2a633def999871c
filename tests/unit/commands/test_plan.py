"""`make plan` says in the study's words what would run and why."""

from __future__ import annotations

import pytest

from distilscope.__main__ import main
from distilscope.commands import differences
from distilscope.commands.plan import explain
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse
from distilscope.planning import record

from ...workflow.clone import REPOSITORY
from ...workflow.editing import both, put
from ...workflow.edits import MEDIUM, OPTIMIZER, SECOND
from .made import edited, made, write


def lines(edit, first=lambda raw: None):
    """The plan after an edit of what was published."""
    made(write(first))
    return explain(made(write(both(first, edit)), with_results=False), REPOSITORY)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (put("grid", 0, "T", [2, 4, 8]), "2 students: T 8 added"),
        (put("grid", 0, "alpha", [0.5, 0.9]), "4 students: alpha 0.5 added"),
        (put("floors", ["tiny", "small"]), "1 floor: student small added"),
        (
            both(put("students", "big", MEDIUM), put("grid", 1, "students", ["tiny", "big"])),
            "1 control: student big added",
        ),
        (put("teachers", "wide", SECOND), "1 teacher: student wide added"),
        (
            put("recipes", "teacher", "epochs", 3),
            "1 teacher and 1 twin and all below: recipes.teacher.epochs 2 → 3",
        ),
        (put(*OPTIMIZER, "lr", 0.05), "4 students and 2 controls: recipes.student.optimizer.lr"),
        (
            put("students", "tiny", "override", {"optimizer": {"lr": 0.05}}),
            "2 students and 1 control: students.tiny.override.optimizer.lr unset → 0.05",
        ),
        (
            put("recipes", "student", "views", "per_image", 5),
            "recipes.student.views.per_image 4 → 5",
        ),
        (put("threads", 2), "1 teacher and 1 twin and 2 controls and all below: threads 1 → 2"),
        (put("precision", "bf16"), "precision fp32 → bf16"),
        (put("observe", {"ig_steps": 16}), "9 observations: observe.ig_steps 32 → 16"),
        (
            put("analyses", "alignment", "top", 0.1),
            "8 comparisons: analyses.alignment.top 0.2 → 0.1",
        ),
        (put("statistics", "bootstrap", 200), "tables: statistics.bootstrap 1000 → 200"),
        (put("report", {"divergent": 6}), "figures: report.divergent 12 → 6"),
        (put("allow_code", True), "report: allow_code false → true"),
        (put("study", "other"), "other: 4 jobs"),
        (put("data", "name", "cifar10"), "1 dataset and all below: data.name fashion-mnist-sub"),
        (put("analyses", "randomisation", {"model": "tiny"}), "derived model"),
        (put("analyses", "shortcuts", {"causal": {"top": 0.1}}), "observations of made probes"),
        (put("data", "image_size", 40), "1 dataset and all below: data.image_size 32 → 40"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_edit_is_told_in_the_studys_words(edit, said):
    assert said in "\n".join(lines(edit))


def test_a_threshold_of_a_detector_makes_the_tables_anew():
    searched = put("analyses", "shortcuts", {})
    found = lines(put("analyses", "shortcuts", "rate", 0.1), first=searched)
    assert "tables: analyses.shortcuts.rate 0.05 → 0.1" in found[1]


def test_what_is_below_a_cause_is_counted_and_not_listed():
    found = lines(put("grid", 0, "T", [2, 4, 8]))
    assert found == [
        "small: 10 jobs: 2 models, 2 observations, 2 comparisons, tables, figures, report, publish",
        "  2 students: T 8 added",
    ]


def test_models_that_nobody_asks_for_any_more_are_told():
    found = lines(put("grid", 0, "T", [2]))
    assert found[1:] == ["  2 models no longer asked for: T 4 removed"]


def test_edited_modules_are_named(monkeypatch):
    made(raw := write())
    edited(monkeypatch, "objectives/kd.py", "figures/classes.py")
    found = explain(made(raw, with_results=False), REPOSITORY)
    assert "  4 students: source of distilscope.training.objectives.kd edited" in found
    assert "  figures: source of distilscope.analyses.alignment.figures.classes edited" in found
    assert len(found) == 3


def test_lost_files_are_told():
    made(write())
    study = made(write(put("grid", 0, "T", [2, 4, 8])), with_results=False)
    (study.by_id["resnet18-s1"].artefact.folder / "weights.safetensors").unlink()
    found = explain(study, REPOSITORY)
    assert "  1 teacher: their files are missing" in found


def test_nothing_to_do_the_first_run_and_an_earlier_configuration_each_say_so():
    first = made(write(), with_results=False)
    assert "nothing is published under this name yet" in explain(first, REPOSITORY)[1]
    made(write())
    assert explain(first, REPOSITORY) == ["small: nothing to do; results/small/ holds this study"]
    made(write(put("grid", 0, "T", [2])))
    assert "published again" in explain(first, REPOSITORY)[-1]


def test_a_published_configuration_that_can_not_be_read_any_more_gives_counts(monkeypatch):
    def refuse(raw, where="", recorded=False):
        raise ConfigurationError("of an older version")

    made(write())
    study = made(write(put("grid", 0, "T", [2, 4, 8])), with_results=False)
    monkeypatch.setattr(differences, "parse", refuse)
    assert explain(study, REPOSITORY)[0].startswith("small: 10 jobs")


def test_the_record_reads_back_as_the_configuration_that_was_published():
    study = made(write(put("teachers", "wide", SECOND)))
    found = record.read("small")
    assert parse(found.configuration) == study.configuration
    assert len([known for many in found.artefacts.values() for known in many]) == len(
        study.artefacts
    )


def test_the_command_prints_the_plan_of_the_chosen_configuration(capsys):
    write(put("study", "mine"), to=__import__("pathlib").Path("mine.yaml"))
    assert main(["plan", "--configuration", "mine.yaml"]) == 0
    assert capsys.readouterr().out.startswith("mine: ")
    assert main(["plan", "--configuration", "nowhere.yaml"]) == 1
    assert "nowhere.yaml can't be read: No such file" in capsys.readouterr().err
