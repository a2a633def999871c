"""What `compare` refuses, and what it says of odd networks and images."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import distilscope as ds
from distilscope.face.images import Source
from distilscope.face.network import Logits, Side
from distilscope.observing.forward import Batch

IMAGES = torch.randn(12, 3, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(12) % 3
QUIET = pytest.mark.filterwarnings("ignore:there are 12 images")


def network(classes: int = 3, width: int = 4, seed: int = 0, last: nn.Module | None = None):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        parts = OrderedDict(
            conv=nn.Conv2d(3, width, 3, padding=1),
            relu=nn.ReLU(),
            pool=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(),
            head=nn.Linear(width, classes),
        )
        if last is not None:
            parts["last"] = last
        return nn.Sequential(parts).eval()


class Wrapped(nn.Module):
    """Puts its logits into a mapping or a tuple."""

    def __init__(self, kind: type) -> None:
        super().__init__()
        self.inner, self.kind = network(), kind
        self.eval()

    def forward(self, inputs: torch.Tensor):
        logits = self.inner(inputs)
        return {"features": inputs, "logits": logits} if self.kind is dict else (inputs, logits)


def compared(teacher=None, student=None, images=IMAGES, labels=LABELS, **more):
    more.setdefault("layers", ["relu"])
    return ds.compare(teacher or network(), student or network(seed=1), images, labels, **more)


REFUSED = {
    "no images": ({"images": IMAGES[:0], "labels": None}, "there are no images"),
    "labels that do not fit": ({"labels": LABELS[:5]}, "12 images and 5 labels"),
    "labels beyond the classes": ({"labels": LABELS + 1}, "labels are 0 to 2"),
    "labels that are no integers": ({"labels": np.zeros(12)}, "expected one integer an image"),
    "images of integers": ({"images": (IMAGES * 9).to(torch.uint8)}, "prepare="),
    "weights in half precision": (
        {"student": network().half()},
        r"student has weights of torch.float16 \(conv.weight\).*deepcopy\(student\).float\(\)",
    ),
    "one image without the others' axis": (
        {"images": IMAGES[0], "labels": LABELS[:1]},
        r"images are 3x8x8; expected .*images\[None\]",
    ),
    "images in a list": ({"images": list(IMAGES)}, r"images are 3x8x8; .* by torch\.stack"),
    "settings of no analysis": ({"settings": {"aligment": {}}}, "did you mean 'alignment'"),
    "settings that an analysis has not": (
        {"settings": {"alignment": {"minimum_clas": 5}}},
        r"^settings of alignment: .*unknown key 'minimum_clas'; did you mean 'minimum_class'\?$",
    ),
    "no batch": ({"batch": 0}, "batch is 0; expected 1 or more"),
    "no replicates": ({"replicates": 0}, "replicates is 0; expected 1 or more"),
    "a level in percent": ({"level": 95}, "level is 95; expected a number between 0 and 1"),
    "a small Gram": ({"gram_batch": 2}, "gram_batch is 2; expected 4 or more"),
    "images that are not finite": ({"images": IMAGES / 0}, "not finite"),
    "no layers where none can be proposed": (
        {
            "layers": {"student": ["relu"]},
            "teacher": nn.Sequential(nn.Flatten(), nn.Linear(192, 3)),
        },
        "puts out a map: name `layers`",
    ),
    "a layer that there is not": (
        {"layers": ["rely"]},
        "Sequential has no module 'rely'; did you mean 'relu'",
    ),
    "networks of other classes": ({"student": network(4)}, "3 classes and the student 4"),
    "a mapping for somebody else": ({"layers": {"pupil": ["relu"]}}, "neither 'teacher' nor"),
    "an input method": ({"methods": ["saliency"]}, "those at layers: 'gradcam'"),
    "unequal numbers of maps": (
        {"layers": ["conv", "relu"], "explained": {"teacher": ["relu", "conv"]}},
        "2 layers with maps and the student 1",
    ),
    "a mapping without a key": (
        {"teacher": Wrapped(dict), "layers": {"teacher": ["inner.relu"], "student": ["relu"]}},
        "'features', 'logits': say which",
    ),
    "a key that there is not": (
        {
            "teacher": Wrapped(dict),
            "layers": {"teacher": ["inner.relu"], "student": ["relu"]},
            "output": {"teacher": "scores"},
        },
        "no entry 'scores'; it has 'features', 'logits'",
    ),
    "maps instead of logits": ({"student": network()[:2]}, r"\(2, 4, 8, 8\); expected logits"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_with_what_would_be_accepted(case):
    changes, said = REFUSED[case]
    with pytest.raises(ValueError, match=said):
        compared(**changes)


def test_what_is_no_network_or_no_image_is_a_wrong_type():
    with pytest.raises(TypeError, match=r"student is a str; expected an nn\.Module"):
        compared(student="weights.pt")
    with pytest.raises(TypeError, match="images is a int"):
        compared(images=3)
    with pytest.raises(TypeError, match="yields a dict with 'x'; expected a tensor of images"):
        compared(images=[{"x": IMAGES}])


def test_logits_that_are_not_finite_name_the_network_and_the_image():
    broken = network()
    broken.head.bias.data[0] = float("nan")
    with pytest.raises(ValueError, match="the student: 12 images have logits that are not finite"):
        compared(student=broken)


@QUIET
@pytest.mark.parametrize(("kind", "entry"), [(dict, "logits"), (tuple, 1)])
def test_logits_are_taken_out_of_an_output_by_their_entry(kind, entry):
    layers = {"teacher": ["inner.relu"], "student": ["relu"]}
    found = compared(Wrapped(kind), layers=layers, output={"teacher": entry})
    np.testing.assert_array_equal(found.logits["teacher"], compared().logits["teacher"])


@QUIET
def test_a_wrapper_around_a_network_in_evaluation_mode_is_not_said_to_train():
    found = compared(nn.DataParallel(network()), layers={"teacher": None, "student": ["relu"]})
    assert not any("training mode" in note for note in found.notes)


@pytest.mark.parametrize(("kind", "entry"), [(dict, "'logits'"), (tuple, "1")])
def test_the_entry_that_may_be_logits_is_the_example(kind, entry):
    with pytest.raises(ValueError, match=rf"such as output=\{{'student': {entry}\}}"):
        compared(student=Wrapped(kind), layers={"teacher": ["relu"], "student": ["inner.relu"]})


@pytest.mark.filterwarnings("ignore")  # that TorchScript is deprecated
def test_a_program_whose_layers_can_not_be_watched_is_refused_with_the_audit():
    program = torch.jit.trace(network(), IMAGES[:2])
    with pytest.raises(ValueError, match=r"student is TorchScript.*audit --student FILE`"):
        compared(student=program)


@QUIET
def test_a_method_may_be_named_alone():
    found = compared(methods="gradcam")
    assert found.maps.method == "gradcam"


@QUIET
def test_training_mode_is_left_said_and_restored():
    dropping = network(last=nn.Dropout(0.9)).train()
    dropping.relu.eval()  # somebody froze a part: that is restored, too
    with pytest.warns(UserWarning, match="teacher was in training mode: it was run in evaluation"):
        found = compared(dropping)
    np.testing.assert_array_equal(found.logits["teacher"], compared().logits["teacher"])
    assert dropping.training and dropping.last.training and not dropping.relu.training
    assert all(parameter.requires_grad for parameter in dropping.parameters())


@QUIET
def test_probabilities_in_place_of_logits_are_said():
    with pytest.warns(UserWarning, match="outputs of the student are probabilities"):
        found = compared(student=network(last=nn.Softmax(dim=1)))
    assert any("without its softmax" in note for note in found.notes)


class InHalf(nn.Module):
    """A softmax that computes in half precision, as a network on a GPU may."""

    def forward(self, logits):
        return logits.bfloat16().softmax(dim=1)


@QUIET
def test_images_in_half_precision_or_float64_are_brought_to_that_of_the_networks():
    rounded = compared(images=IMAGES.bfloat16()).logits["teacher"]
    np.testing.assert_array_equal(
        rounded, compared(images=IMAGES.bfloat16().double()).logits["teacher"]
    )


@QUIET
def test_probabilities_in_half_precision_are_said_too():
    with pytest.warns(UserWarning, match="outputs of the teacher are probabilities"):
        compared(network(last=InHalf()))


@QUIET
def test_layers_that_nobody_names_are_proposed_and_said():
    found, named = compared(layers={"teacher": ["relu"]}), compared()
    assert found.notes[-1] == "layers of the student, as proposed: relu"
    columns = ["measure", "value", "low", "high"]
    pd.testing.assert_frame_equal(found.measures[columns], named.measures[columns])


def test_few_images_are_said():
    with pytest.warns(UserWarning, match="there are 12 images: intervals are wide under 50"):
        compared()


@QUIET
def test_one_class_leaves_reasons_and_no_error():
    found = compared(labels=torch.zeros(12, dtype=torch.long))
    assert np.isfinite(found.value("agreement"))


class Small(nn.Module):
    """Memory for so many images at once."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.inner, self.room = network(), room
        self.eval()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if len(inputs) > self.room:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried too much")
        return self.inner(inputs)


