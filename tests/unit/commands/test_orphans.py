"""`make clean-orphans` removes what no configuration asks for, and nothing that one asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilscope.__main__ import main
from distilscope.commands.orphans import folders_of, orphans
from distilscope.configuration.kinds import ConfigurationError
from distilscope.planning import artefact as rooms

from ...workflow.clone import REPOSITORY
from ...workflow.editing import put
from .made import CONFIGURATION, made, write

FEWER = put("grid", 0, "T", [2])


def folders():
    return {path for path in rooms.STORE.glob("*/*.*") if path.is_dir()}


def beside(*paths):
    """What these configurations don't ask for."""
    return orphans(set().union(*(folders_of(path, REPOSITORY) for path in paths)))


def test_nothing_is_an_orphan_while_it_is_asked_for(capsys):
    made(write())
    assert main(["clean-orphans", "--yes"]) == 0
    assert "No orphans" in capsys.readouterr().out


def test_only_what_left_the_configuration_is_removed_and_only_when_told(capsys):
    before = made(write())
    after = made(write(FEWER))
    gone = {a.folder for a in before.artefacts.values()} - {
        a.folder for a in after.artefacts.values()
    }
    assert "models/tiny-kd-T4-a0.9-s1" in " ".join(map(str, gone))
    assert main(["clean-orphans"]) == 0
    assert "make clean-orphans YES=1" in capsys.readouterr().out
    assert gone <= folders()
    assert main(["clean-orphans", "--yes"]) == 0
    assert folders() == {a.folder for a in after.artefacts.values()}


def test_any_configuration_under_config_keeps_its_results():
    made(write())
    Path("config/paper").mkdir()
    CONFIGURATION.rename("config/paper/other.yaml")
    made(write(FEWER))
    assert main(["clean-orphans", "--yes"]) == 0
    assert any("T4" in path.name for path in folders())


def test_a_published_study_of_an_unknown_configuration_is_not_touched(capsys):
    study = made(write(to=Path("mine.yaml")))
    made(write(put("study", "another")))
    kept = folders()
    assert main(["clean-orphans", "--yes"]) == 1
    said = capsys.readouterr().err
    assert f"{study.published} was published by a configuration that is not under config/" in said
    assert folders() == kept
    assert main(["clean-orphans", "--yes", "--configuration", "mine.yaml"]) == 0
    assert folders() == kept


def test_an_audit_beside_the_results_keeps_its_own(capsys):
    made(write(to=Path("audit/audit.yaml")))
    made(write(put("study", "another")))
    assert main(["clean-orphans", "--yes"]) == 0
    assert "No orphans: 2 configurations" in capsys.readouterr().out


def test_a_configuration_elsewhere_counts_where_it_is_named():
    made(write(to=Path("mine.yaml")))
    made(write(FEWER))
    assert beside(CONFIGURATION)
    assert beside(CONFIGURATION, Path("mine.yaml")) == []


def test_a_precision_that_was_never_resolved_keeps_the_models_of_both():
    for precision in ("fp32", "bf16"):
        made(write(put("precision", precision)))
    write(put("precision", "auto"))
    assert {path.parent.name for path in beside(CONFIGURATION)} == {"reports"}
    assert not (rooms.STORE / "resolved").exists()


def test_checkpoints_of_models_that_nobody_trains_are_orphans():
    study = made(write())
    wanted = Path("results/checkpoints") / study.models[0].artefact.name
    other = Path("results/checkpoints/tiny-kd-T9-a0.9-s1.0123456789ab")
    for folder in (wanted, other):
        folder.mkdir(parents=True)
    assert beside(CONFIGURATION) == [other]


def test_a_study_whose_images_are_not_here_is_passed_over_unless_it_has_results(capsys):
    made(write())

    def absent(raw):
        raw |= {"study": "elsewhere", "data": {"name": "idx", "path": "nowhere"}}

    write(absent, to=Path("config/elsewhere.yaml"))
    assert main(["clean-orphans", "--yes"]) == 0
    said = capsys.readouterr().out
    assert "config/elsewhere.yaml is passed over: data.path: there is no file" in said
    assert "No orphans" in said
    Path("results/elsewhere").mkdir()
    assert main(["clean-orphans", "--yes"]) == 1
    assert "nowhere" in capsys.readouterr().err


def test_nothing_is_removed_where_a_configuration_can_not_be_read(capsys):
    made(write())
    made(write(FEWER))
    Path("config/broken.yaml").write_text("study: [")
    assert main(["clean-orphans", "--yes"]) == 1
    assert "config/broken.yaml is not YAML" in capsys.readouterr().err
    Path("config/broken.yaml").write_text("students: 3")
    with pytest.raises(ConfigurationError, match=r"config/broken\.yaml can't be used"):
        beside(*sorted(Path("config").glob("*.yaml")))
    assert any("T4" in path.name for path in folders())


def test_nothing_is_removed_while_snakemake_runs(capsys):
    made(write())
    made(write(FEWER))
    Path(".snakemake/locks").mkdir(parents=True)
    Path(".snakemake/locks/0.output.lock").touch()
    assert main(["clean-orphans", "--yes"]) == 1
    assert "snakemake is running here" in capsys.readouterr().err
    assert any("T4" in path.name for path in folders())


def test_nothing_is_removed_through_a_link(tmp_path, capsys):
    made(write())
    elsewhere = tmp_path / "elsewhere"
    for place in ("model", "kind/other.0123456789ab"):
        (elsewhere / place).mkdir(parents=True)
        (elsewhere / place / "run.json").write_text("mine")
    (rooms.STORE / "models/linked.0123456789ab").symlink_to(elsewhere / "model")
    (rooms.STORE / "planted").symlink_to(elsewhere / "kind")
    inside = rooms.STORE / "models/gone.0123456789ab"
    inside.mkdir()
    (inside / "link").symlink_to(elsewhere / "model")
    assert main(["clean-orphans", "--yes"]) == 0
    said = capsys.readouterr().out
    assert f"{rooms.STORE}/planted is no result of a job here, and is left alone" in said
    assert not inside.exists()
    assert sorted(path.name for path in elsewhere.rglob("run.json")) == ["run.json"] * 2
    assert (rooms.STORE / "models/linked.0123456789ab").is_symlink()


def test_a_folder_that_no_job_made_is_left_alone(capsys):
    made(write())
    notes = [rooms.STORE / "models/notes", rooms.STORE / "models/notes.v2", rooms.STORE / "mine"]
    for folder in notes:
        folder.mkdir()
        (folder / "a.txt").write_text("mine")
    assert main(["clean-orphans", "--yes"]) == 0
    assert "models/notes is no result of a job here" in capsys.readouterr().out
    assert all((folder / "a.txt").exists() for folder in notes)
