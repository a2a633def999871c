"""What is planned after everything but an edit of the configuration, read from dry runs."""

from __future__ import annotations

import base64
import shutil
from collections import Counter

import pytest
import yaml

from distilscope.planning.artefact import FOLDERS
from distilscope.planning.state import StoreState

from .clone import Clone, study_of
from .editing import (
    ALL,
    CE,
    CHECK,
    DRAWN,
    FLOOR,
    KD,
    SHOWN,
    TEACHER,
    TWIN,
    aggregation,
    compared,
    edit,
    observed,
    put,
    trained,
)
from .edits import BELOW_TEACHER

STUDENTS_LR = put("recipes", "student", "optimizer", "lr", 0.05)
T_ADDED = put("grid", 0, "T", [2, 4, 8])
NEW_T = trained(["tiny-kd-T8-a0.9-s1", "small-kd-T8-a0.9-s1"])


@pytest.fixture
def clone(tmp_path):
    made = Clone(tmp_path)
    made.make_outputs()
    return made


def folder_of(clone, kind, slug):
    """The folder of the one artefact of that name."""
    (found,) = (clone.folder / "results/store" / FOLDERS[kind]).glob(f"{slug}.*")
    return found


def test_an_empty_folder_plans_at_most_three_jobs_a_model(tmp_path):
    counts = Counter(name.split()[0] for name in Clone(tmp_path).plan())
    models = len(ALL)  # teacher, twin, 2 x 2 students, 2 controls, floor
    expected = {"dataset": 1, "model": models, "targets": 1, "observation": models}
    assert counts == {
        **expected,
        "comparison": models - 1,  # every model but the teacher
        **dict.fromkeys(("networks", "tables", "figures", "report", "publish"), 1),
    }


# ---------------------------------------------------------------------------- times and records


def test_times_triggers_and_lost_records_plan_nothing(clone):
    for path in clone.folder.rglob("*"):
        if path.is_file():
            path.touch()
    assert clone.plan() == []
    assert clone.snakemake("--touch", "--quiet", "all").returncode == 0
    shutil.rmtree(clone.folder / ".snakemake")
    assert clone.plan() == []


def test_a_job_that_was_stopped_beside_whole_files_takes_nothing_from_the_plan(clone):
    """Snakemake marks what a job makes until it ends: Ctrl-C may come between file and mark."""
    model = folder_of(clone, "model", "tiny-kd-T2-a0.9-s1")
    for waiting in ("store/tables", "store/figures", "store/reports", "small"):
        shutil.rmtree(clone.folder / "results" / waiting)
    shutil.rmtree(folder_of(clone, "observation", "tiny-kd-T2-a0.9-s1"))
    expected = clone.plan()
    assert {"observation", "publish"} <= {name.split()[0] for name in expected}
    marks = clone.folder / ".snakemake/incomplete"
    marks.mkdir(parents=True, exist_ok=True)
    for file in model.iterdir():
        target = file.relative_to(clone.folder).as_posix()
        mark = base64.urlsafe_b64encode(target.encode()).decode()
        (marks / mark).write_text('{"external_jobid": null}')
    assert clone.plan() == expected


def test_an_edit_is_seen_after_touch_without_records_and_whatever_the_triggers(clone):
    """Snakemake alone launders an edit by --touch and forgets it with its metadata."""
    assert clone.snakemake("--touch", "--quiet", "all").returncode == 0
    edit(clone, STUDENTS_LR)
    expected = sorted(trained(KD + CE) + CHECK + aggregation())
    clone.snakemake("--touch", "--quiet", "all")
    assert clone.plan() == expected
    shutil.rmtree(clone.folder / ".snakemake")
    assert clone.plan("--rerun-triggers", "mtime") == expected


def test_going_back_to_the_earlier_configuration_publishes_only(clone):
    edit(clone, T_ADDED)
    clone.make_outputs()
    assert clone.plan() == []
    edit(clone, put("grid", 0, "T", [2, 4]))
    assert clone.plan() == ["publish"]