@QUIET
def test_a_batch_that_does_not_fit_is_halved_and_that_is_said():
    layers = {"teacher": ["inner.relu"], "student": ["relu"]}
    with pytest.warns(UserWarning, match="the teacher took 3 images at once"):
        found = compared(Small(4), layers=layers, batch=12)
    plain = compared()
    np.testing.assert_allclose(found.logits["teacher"], plain.logits["teacher"], atol=1e-6)
    np.testing.assert_allclose(found.maps.teacher, plain.maps.teacher, atol=1e-6)


def test_an_image_that_does_not_fit_alone_ends_it():
    class Pass:
        def take(self, inputs: torch.Tensor, batch: Batch) -> np.ndarray:
            raise torch.OutOfMemoryError("CUDA out of memory")

    side = Side("student", Logits(network(), None, "student"), lambda x: x, ("relu",), ("relu",))
    nothing = np.zeros(2, np.int64)
    with pytest.raises(MemoryError, match="one image alone does not fit in memory in the student"):
        side.take(Pass(), IMAGES[:2], Batch(nothing, nothing, nothing[:, None]))


def test_an_error_that_is_not_of_memory_is_not_hidden():
    class Broken(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    broken = Broken()
    broken.relu = nn.ReLU()
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        compared(student=broken)


@QUIET
def test_a_loader_gives_the_numbers_of_its_tensor():
    whole = torch.utils.data.TensorDataset(IMAGES, LABELS)
    loaded = compared(images=torch.utils.data.DataLoader(whole, batch_size=5), labels=None)
    plain = compared()
    assert loaded.labelled
    columns = ["value", "low", "high"]
    np.testing.assert_allclose(loaded.measures[columns], plain.measures[columns], atol=1e-5)


def test_a_loader_is_read_once_and_batch_by_batch():
    asked = []

    def batches():
        for start in range(0, 12, 4):
            asked.append(start)
            yield IMAGES[start : start + 4], LABELS[start : start + 4]

    source = Source.of(batches(), None, batch=64)
    assert asked == [0]
    assert [len(taken.images) for taken in source] == [4, 4, 4] and asked == [0, 4, 8]


@QUIET
def test_a_model_may_take_its_own_inputs():
    half = {"student": lambda images: images[:, :, ::2, ::2], "teacher": lambda images: images}
    found = compared(prepare=half)
    assert found.maps.student.shape == found.maps.teacher.shape == (12, 4, 4)


@QUIET
def test_the_picture_has_a_column_an_image_and_a_row_a_map():
    figure = compared().plot(images=4)
    assert len(figure.axes) == 3 * 4
    assert {axes.get_ylabel() for axes in figure.axes} == {"image", "teacher", "student", ""}


@QUIET
def test_a_notebook_shows_the_picture():
    from IPython.core.formatters import DisplayFormatter

    shown, _ = DisplayFormatter().format(compared().plot(images=2))
    assert shown["image/png"].startswith(b"\x89PNG")


@QUIET
def test_the_summary_says_values_intervals_and_why_not():
    text = compared().summary()
    assert "Agreement" in text and "shuffled" in text and "Undefined" in text
    assert "there are 12 images" in text
