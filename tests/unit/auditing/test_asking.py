"""The options of an audit become a request: what a command line doesn't say is found out."""

import pytest
import torch
from PIL import Image
from torch import nn

from distilscope.auditing import asking, inspecting, writing
from distilscope.auditing.request import Given
from distilscope.models.build import build

from .made_audits import FACTORY, FIVE, options, pictures, plain_tiny, saved


@pytest.mark.parametrize("wrapped", [False, True])
def test_outputs_are_counted_in_the_weights(tmp_path, wrapped):
    file = saved(tmp_path / "a.pt", 7, wrapped)
    assert inspecting.outputs(Given("tiny", file, "plain-tiny"), 32) == 7


@pytest.mark.parametrize(
    ("seen", "frame"),
    [
        ([{"size": 224, "resize": 256}], {"image_size": 224, "resize": 256}),
        # the smaller share of the two, at the finer resolution
        (
            [{"size": 224, "resize": 256}, {"size": 240, "resize": 320}],
            {"image_size": 240, "resize": 320},
        ),
        ([{"size": 224, "resize": 224}, {"size": 32}], {"image_size": 224, "resize": 224}),
        ([{}], {}),
    ],
)
def test_the_frame_is_what_every_model_sees(seen, frame):
    assert inspecting.frame([Given("m", "f", "plain-tiny", own) for own in seen]) == frame


def test_a_side_beyond_that_of_images_is_refused_before_a_network_runs():
    seen = [Given("net", "net.pt", preprocessing={"size": 1025, "resize": 1100})]
    with pytest.raises(ValueError, match=r"1025 pixels a side, and at most 1024"):
        inspecting.frame(seen)


def test_without_labels_the_models_tell_how_many_classes_there_are(tmp_path):
    file = saved(tmp_path / "a.pt", 7)
    folder = pictures(tmp_path / "pictures", ["a", "b"])
    typed = ["--teacher", f"plain-tiny={file}", "--images", folder, "--labels", "none"]
    asked = asking.asked(options(*typed, "--compress", "prune=0.5"))
    found = {"name": "pictures", "path": folder, "labels": "none", "classes": 7}
    assert asked.data == {**found, "image_size": 32, "resize": 40}
    assert asked.compress == ({"of": "plain-tiny", "prune": 0.5},)


@pytest.mark.parametrize(
    ("folders", "further", "words"),
    [
        (["a", "b"], [], "plain-tiny has 7 outputs, and there are 2 classes in"),
        ([], [], "has no folders of classes"),
        (["a", "b"], ["--classes", "names.txt"], "there are 3 classes in names.txt"),
        (["a"], ["--student", "plain-tiny=b.pt"], "tiny-a has 7 outputs and plain-tiny-b has 5"),
        (["a"], ["--classes", "x=names.txt"], "x=names.txt"),
        (["a"], ["--classes", "plain-tiny=names.txt"], "plain-tiny has 7 outputs, and there are 3"),
        (["a"], [], "plain-tiny has 7 outputs, and there is 1 class in pictures"),
    ],
)
def test_models_and_classes_that_do_not_agree_are_refused(
    tmp_path, monkeypatch, folders, further, words
):
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "a.pt", 7), saved(tmp_path / "b.pt", 5)
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    (tmp_path / "pictures").mkdir()
    pictures(tmp_path / "pictures", folders)
    typed = ["--teacher", "plain-tiny=a.pt", "--images", "pictures", "--compress", "prune=0.5"]
    with pytest.raises(ValueError, match=words):
        asking.asked(options(*typed, *further))


