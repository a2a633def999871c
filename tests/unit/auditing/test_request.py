"""The command line of an audit becomes a study."""

from pathlib import Path

import pytest
import yaml

from distilscope.auditing import request, writing
from distilscope.auditing.request import Given, Request

NAMED = "fashion-mnist-subset"


def asked(**changes) -> Request:
    teacher = Given("plain-small", "teacher.pt", "plain-small")
    student = Given("plain-tiny", "student.pt", "plain-tiny")
    usual = {"teacher": teacher, "students": (student,), "data": {"name": NAMED}}
    return Request(**{**usual, "output": Path("audits/release-2"), **changes})


def test_models_are_called_as_their_networks():
    teacher, students = request.models("timm/efficientnet_lite2=a.pt", ["mod:make_net=b.pt"])
    assert teacher == Given("efficientnet_lite2", "a.pt", "timm/efficientnet_lite2")
    assert students == (Given("make_net", "b.pt", "mod:make_net"),)


def test_models_of_one_network_are_told_apart_by_their_files():
    teacher, students = request.models("resnet18=x/big.pt", ["resnet18=small.v2.pt"])
    assert [teacher.name, students[0].name] == ["resnet18-big", "resnet18-small-v2"]


def test_a_file_alone_holds_its_own_program():
    teacher, _ = request.models("models/net.pt2", [])
    assert teacher.architecture is None and teacher.entry() == {"program": "models/net.pt2"}


@pytest.mark.parametrize("text", ["=a.pt", "resnet18=", "", "resnet18{width=a.pt", "{a: 1}=a.pt"])
def test_half_a_model_is_refused_with_the_form(text):
    with pytest.raises(ValueError, match="expected NETWORK=FILE, such as"):
        request.models(text, [])


def test_files_that_are_called_alike_are_told_apart_by_their_folders():
    teacher, (first, second, third) = request.models(
        "resnet50=runs/a/best.pt", ["resnet18=runs/a/best.pt", "resnet18=runs/b/best.pt", "c/n.pt2"]
    )
    names = [each.name for each in (teacher, first, second, third)]
    assert names == ["resnet50", "resnet18-a-best", "resnet18-b-best", "n"]
    assert [m.name for m in request.models("a/n.pt2", ["b/n.pt2"])[1]] == ["b-n"]


def test_two_models_that_nothing_tells_apart_are_refused():
    with pytest.raises(ValueError, match=r"'resnet18-a-w', the second by .*another name"):
        request.models("resnet18=a/w.pt", ["resnet18=a/w.pt"])


@pytest.mark.parametrize(
    ("typed", "settings", "architecture"),
    [
        ("resnet18", {}, "torchvision/resnet18"),
        ("resnet18", {"zero_init_residual": True}, "torchvision/resnet18"),
        ("resnet18", {"width": 20}, "resnet18"),  # torchvision's has no such setting
        ("plain-tiny", {}, "plain-tiny"),
    ],
)
def test_a_network_is_torchvisions_where_it_has_that_name(typed, settings, architecture):
    assert request.network(typed, settings, {"resnet18"}) == architecture


def test_a_network_may_have_settings():
    teacher, _ = request.models("resnet18{width: 20, stem: small}=a.pt", [])
    assert teacher.name == "resnet18" and teacher.architecture == "resnet18"
    assert teacher.entry()["settings"] == {"width": 20, "stem": "small"}


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("prune=0.3,0.5", {"of": "big", "prune": [0.3, 0.5]}),
        ("small:quantise=int8-dynamic", {"of": "small", "quantise": "int8-dynamic"}),
    ],
)
def test_a_way_of_compressing_is_of_the_teacher_unless_told(text, entry):
    assert request.compression(text, ["big", "small"], "big") == entry


@pytest.mark.parametrize("text", ["prune", "prune=", "=0.3", "other:prune=0.3"])
def test_a_ladder_that_cannot_be_read_is_refused_with_the_models(text):
    with pytest.raises(ValueError, match="the models are big, small"):
        request.compression(text, ["big", "small"], "big")


def preprocessing(*texts):
    return request.by_model("--preprocessing", texts, ["big", "small"], "{mean: [...]}")


def test_preprocessing_is_of_all_models_or_of_one():
    found = preprocessing("{size: 32}", "small={size: 24}")
    assert found == {"big": {"size": 32}, "small": {"size": 24}}
    with pytest.raises(ValueError, match=r"expected \{mean: .* the models are big, small"):
        preprocessing("none={size: 3}")
    for text in ("{size: 3", "32"):
        with pytest.raises(ValueError, match="can't be read"):
            preprocessing(text)


@pytest.mark.parametrize("text", ["pad", "{fit", "[a]"])
def test_what_is_no_mapping_is_refused_with_an_example(text):
    assert request.mapping("--data", "{fit: pad}", "") == {"fit": "pad"}
    with pytest.raises(ValueError, match=r"--data .* expected a mapping, such as \{fit: pad\}"):
        request.mapping("--data", text, "{fit: pad}")


def test_the_study_trains_nothing_and_has_a_stand_in_and_a_floor():
    found = writing.configuration(asked())
    assert found["study"] == "release-2" and found["scale"] == "audit"
    assert "recipes" not in found and "grid" not in found
    assert found["floors"] == ["plain-tiny"]
    assert [(e["of"], e["noise"], e["flip"]) for e in found["stand_ins"]] == [
        ("plain-small", 0.1, False),
        ("plain-small", 0.0, True),
    ]
    assert "gate" not in found["analyses"] and "compression" not in found["analyses"]


def test_students_of_one_network_have_one_untrained_one():
    files = [Given(f"wide-{n}", f"{n}.pt", "resnet18", settings={"width": 20}) for n in "ab"]
    students = (*files, Given("narrow", "c.pt", "resnet18", settings={"width": 10}))
    program = Given("whole", "d.pt2")
    found = writing.configuration(asked(students=(*students, program)))
    assert found["floors"] == ["wide-a", "narrow"]


def test_what_is_asked_for_is_in_the_study():
    ladder = ({"of": "plain-small", "prune": 0.3},)
    found = writing.configuration(
        asked(require=("ece <= 0.05",), compress=ladder, second="other.pt", allow_code=True)
    )
    assert found["analyses"]["gate"] == {"require": ["ece <= 0.05"]}
    assert found["compress"] == [{"of": "plain-small", "prune": 0.3}]
    assert found["teachers"]["plain-small"]["second"] == ["other.pt"]
    assert found["allow_code"] is True and "compression" in found["analyses"]


@pytest.mark.parametrize(("side", "rules"), [(None, {}), (64, {}), (224, {"frame": 56})])
def test_maps_of_large_images_are_compared_in_a_frame(side, rules):
    data = {"name": NAMED, **({} if side is None else {"image_size": side})}
    assert writing.configuration(asked(data=data))["analyses"]["alignment"] == rules


@pytest.mark.parametrize(("count", "observe"), [(54, {"gram_batch": 54}), (200, {}), (None, {})])
def test_few_images_are_one_minibatch_of_grams(count, observe):
    """With fewer than a minibatch no CKA would be measured."""
    assert writing.configuration(asked(count=count))["observe"] == {
        "methods": ["gradcam"],
        "latency": [1],
        **observe,
    }


def test_the_file_says_which_command_wrote_it_and_reads_back():
    found = writing.configuration(asked())
    text = writing.text(found, ["distilscope", "audit", "--images", "my images"])
    assert "#   distilscope audit --images 'my images'" in text
    assert yaml.safe_load(text) == found
