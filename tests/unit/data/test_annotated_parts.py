"""A small folder in the form of CUB-200-2011, which the tests write themselves."""

import math
import pkgutil

import numpy as np
import pytest
from PIL import Image

from distilscope import catalog
from distilscope.data import annotated_parts, part_maps
from distilscope.data.annotated_parts import DISC, discs, read_annotated_parts
from distilscope.data.raw import BadData

PARTS = ("back", "left eye", "tail", "nape")
SIDES = {1: (40, 40), 2: (60, 30), 3: (40, 40), 4: (40, 40), 5: (20, 80), 6: (40, 40)}


@pytest.fixture
def folder(tmp_path):
    """Six pictures of two classes: 1, 2 and 4 are for training, the others for testing."""
    files = {n: f"00{1 + n % 2}.Bird/Bird_{n}.png" for n in SIDES}
    generator = np.random.default_rng(0)
    for n, (width, height) in SIDES.items():
        file = tmp_path / "images" / files[n]
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
    (tmp_path / "parts").mkdir()
    write(tmp_path, "images.txt", [f"{n} {name}" for n, name in files.items()])
    write(tmp_path, "image_class_labels.txt", [f"{n} {1 + n % 2}" for n in SIDES])
    write(tmp_path, "classes.txt", ["1 001.Gull", "2 002.Tern", "3 003.Unseen"])
    write(tmp_path, "train_test_split.txt", [f"{n} {int(n in (1, 2, 4))}" for n in SIDES])
    boxes = [f"{n} 2.0 2.0 {w - 4}.0 {h - 4}.0" for n, (w, h) in SIDES.items()]
    write(tmp_path, "bounding_boxes.txt", boxes)
    write(tmp_path, "parts/parts.txt", [f"{p} {name}" for p, name in enumerate(PARTS, start=1)])
    write(tmp_path, "parts/part_locs.txt", [line for n in SIDES for line in points(n)])
    return tmp_path


def points(n, hidden=()):
    """Four points spread over a picture; the fourth is never visible."""
    width, height = SIDES[n]
    at = [(0.2, 0.2), (0.5, 0.5), (0.8, 0.3), (0.0, 0.0)]
    return [
        f"{n} {p} {x * width:.1f} {y * height:.1f} {int(p < 4 and p not in hidden)}"
        for p, (x, y) in enumerate(at, start=1)
    ]


def write(folder, name, lines):
    (folder / name).write_text("\n".join(lines) + "\n")


def rewrite(folder, name, change):
    write(folder, name, change((folder / name).read_text().splitlines()))


# -------------------------------------------------------------------------------------- reading


def test_padding_moves_pictures_and_points_alike_and_stretches_neither(folder):
    raw = read_annotated_parts(folder, 80, "pad")
    wide = Image.open(folder / "images/001.Bird/Bird_2.png")
    assert np.array_equal(raw.train.images[1][25:55, 10:70], np.asarray(wide))
    assert raw.train.images[1][:25].max() == 0
    left_eye = np.argwhere(raw.train_parts[1] == 2)
    assert left_eye.mean(axis=0) == pytest.approx([39.5, 39.5], abs=0.5)
    down, across = np.ptp(left_eye, axis=0)
    assert down == across


def test_a_picture_too_large_to_be_padded_is_named(folder):
    with pytest.raises(BadData, match=r"Bird_5\.png: images of 80x20 pixels don't fit"):
        read_annotated_parts(folder, 64, "pad")


def test_the_catalogue_names_the_reader():
    entry = catalog.DATASETS["annotated-parts"]
    assert pkgutil.resolve_name(entry.reader) is read_annotated_parts


def test_images_classes_and_indices_follow_the_text_files(folder):
    raw = read_annotated_parts(folder, 40)
    assert raw.classes == ("001.Gull", "002.Tern")
    assert raw.parts == PARTS
    assert raw.train.labels.tolist() == [1, 0, 0]
    assert raw.test.labels.tolist() == [1, 1, 0]
    assert raw.train.indices.tolist() == [0, 1, 2]
    assert raw.test.indices.tolist() == [3, 4, 5]
    stored = np.asarray(Image.open(folder / "images/002.Bird/Bird_1.png"))
    assert np.array_equal(raw.train.images[0], stored)
    assert not raw.findings.sentences()


def test_part_maps_are_discs_about_the_visible_points(folder):
    raw = read_annotated_parts(folder, 40)
    expected = brute_force([(8, 8), (20, 20), (32, 12)], DISC * 36)
    assert np.array_equal(raw.train_parts[0], expected)
    assert not (raw.train_parts == 4).any()


def test_a_scaled_picture_s_points_and_box_are_scaled_with_it(folder):
    """Picture 2 is 60x30: x is scaled by 2/3 and y by 4/3; the box is 56x26."""
    raw = read_annotated_parts(folder, 40)
    radius = DISC * math.sqrt(56 * 40 / 60 * 26 * 40 / 30)
    expected = brute_force([(8, 8), (20, 20), (32, 12)], radius)
    assert np.array_equal(raw.train_parts[1], expected)


def brute_force(points, radius, size=40):
    found = np.zeros((size, size), np.uint8)
    for r in range(size):
        for c in range(size):
            distances = [math.hypot(c + 0.5 - x, r + 0.5 - y) for x, y in points]
            if min(distances) <= radius:
                found[r, c] = distances.index(min(distances)) + 1
    return found