def test_folders_of_a_data_sets_parts_are_not_taken_for_classes(tmp_path, monkeypatch):
    """Two parts and two outputs: they would be, without a word."""
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "a.pt", 2)
    for part in ("train", "val"):
        pictures(tmp_path / "data" / part, ["cat", "dog"])
    typed = ["--teacher", "plain-tiny=a.pt", "--compress", "prune=0.5", "--images"]
    with pytest.raises(ValueError, match=r"data holds parts .*train, val.*--images data/val"):
        asking.asked(options(*typed, "data"))
    assert asking.asked(options(*typed, "data/val")).count == 2
    pictures(tmp_path / "exams", ["test", "training"])  # classes may have such names
    assert asking.asked(options(*typed, "exams")).count == 2


def test_a_folder_above_that_of_the_classes_is_refused_with_theirs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "a.pt", 3)
    pictures(tmp_path / "data" / "all", ["ant", "bee", "cat"])
    typed = ["--teacher", "plain-tiny=a.pt", "--compress", "prune=0.5", "--images", "data"]
    with pytest.raises(ValueError, match=r"data/all holds 3: is --images data/all meant\?"):
        asking.asked(options(*typed))


def test_a_model_with_a_single_output_is_refused_with_what_would_do(tmp_path):
    file, folder = saved(tmp_path / "a.pt", 1), pictures(tmp_path / "pictures", ["a", "b"])
    typed = ["--teacher", f"plain-tiny={file}", "--images", folder, "--compress", "prune=0.5"]
    with pytest.raises(ValueError, match=r"has 1 output: .* puts a 0 before it"):
        asking.asked(options(*typed))


def test_of_few_pictures_those_are_counted_that_can_be_used(tmp_path):
    """CKA takes all of few in one minibatch: one too many, and there would be none."""
    file, folder = saved(tmp_path / "a.pt", 2), pictures(tmp_path / "pictures", ["a", "b"])
    for number, name in enumerate(("a/more.webp", "b/more.png", "loose.png")):
        Image.new("RGB", (30, 30 + number)).save(tmp_path / "pictures" / name)
    for name in ("a/text.jpg", "b/empty.png"):
        (tmp_path / "pictures" / name).write_text("")
    typed = ["--teacher", f"plain-tiny={file}", "--images", folder, "--compress", "prune=0.5"]
    assert asking.asked(options(*typed)).count == 4


def test_a_folder_without_pictures_is_refused_before_anything_is_made(tmp_path):
    file = saved(tmp_path / "a.pt", 2)
    typed = ["--teacher", f"plain-tiny={file}", "--images", tmp_path, "--compress", "prune=0.5"]
    with pytest.raises(ValueError, match=r"there is no picture; expected"):
        asking.asked(options(*typed, "--labels", "none"))


def test_what_is_unknown_of_how_a_model_sees_pictures_is_asked_for():
    with pytest.raises(ValueError, match=r"say it with --preprocessing 'net=\{mean:"):
        inspecting.sees(Given("net", "a.pt", "mine:net"), {})


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"mean": [0.5] * 3, "std": [0.5] * 3, "size": [32, 32]}, r"size: .*\[32, 32\]"),
        ({"mean": [123.7, 116.8, 103.9], "std": [58.4] * 3}, "of pixels from 0 to 1: divide both"),
        ({"mean": 0.5, "std": [0.5] * 3}, "mean: expected a list"),
        ({"mean": [0.5] * 3, "std": [0.5] * 3, "crop": 32}, "unknown key 'crop'"),
        ({"mean": [0.5] * 3}, "std: this key is missing"),
    ],
)
def test_what_is_typed_of_how_a_model_sees_pictures_is_checked_at_once(typed, words):
    with pytest.raises(ValueError, match=f"--preprocessing of net can't be used: .*{words}"):
        inspecting.sees(Given("net", "net.pt", "nets:net"), typed)