def test_a_folder_moved_elsewhere_plans_nothing(clone, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in list(tmp_path.iterdir()):
        if path != elsewhere:
            path.rename(elsewhere / path.name)
    clone.folder = elsewhere
    assert clone.plan() == []


def test_results_of_two_places_merge_by_their_identities(tmp_path):
    """Students trained here, controls there: together nothing is left to train."""
    here, there = Clone(tmp_path / "here"), Clone(tmp_path / "there")
    here.configuration["grid"] = here.configuration["grid"][:1]
    there.configuration["grid"] = there.configuration["grid"][1:]
    for clone in (here, there):
        clone.make_outputs()
    shutil.copytree(there.folder / "results", here.folder / "results", dirs_exist_ok=True)
    here.configuration["grid"] += there.configuration["grid"]
    here.write()
    assert here.plan() == sorted(aggregation())


# ------------------------------------------------------------------------------------ the source


@pytest.mark.parametrize(
    ("file", "jobs"),
    [
        ("training/objectives/kd.py", trained(KD) + aggregation()),
        ("models/plain.py", trained([*KD, *CE, FLOOR]) + CHECK + aggregation()),
        ("observing/methods/gradcam.py", observed(ALL) + CHECK + aggregation()),
        ("measuring/compare.py", compared(ALL) + aggregation()),
        ("analyses/outputs/calibration.py", aggregation()),
        ("analyses/alignment/figures/consistency.py", DRAWN),
        ("configuration/claims.py", aggregation()),
        ("data/image_folder.py", []),  # another reader, of the same module of readers
        ("observing/removal.py", []),  # of images without a part, which nobody asks for
        (
            "training/targets.py",
            [f"targets {TEACHER}", *trained(KD), *aggregation()],
        ),
        (
            "data/views.py",
            BELOW_TEACHER + [f"model {m}" for m in [*CE, FLOOR]] + CHECK + aggregation(),
        ),
        (
            "data/readers.py",
            [
                "dataset fashion-mnist-subset",
                f"targets {TEACHER}",
                *CHECK,
                *trained(ALL),
                *aggregation(),
            ],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_edited_module_plans_what_it_computes(clone, file, jobs):
    clone.append(file, "ADDED = 2")
    assert clone.foreseen() == sorted(jobs)


def test_snakemake_too_plans_what_an_edited_loss_computes(clone):
    clone.append("training/objectives/kd.py", "ADDED = 2")
    assert clone.plan() == sorted(trained(KD) + aggregation())


def test_an_edited_template_plans_the_report(clone):
    clone.append("reporting/templates/report.css", "p { margin: 0 }")
    assert clone.plan() == SHOWN


def test_catalogue_entries_plan_what_they_decide(clone):
    clone.append("catalog.py", 'VIEW_POLICIES["another"] = "distilscope.data.views:Identity"')
    assert clone.plan() == []
    method = clone.folder / "src/distilscope/observing/methods/gradcam.py"
    text = method.read_text()
    assert "whole_probe=True" in text
    method.write_text(text.replace("whole_probe=True", "whole_probe=False"))
    assert clone.plan() == sorted(observed(ALL) + CHECK + aggregation())


@pytest.mark.parametrize(
    ("file", "entry", "other", "jobs"),
    [
        (
            "catalog.py",
            '"crop-flip": "distilscope.data.views:CropFlip"',
            '"crop-flip": "distilscope.data.views:Identity"',
            BELOW_TEACHER + [f"model {m}" for m in CE] + CHECK + aggregation(),
        ),
        ("analyses/outputs/__init__.py", ":fig_reliability", ":fig_accuracy_calibration", DRAWN),
        ("analyses/outputs/__init__.py", 'better="lower"', 'better="higher"', DRAWN),
    ],
    ids=["a view policy", "a figure", "a measure"],
)
def test_the_function_of_a_declared_entry_is_in_the_identity(clone, file, entry, other, jobs):
    path = clone.folder / "src/distilscope" / file
    text = path.read_text()
    assert entry in text
    path.write_text(text.replace(entry, other))
    assert clone.foreseen() == sorted(jobs)


def test_the_sizes_of_families_of_claims_are_in_the_identity(clone):
    path = clone.folder / "src/distilscope/configuration/claims.py"
    assert "families.count(name)" in path.read_text()
    path.write_text(path.read_text().replace("families.count(name)", "1"))
    assert clone.foreseen() == aggregation()


def test_comments_docstrings_white_space_and_thin_scripts_plan_nothing(clone):
    for path in (clone.folder / "src/distilscope").rglob("*.py"):
        path.write_text("# a comment\n\n" + path.read_text().replace("\n\n\n", "\n\n\n\n"))
    scripts = (clone.folder / "workflow/scripts").glob("*.py")
    rules = (clone.folder / "rules").glob("*.smk")
    for path in [*scripts, *rules, clone.folder / "Snakefile"]:
        path.write_text(path.read_text() + "\n\n# a comment\n")
    for file in ("provenance.py", "gpu.py", "script.py", "progress.py"):
        clone.append(f"workflow/{file}", "ADDED = 2")  # they log and schedule
    for file in ("__init__.py", "reading.py", "writing.py"):
        clone.append(f"store/{file}", "ADDED = 2")
    text = yaml.safe_dump(clone.configuration, sort_keys=False)
    clone.write("# a comment\n\n" + text.replace("lr: 0.1", "lr:   0.10  # a comment"))
    assert clone.plan() == []


# -------------------------------------------------------------------------------- how it is run


def test_cores_and_another_profile_plan_nothing(clone):
    own = clone.folder / "profiles/own"
    own.mkdir()
    (own / "config.yaml").write_text("cores: 1\nresources:\n  gpu: 4\n")
    assert clone.plan("--cores", "1", "--workflow-profile", "profiles/own") == []


def test_a_configfile_replaces_the_default_study(clone):
    other = {**clone.configuration, "study": "other", "floors": []}
    (clone.folder / "other.yaml").write_text(yaml.safe_dump(other))
    assert clone.plan("--configfile", "other.yaml") == aggregation("other")


# ---------------------------------------------------------------------------------- lost results


def test_a_lost_intermediate_plans_nothing_while_the_study_stands(clone):
    for kind, slug in (("model", TEACHER), ("targets", TEACHER), ("observation", TWIN)):
        shutil.rmtree(folder_of(clone, kind, slug))
    assert clone.plan() == []


def test_a_lost_teacher_is_made_again_without_its_students(clone):
    """Snakemake alone would train every student anew, since an input has to be made again."""
    shutil.rmtree(folder_of(clone, "model", TEACHER))
    shutil.rmtree(folder_of(clone, "dataset", "fashion-mnist-subset"))
    edit(clone, T_ADDED)
    expected = ["dataset fashion-mnist-subset", f"model {TEACHER}", *NEW_T, *aggregation()]
    assert clone.plan() == sorted(expected)


def test_a_teacher_that_lost_one_file_is_made_again_without_its_students(clone):
    (folder_of(clone, "model", TEACHER) / "weights.safetensors").unlink()
    (folder_of(clone, "dataset", "fashion-mnist-subset") / "manifest.json").unlink()
    edit(clone, T_ADDED)
    expected = ["dataset fashion-mnist-subset", f"model {TEACHER}", *NEW_T, *aggregation()]
    assert clone.plan() == sorted(expected)


def test_a_lost_observation_is_made_again_without_other_comparisons(clone):
    shutil.rmtree(folder_of(clone, "observation", TEACHER))
    shutil.rmtree(folder_of(clone, "tables", "small"))
    edit(clone, put("study", "renamed"))
    assert clone.plan() == sorted([f"observation {TEACHER}", *aggregation("renamed")])


def test_one_lost_file_of_what_is_published_publishes_again(clone):
    (clone.folder / "results/small/report.html").unlink()
    assert clone.plan() == ["publish"]


@pytest.mark.parametrize(
    "lost",
    [
        [("model", TEACHER)],
        [("targets", TEACHER), ("comparison", f"{KD[0]}-vs-{TEACHER}")],
        [("dataset", "fashion-mnist-subset"), ("tables", "small"), ("model", KD[0])],
        [("figures", "small"), ("observation", CE[0])],
    ],
    ids=lambda lost: " and ".join(kind for kind, _ in lost),
)
def test_the_library_foresees_what_snakemake_plans(clone, lost, monkeypatch):
    """`make plan` asks the library, so that the two rules have to be one."""
    for kind, slug in lost:
        shutil.rmtree(folder_of(clone, kind, slug))
    edit(clone, T_ADDED)
    monkeypatch.chdir(clone.folder)
    todo = StoreState(study_of(clone.configuration, clone.folder)).to_make()
    foreseen = [f"{artefact.kind} {artefact.slug}" for artefact in todo.artefacts]
    assert sorted([*foreseen, "publish"]) == clone.plan()


@pytest.mark.parametrize("kind", ["targets", "models", "observations", "comparisons", "datasets"])
def test_a_style_is_edited_whatever_was_removed_from_the_store(clone, kind):
    """The report reads the tables' record of the jobs, and no file that is not its input."""
    shutil.rmtree(clone.folder / "results/store" / kind)
    clone.append("reporting/templates/report.css", "p { margin: 0 }")
    needed = ["dataset fashion-mnist-subset"] if kind == "datasets" else []  # class names, images
    assert clone.foreseen() == sorted([*needed, *SHOWN])


def test_a_table_or_a_summary_that_was_removed_is_published_again(clone):
    for name in ("measures.parquet", "summary.txt", "study.json"):
        (clone.folder / "results/small" / name).unlink()
    assert clone.plan() == ["publish"]
