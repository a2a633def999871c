"""Given models in a plan: programs, and classes in another order than the data's."""

from __future__ import annotations

import hashlib

import pytest
import yaml

from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse
from distilscope.models.build import build
from distilscope.planning.study import Study

SEEN = {"mean": [0.5] * 3, "std": [0.5] * 3, "size": 32}
TEACHER = {"architecture": "resnet18", "weights": "w.pt"}
LAYERS = {"layers": {"a": "layer1"}, "explained": ["a"]}


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """A function that plans a study of two given models, with changes of the student."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    for name in ("net.pt2", "net.onnx", "w.pt"):
        (tmp_path / name).write_bytes(name.encode())

    def made(student, data=None, **changes):
        raw = {
            "study": "given",
            "title": "Given",
            "seeds": [0],
            "data": {
                "name": "pictures", "path": "pictures", "image_size": 32,
                "classes": ["cat", "dog", "emu"], **(data or {}),
            },
            "teachers": {"big": {**TEACHER, "preprocessing": SEEN}},
            "students": {"small": {"preprocessing": SEEN, **student}},
            "grid": [],
            "analyses": ["outputs", "alignment"],
            **changes,
        }  # fmt: skip
        return Study(parse(yaml.safe_load(yaml.safe_dump(raw))), "fp32", tmp_path)

    return made


def test_a_program_is_an_artefact_of_its_own_and_code_is_asked_for(plan):
    found = plan({"program": "net.onnx", **LAYERS}).by_id["small"]
    assert (found.artefact.kind, found.condition.source) == ("program", "given")
    asked = found.artefact.settings["program"]
    assert asked["onnx"] and asked["size"] == 32 and "architecture" not in found.artefact.settings
    with pytest.raises(ConfigurationError, match=r"'net\.pt2' .*runs code of yours.*allow_code"):
        plan({"program": "net.pt2", **LAYERS})
    at_input = {"observe": {"methods": ["saliency"]}, "allow_code": True}
    assert not plan({"program": "net.pt2"}, **at_input).by_id["small"].explained
    with pytest.raises(ConfigurationError, match="gradcam explains `layers`"):
        plan({"program": "net.pt2"}, allow_code=True)


@pytest.mark.parametrize(
    ("student", "sentence"),
    [
        ({"program": "net.onnx", "weights": "w.pt"}, "leave out `weights`"),
        ({"program": "net.onnx", "layers": {"a": "b"}}, "both `layers` and `explained`"),
        ({}, "give an `architecture`, or a `program`"),
    ],
)
def test_half_a_description_is_refused(plan, student, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        plan(student)


def test_a_program_has_no_floor_and_is_not_compressed_or_made_random(plan):
    program = {"program": "net.onnx", **LAYERS}
    for changes, sentence in (
        ({"floors": ["small"]}, "take it out of `floors`"),
        ({"compress": [{"of": "small", "prune": 0.5}]}, "give its weights with an `architecture`"),
    ):
        with pytest.raises(ConfigurationError, match=sentence):
            plan(program, **changes)


def test_classes_are_mapped_by_name_and_those_besides_are_left_out(plan, tmp_path):
    (tmp_path / "names.txt").write_text("ant\nemu\ncat\ndog\n")
    student = {"architecture": "plain-tiny", "weights": "w.pt", "classes": "names.txt"}
    found = plan(student).by_id["small"]
    architecture = found.artefact.settings["architecture"]
    assert (architecture["logits"], architecture["columns"]) == (4, [2, 3, 1])
    assert found.head is None  # its rows are in another order
    network = build({**architecture, "settings": {"widths": [4, 6], "pools": [1]}}, 3)
    assert network.head.out_features == 4


def test_a_class_that_a_model_lacks_is_refused_with_both_lists(plan):
    student = {"architecture": "plain-tiny", "weights": "w.pt", "classes": ["dog", "cat"]}
    with pytest.raises(ConfigurationError, match=r"'emu'.*cat, dog, emu; its own are dog, cat"):
        plan(student)
    with pytest.raises(ConfigurationError, match=r"give `data\.classes` too"):
        plan(student, data={"classes": None})


FIVE = ["ant", "bee", "cat", "dog", "emu"]


def of_classes(names):
    return {**TEACHER, "preprocessing": SEEN, "classes": names}


def test_shared_classes_are_those_that_every_model_knows_in_the_order_of_the_teacher(plan):
    student = {"architecture": "plain-tiny", "weights": "w.pt", "classes": ["fox", "emu", "bee"]}
    study = plan(student, data={"classes": "shared"}, teachers={"big": of_classes(FIVE)})
    settings = study.dataset.settings
    assert (settings["classes"], settings["left"]) == (["bee", "emu"], ["ant", "cat", "dog", "fox"])
    big, small = (study.by_id[name].artefact.settings["architecture"] for name in ("big", "small"))
    assert (big["logits"], big["columns"]) == (5, [1, 4])
    assert (small["logits"], small["columns"]) == (3, [2, 1])


def test_models_that_know_the_same_classes_leave_none_out(plan):
    student = {"architecture": "plain-tiny", "weights": "w.pt", "classes": FIVE[::-1]}
    study = plan(student, data={"classes": "shared"}, teachers={"big": of_classes(FIVE)})
    assert study.dataset.settings["classes"] == FIVE and "left" not in study.dataset.settings
    assert study.by_id["small"].artefact.settings["architecture"]["columns"] == [4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["Cat", "Dog"], r"share 0 classes by name.*big's are ant, bee.*small's are Cat, Dog"),
        (["cat", "Dog"], r"share 1 class by name, 'cat'"),
        (None, r"small has no `classes`: give the names of its outputs"),
        (["cat", "cat"], r"small\.classes: 'cat' occurs twice"),
    ],
)
def test_models_without_shared_classes_are_refused_with_their_lists(plan, names, words):
    student = {"architecture": "plain-tiny", "weights": "w.pt", "classes": names}
    with pytest.raises(ConfigurationError, match=words):
        plan(student, data={"classes": "shared"}, teachers={"big": of_classes(FIVE)})


def test_teachers_with_other_class_lists_are_refused_with_both(plan):
    """One that lacks a class, by its name and both lists; another order is mapped by name."""
    student = {"architecture": "plain-tiny", "weights": "w.pt"}
    own = {**TEACHER, "preprocessing": SEEN}
    teachers = {"big": own, "other": {**own, "classes": ["emu", "dog", "yak"]}}
    said = (
        r"other does not know 1 of 3 classes of the data, the first 'cat'\. "
        r"The data's are cat, dog, emu; its own are emu, dog, yak\. Set `data\.classes`"
    )
    with pytest.raises(ConfigurationError, match=said):
        plan(student, teachers=teachers)
    teachers["other"]["classes"] = ["emu", "dog", "yak", "cat"]
    found = plan(student, teachers=teachers).by_id["other"].artefact.settings["architecture"]
    assert (found["logits"], found["columns"]) == (4, [3, 1, 0])


def test_a_second_checkpoint_of_the_teacher_is_its_twin_with_weights_of_its_own(plan, tmp_path):
    (tmp_path / "again.pt").write_bytes(b"another training")
    teacher = {**TEACHER, "preprocessing": SEEN, "second": ["again.pt"]}
    study = plan({"architecture": "plain-tiny", "weights": "w.pt"}, teachers={"big": teacher})
    big, (twin,) = study.by_id["big"], [m for m in study.models if m.role == "twin"]
    digest = hashlib.sha256(b"another training").hexdigest()
    assert twin.artefact.settings["weights"] == digest != big.artefact.settings["weights"]
    beside = {(c.model.id, c.reference.id, c.relation) for c in study.comparisons}
    assert {(twin.id, "big", "twin"), ("small", "big", "teacher")} <= beside