def test_layers_are_proposed_of_the_weights_that_are_audited(tmp_path, monkeypatch):
    """At its start the network's logits are its bias, so that any head seems to give them."""
    (tmp_path / "audited_net.py").write_text(FACTORY)
    monkeypatch.syspath_prepend(str(tmp_path))
    network = build({"builder": "audited_net:Net"}, 5)
    nn.init.normal_(network.conv.weight)
    torch.save(network.state_dict(), tmp_path / "a.pt")
    given = Given("net", str(tmp_path / "a.pt"), "audited_net:Net")
    found = inspecting.described(given, 5, 8).layers
    assert found["layers"] == {"conv": "conv"} and "head" not in found


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ([], "an audit needs --teacher and --images"),
        (["--teacher", "a=b", "--images", "c"], "nothing to set beside the teacher"),
        (["--configuration", "x", "--require", "ece <= 1"], r"leave out .*--require"),
        (
            ["--configuration", "x", "--limit", "9", "--allow-code"],
            r"leave out --limit, .*--allow-code",
        ),
        (["--require", "acuracy >= 1"], r"--require: .*'acuracy >= 1': .* did you mean 'accuracy'"),
        (["--require", "ece < 1"], r"--require: .*'ece < 1' can't be read: expected"),
        (["--configuration", "x", "--methods", "saliency"], r"leave out .*--methods"),
        (["--configuration", "x", "--cores", "many"], "--cores 'many': expected a number"),
        (["--configuration", "x", "--cores", "0"], "--cores '0': expected a number"),
    ],
)
def test_options_that_make_no_audit_are_refused(typed, words):
    with pytest.raises(ValueError, match=words):
        asking.check(options(*typed))


