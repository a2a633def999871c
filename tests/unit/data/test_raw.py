from dataclasses import replace

import numpy as np
import pytest

from distilscope.data.raw import BadData, RawSplits, in_order

from .data_sources import made_up


def changed(raw: RawSplits, part: str, **fields) -> RawSplits:
    return replace(raw, **{part: replace(getattr(raw, part), **fields)})


def test_test_indices_go_on_after_the_train_images():
    raw = made_up((2, 2), (1, 1))
    assert raw.train.indices.tolist() == [0, 1, 2, 3]
    assert raw.test.indices.tolist() == [4, 5]


def test_classes_without_names_are_numbered():
    images, labels = np.zeros((3, 2, 2), np.uint8), np.array([0, 1, 2])
    assert in_order((images, labels), (images, labels), None, "x").classes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"images": np.zeros((15, 6, 6), np.float32)}, "train: images are float32, expected uint8"),
        (
            {"images": np.zeros((15, 3, 6, 6), np.uint8)},
            r"shape \(15, 3, 6, 6\), .*channels come last",
        ),
        ({"images": np.zeros((15, 0, 6), np.uint8)}, r"shape \(15, 0, 6\)"),
        ({"images": np.zeros((14, 6, 6), np.uint8)}, r"labels have shape \(15,\) for 14 images"),
        ({"images": np.zeros((15, 7, 7), np.uint8)}, "must be alike"),
        ({"labels": np.zeros(15)}, "labels are float64, expected integers"),
        ({"labels": np.array([0, 1, 2, 3] + [0] * 11)}, "label 3 of image 3 is outside 0 to 2"),
        ({"labels": np.array([0, -1, 2] + [0] * 12)}, "label -1 of image 1"),
        ({"labels": np.array([0, 2] + [0] * 13)}, "class 'dog' has no image"),
        ({"indices": np.zeros(15, np.int64)}, "an index names two images"),
        ({"indices": np.arange(15) + 1}, "an index names two images"),
        ({"indices": np.arange(15) - 1}, "negative"),
    ],
)
def test_parts_that_do_not_fit_are_refused_with_the_reason(fields, message):
    with pytest.raises(BadData, match=f"made-up.*{message}"):
        changed(made_up(), "train", **fields)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("cat", "dog"), r"label 2 of image 1 is outside 0 to 1 \(2 classes\)"),
        (("cat", "dog", "eel", "fox"), "class 'fox' has no image"),
        (("cat", "dog", "cat"), "'cat' occurs twice"),
        (
            ("\N{LATIN SMALL LETTER E WITH ACUTE}", "dog", "e\N{COMBINING ACUTE ACCENT}"),
            "occurs twice",
        ),
        (("cat",), "at least 2"),
    ],
)
def test_names_that_do_not_fit_the_labels_are_refused(classes, message):
    with pytest.raises(BadData, match=message):
        replace(made_up(), classes=classes)


def test_a_class_without_test_image_is_refused():
    with pytest.raises(BadData, match="test: class 'cat' has no image"):
        made_up((2, 2), (0, 2))


def test_classes_come_in_the_order_that_is_asked_for():
    raw = made_up()
    other = raw.ordered(["eel", "cat", "dog"])
    assert other.classes == ("eel", "cat", "dog")
    for one, two in ((raw.train, other.train), (raw.test, other.test)):
        named = [raw.classes[label] for label in one.labels]
        assert [other.classes[label] for label in two.labels] == named
    assert raw.ordered(None) is raw


@pytest.mark.parametrize("classes", [["cat", "dog"], ["cat", "dog", "emu"], ["0", "1", "2"]])
def test_an_order_of_other_classes_is_refused_with_the_names(classes):
    with pytest.raises(BadData, match="expected these names in any order: cat, dog, eel"):
        made_up().ordered(classes)


def test_an_order_may_be_written_in_another_unicode_form():
    raw = replace(made_up(), classes=("e\u0301t\u00e9", "dog", "eel"))
    assert raw.ordered(["dog", "eel", "\u00e9te\u0301"]).classes[2] == raw.classes[0]