def test_overlapping_discs_are_split_by_the_nearest_point_and_clipped():
    points = np.array([[[6.0, 6.0], [9.0, 8.0], [0.5, 19.0], [15.0, 4.0]]])
    visible = np.ones((1, 4), bool)
    maps, findings = discs(points, visible, np.array([4.0]), 20, ["a"])
    assert np.array_equal(maps[0], brute_force(points[0], 4.0, 20))
    assert findings.faults[part_maps.OVERLAPPING] == ("a",)
    assert (maps[0][:, 0] == 3).sum() == 5  # 19 - 4 to the border, 3 and 4 pixels from it


def test_of_two_points_at_one_place_the_second_has_nothing_and_is_named():
    points = np.full((1, 2, 2), 5.0)
    maps, findings = discs(points, np.ones((1, 2), bool), np.array([2.0]), 10, ["a"])
    assert set(np.unique(maps)) == {0, 1}
    assert findings.faults[annotated_parts.COVERED] == ("part 2 of a",)


# -------------------------------------------------------------------------- what may be missing


def test_images_with_too_few_or_no_parts_are_kept_and_named(folder):
    lines = points(1, hidden=(1, 2, 3)) + points(2, hidden=(2,))
    lines += [line for n in (3, 4, 5, 6) for line in points(n)]
    write(folder, "parts/part_locs.txt", lines)
    raw = read_annotated_parts(folder, 40)
    assert not raw.train_parts[0].any()
    assert raw.findings.faults[part_maps.NO_PART] == ("002.Bird/Bird_1.png",)
    assert raw.findings.faults[part_maps.FEW_PARTS] == ("001.Bird/Bird_2.png",)
    assert raw.findings.sentences()[0] == "no part is visible: 1 (002.Bird/Bird_1.png)"


def test_a_missing_picture_is_left_out_named_and_keeps_its_index(folder):
    (folder / "images/001.Bird/Bird_2.png").unlink()
    raw = read_annotated_parts(folder, 40)
    assert raw.train.indices.tolist() == [0, 2]
    assert raw.test.indices.tolist() == [3, 4, 5]
    assert raw.findings.faults[annotated_parts.NO_PICTURE] == ("001.Bird/Bird_2.png",)


def test_annotations_of_images_that_are_not_listed_are_named_once(folder):
    rewrite(folder, "parts/part_locs.txt", lambda lines: [*lines, "77 1 3 3 1", "77 2 3 3 1"])
    rewrite(folder, "bounding_boxes.txt", lambda lines: [*lines, "78 0 0 9 9"])
    raw = read_annotated_parts(folder, 40)
    assert set(raw.findings.faults[annotated_parts.NOT_LISTED]) == {"image 77", "image 78"}
    assert raw.findings.counts()[annotated_parts.NOT_LISTED] == 2


@pytest.mark.parametrize("box", [None, "1 2 2 0 5"])
def test_without_a_box_an_image_has_no_parts_and_is_named(folder, box):
    rewrite(folder, "bounding_boxes.txt", lambda lines: ([box] if box else []) + lines[1:])
    raw = read_annotated_parts(folder, 40)
    assert not raw.train_parts[0].any()
    assert raw.train_parts[1].any()
    assert raw.findings.faults[annotated_parts.NO_BOX] == ("002.Bird/Bird_1.png",)


def test_a_point_outside_the_picture_is_named(folder):
    rewrite(folder, "parts/part_locs.txt", lambda lines: ["1 1 55 8 1", *lines[1:]])
    raw = read_annotated_parts(folder, 40)
    assert raw.findings.faults[annotated_parts.OUTSIDE] == ("part 1 of 002.Bird/Bird_1.png",)
    assert set(np.unique(raw.train_parts[0])) == {0, 2, 3}


def test_classes_without_names_are_called_by_their_ids(folder):
    (folder / "classes.txt").unlink()
    assert read_annotated_parts(folder, 40).classes == ("1", "2")


# ------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("images.txt", lambda lines: lines + lines[:1], "line 7: id 1 occurs twice"),
        ("images.txt", lambda lines: [], "it is empty"),
        ("images.txt", lambda lines: ["1"], "line 1: '1', expected an id and 1 value"),
        ("image_class_labels.txt", lambda lines: lines[1:], "no line for image 1"),
        ("train_test_split.txt", lambda lines: lines[:-1], "no line for image 6"),
        ("classes.txt", lambda lines: lines[:1], "no line for class 2"),
        ("bounding_boxes.txt", lambda lines: ["1 a b c d"], "'a b c d', expected numbers"),
        ("bounding_boxes.txt", lambda lines: ["1 0 0 inf 4"], "expected finite numbers"),
        ("parts/part_locs.txt", lambda lines: ["1 9 3 3 1"], "line 1: part 9 is not in parts.txt"),
        ("parts/part_locs.txt", lambda lines: ["1 1 3 3 2"], "visibility is '2', expected 0 or 1"),
        ("parts/part_locs.txt", lambda lines: ["1 1 3 3"], "expected an id and 4 value"),
        ("parts/parts.txt", lambda lines: [f"{n} p{n}" for n in range(300)], "300 parts"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(folder, name, change, message):
    rewrite(folder, name, change)
    with pytest.raises(BadData, match=message) as caught:
        read_annotated_parts(folder, 40)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("name", ["images.txt", "bounding_boxes.txt", "parts/part_locs.txt"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(BadData, match="there is no such file"):
        read_annotated_parts(folder, 40)


def test_a_picture_that_cannot_be_decoded_is_named(folder):
    (folder / "images/002.Bird/Bird_1.png").write_bytes(b"no picture")
    with pytest.raises(BadData, match=r"Bird_1\.png: it can't be decoded"):
        read_annotated_parts(folder, 40)