class Whole(nn.Module):
    """A network that a file holds whole: two stages, seven classes."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 5, 3, 2, 1)
        self.head = nn.Linear(5, 7)

    def forward(self, images):
        return self.head(self.last(self.first(images)).mean((2, 3)))


def test_a_program_tells_its_classes_and_its_layers_once_it_is_trusted(tmp_path):
    file = tmp_path / "whole.pt2"
    torch.export.save(torch.export.export(Whole().eval(), (torch.zeros(2, 3, 32, 32),)), file)
    folder = pictures(tmp_path / "pictures", [f"c{n}" for n in range(7)])
    typed = ["--teacher", file, "--student", f"plain-tiny={saved(tmp_path / 'a.pt', 7)}"]
    with pytest.raises(ValueError, match=r"whole\.pt2.*runs code of yours; add --allow-code"):
        asking.asked(options(*typed, "--images", folder))
    asked = asking.asked(options(*typed, "--images", folder, "--allow-code"))
    assert asked.teacher.entry()["program"] == str(file)
    assert asked.teacher.layers["layers"] == {"first": "first", "last": "last"}
    few = pictures(tmp_path / "few", ["a", "b"])
    with pytest.raises(ValueError, match="whole has 7 outputs"):
        asking.asked(options(*typed, "--images", few, "--allow-code"))


def two_models(tmp_path, *further, folders=FIVE):
    """What is asked of a teacher of five classes and a student of three."""
    saved(tmp_path / "a.pt", 5), saved(tmp_path / "b.pt", 3)
    (tmp_path / "three.txt").write_text("fox\nemu\nbee\n")
    (tmp_path / "five.txt").write_text("ant\nbee\ncat\ndog\nemu\n")
    (tmp_path / "other.txt").write_text("Ant\nBee\nCat\n")
    folder = pictures(tmp_path / "pictures", folders)
    typed = ["--teacher", f"plain-tiny={tmp_path / 'a.pt'}", "--images", folder]
    return asking.asked(options(*typed, "--student", f"plain-tiny={tmp_path / 'b.pt'}", *further))


@pytest.mark.filterwarnings("ignore")  # that this way of exporting is deprecated
def test_the_entry_of_a_program_of_onnx_has_no_head(tmp_path):
    """Its module has a linear layer behind the pooling, and an entry of a program takes none."""
    pytest.importorskip("onnx2torch", reason="the optional extra onnx is not installed")
    file, folder = tmp_path / "net.onnx", pictures(tmp_path / "pictures", ["a", "b", "c"])
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network.append(nn.Linear(4, 3))
    torch.onnx.export(network.eval(), (torch.zeros(1, 3, 32, 32),), str(file), dynamo=False)
    typed = ["--teacher", file, "--images", folder, "--compress", "prune=0.5"]
    module = inspecting._program(Given("net", str(file)), 32)
    assert inspecting.propose(module, torch.rand(2, 3, 32, 32)).head is not None
    writing.check(writing.configuration(asking.asked(options(*typed))))


@pytest.mark.parametrize("layer", [nn.BatchNorm2d(3), nn.Dropout(0.5)])
def test_a_program_that_was_exported_in_training_mode_is_told_so(tmp_path, layer):
    """Another number of images, or the same ones again, would have said something else."""
    network = nn.Sequential(layer, Whole())
    programs = {mode: tmp_path / f"{mode}.pt2" for mode in (True, False)}
    for mode, file in programs.items():
        program = torch.export.export(network.train(mode), (torch.zeros(2, 3, 32, 32),))
        torch.export.save(program, file)
    with pytest.raises(ValueError, match=r"exported in training mode.*again behind model\.eval"):
        inspecting.outputs(Given("net", str(programs[True])), 32)
    assert inspecting.outputs(Given("net", str(programs[False])), 32) == 7


def test_models_of_different_classes_are_compared_on_those_that_they_share(tmp_path):
    three = str(tmp_path / "three.txt")
    asked = two_models(tmp_path, "--classes", f"plain-tiny-b={three}")
    assert asked.data["classes"] == "shared"
    # nobody named the teacher's classes: they are the folders, which are as many
    assert asked.teacher.entry()["classes"] == FIVE
    assert asked.students[0].entry()["classes"] == three


def test_a_file_of_names_is_of_each_model_that_has_as_many_outputs(tmp_path):
    files = [str(tmp_path / name) for name in ("five.txt", "three.txt")]
    typed = ("--classes", files[0], "--classes", f"plain-tiny-b={files[1]}")
    asked = two_models(tmp_path, *typed, folders=("bee",))
    assert [m.entry()["classes"] for m in (asked.teacher, *asked.students)] == files


@pytest.mark.parametrize(
    ("further", "folders", "words"),
    [
        ([], ["a"], r"plain-tiny-a has 5 outputs and plain-tiny-b has 3.*of plain-tiny-a and"),
        ([], ["a", "b", "c"], r"Say what the outputs of plain-tiny-a are called, by --classes"),
        (["plain-tiny-b=five.txt"], FIVE, r"plain-tiny-b has 3 outputs, and there are 5 names in"),
        (["plain-tiny-b=other.txt"], FIVE, r"share 0 classes.*ant, bee.*plain-tiny-b's are Ant"),
        (["five.txt", "three.txt"], FIVE, r"'three.txt': 'five.txt' is of all models already"),
    ],
)
def test_classes_that_nothing_matches_are_refused_with_the_lists(
    tmp_path, monkeypatch, further, folders, words
):
    monkeypatch.chdir(tmp_path)
    typed = [word for text in further for word in ("--classes", text)]
    with pytest.raises(ValueError, match=words):
        two_models(tmp_path, *typed, folders=folders)


@pytest.mark.parametrize("classes", [7, 100])
def test_on_a_data_set_by_name_a_network_has_the_classes_of_its_weights(
    tmp_path, monkeypatch, classes
):
    (tmp_path / "named_net.py").write_text(FACTORY)
    monkeypatch.syspath_prepend(str(tmp_path))
    for file, count in (("a.pt", classes), ("b.pt", classes), ("c.pt", 3)):
        state = build({"builder": "named_net:Net"}, count).state_dict()
        torch.save(state, tmp_path / file)
    given = ["--images", "cifar100", "--allow-code", "--teacher", f"named_net:Net={tmp_path}/a.pt"]
    asked = asking.asked(options(*given, "--student", f"named_net:Net={tmp_path}/b.pt"))
    assert asked.students[0].layers["layers"] == {"conv": "conv"}
    assert asked.data == {"name": "cifar100"}
    with pytest.raises(ValueError, match=rf"Net-a has {classes} outputs and Net-c has 3 outputs"):
        asking.asked(options(*given, "--student", f"named_net:Net={tmp_path}/c.pt"))


@pytest.mark.parametrize(
    ("teacher", "words"),
    [
        ("resnet18", r"'resnet18' names a network and no weights: give resnet18=FILE"),
        ("torchvision/vgg11", r"'torchvision/vgg11' names a network and no weights"),
        ("mine:net", r"'mine:net' names a network and no weights: give mine:net=FILE"),
        ("model.pt2", r"there is no file 'model\.pt2': a model is NETWORK=FILE, or a FILE"),
        ("resnet81=a.pt", r"unknown network 'resnet81'; did you mean 'resnet18'"),
        ("resnet-18=a.pt", r"did you mean 'resnet18' or '(?!resnet18)"),
        ("mobilnet_v3_small=a.pt", r"unknown network .*; did you mean 'mobilenet_v3_small'"),
    ],
)
def test_a_model_that_is_no_network_with_a_file_is_refused_with_what_it_lacks(
    tmp_path, teacher, words
):
    """No trust in code is asked for, and no preprocessing, where a name is mistyped."""
    folder = pictures(tmp_path / "pictures", FIVE)
    typed = ["--teacher", teacher, "--images", folder, "--compress", "prune=0.5"]
    with pytest.raises(ValueError, match=words):
        asking.asked(options(*typed))


def test_weights_in_the_place_of_a_program_are_refused_before_trust_is_asked_for(tmp_path):
    file = saved(tmp_path / "a.pt", 5)
    typed = ["--teacher", file, "--images", pictures(tmp_path / "pictures", FIVE)]
    with pytest.raises(ValueError, match=r"a\.pt is no program .* NETWORK=.*a\.pt"):
        asking.asked(options(*typed, "--compress", "prune=0.5"))


def test_a_second_checkpoint_that_is_the_teachers_file_is_no_ceiling(tmp_path):
    one, folder = saved(tmp_path / "a.pt", 5), pictures(tmp_path / "pictures", FIVE)
    other, copied = saved(tmp_path / "b.pt", 5), tmp_path / "copied.pt"
    copied.write_bytes((tmp_path / "a.pt").read_bytes())
    typed = ["--teacher", f"plain-tiny={one}", "--images", folder, "--compress", "prune=0.5"]
    for same in (one, copied):
        with pytest.raises(ValueError, match=r"--second-checkpoint .* holds what .*a\.pt does"):
            asking.asked(options(*typed, "--second-checkpoint", same))
    torch.save(build(plain_tiny(), 5, seed=1).state_dict(), other)
    assert asking.asked(options(*typed, "--second-checkpoint", other)).second == other


def test_methods_may_have_spaces_between_them(tmp_path):
    file, folder = saved(tmp_path / "a.pt", 5), pictures(tmp_path / "pictures", FIVE)
    typed = ["--teacher", f"plain-tiny={file}", "--images", folder, "--compress", "prune=0.5"]
    asked = asking.asked(options(*typed, "--methods", "gradcam, saliency,"))
    assert asked.methods == ("gradcam", "saliency")


def test_images_that_are_nowhere_are_refused_with_the_data_sets_that_there_are(tmp_path):
    file = saved(tmp_path / "a.pt", 5)
    for labels in ("folders", "none"):
        typed = ["--teacher", f"plain-tiny={file}", "--images", tmp_path / "fashion-mnist"]
        with pytest.raises(ValueError, match=r"no such folder, .* data sets are .*fashion-mnist-s"):
            asking.asked(options(*typed, "--labels", labels, "--compress", "prune=0.5"))
