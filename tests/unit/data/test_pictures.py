"""Pictures without a training part: what is read, what is left, and frames to the bit."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from distilscope.data import dataset, pictures
from distilscope.data.frames import frame
from distilscope.data.preprocessing import Preprocessing
from distilscope.data.probes import read_test_images
from distilscope.data.raw import BadData
from distilscope.models import compressed
from distilscope.observing.backward import chosen_positions
from distilscope.observing.probe import Probe
from distilscope.planning.job import Job

SETTINGS = {
    "image_size": 16,
    "resize": None,
    "interpolation": "bilinear",
    "labels": "folders",
    "classes": None,
    "limit": None,
}


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def folder(place: Path, names: list[str], begin: int = 0) -> Path:
    """Pictures of different sizes and formats; `names` are their relative paths, and each number
    from `begin` on is another picture."""
    for number, name in enumerate(names, begin):
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(20 + number, 18 + 2 * number, number).save(file)
    return place


def prepared(source: Path, target: Path, held_out: Path | None = None, **changes):
    information = {"source": str(source), **({"held_out": str(held_out)} if held_out else {})}
    pictures.prepare(
        Job("dataset", "pictures", "0" * 12, {**SETTINGS, **changes}, {}, target, information)
    )
    return dataset.load(target), json.loads((target / "manifest.json").read_text())


NAMES = ["cat/a.webp", "cat/b.png", "dog/deep/c.jpg", "dog/d.bmp", "emu/e.gif"]


def test_pictures_of_any_size_and_format_become_frames_in_the_order_of_their_paths(tmp_path):
    source = folder(tmp_path / "in", NAMES)
    (source / "cat/notes.txt").write_text("not a picture")
    found, manifest = prepared(source, tmp_path / "out")
    test = found.split("test")
    assert found.classes == ("cat", "dog", "emu")
    # by path: cat/a, cat/b, dog/d, dog/deep/c, emu/e
    assert test.labels.tolist() == [0, 0, 1, 1, 2]
    assert test.indices.tolist() == [0, 1, 2, 3, 4]
    assert tuple(test.images.shape) == (5, 3, 16, 16)
    again = frame(Image.open(source / "cat/b.png").convert("RGB"), 16)
    assert np.array_equal(test.images[1].numpy(), again)
    assert not len(found.split("train")) and not len(found.split("held-out"))
    assert any(note.startswith("1 file is passed over in") for note in manifest["notes"])
    assert any("fewer than 50" in note for note in manifest["notes"])


def test_memory_is_of_one_picture_and_not_of_all(tmp_path):
    source, count, side = tmp_path / "in", 120, 96
    for number in range(count):
        file = source / "ab"[number % 2] / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(side, side, number).save(file)
    tracemalloc.start()
    found, _ = prepared(source, tmp_path / "out", image_size=side)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.split("test")) == count
    assert peak < count * 3 * side**2 / 2


def test_a_limit_takes_as_many_of_each_class_and_opens_no_other_picture(tmp_path):
    source = folder(tmp_path / "in", NAMES)
    (source / "cat/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    found, _ = prepared(source, tmp_path / "out", limit=3)
    assert sorted(found.split("test").labels.tolist()) == [0, 1, 2]


def test_broken_pictures_are_left_out_by_name_and_indices_stay(tmp_path):
    source = folder(tmp_path / "in", NAMES)
    (source / "cat/b.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    found, manifest = prepared(source, tmp_path / "out")
    assert found.split("test").indices.tolist() == [0, 2, 3, 4]
    assert any("1 of 5" in note and "b.png" in note for note in manifest["notes"])


def test_a_folder_of_which_nothing_can_be_decoded_is_refused_with_the_first_fault(tmp_path):
    for name in ("a/x.png", "b/y.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"text")
    with pytest.raises(BadData, match=r"none of 2 pictures can be decoded; .*x\.png"):
        prepared(tmp_path, tmp_path / "out")


def test_classes_of_the_models_order_the_folders_and_name_those_without_pictures(tmp_path):
    source = folder(tmp_path / "in", NAMES)
    found, manifest = prepared(source, tmp_path / "out", classes=["emu", "cow", "dog", "cat"])
    assert found.split("test").labels.tolist() == [3, 3, 2, 2, 0]
    assert any("1 of 4 classes have no picture" in note for note in manifest["notes"])
    with pytest.raises(BadData, match=r"the folder 'emu' .*none of `data.classes`"):
        prepared(source, tmp_path / "other", classes=["cat", "dog"])


def test_folders_and_names_that_can_not_be_brought_together_are_refused(tmp_path):
    source = folder(tmp_path / "in", NAMES)
    with pytest.raises(BadData, match=r"two of `data.classes` are called 'dog', as a folder is"):
        prepared(source, tmp_path / "out", classes=["cat", "dog", "emu", "dog"])
    found, _ = prepared(source, tmp_path / "out", classes=["cat", "crane", "dog", "emu", "crane"])
    assert found.split("test").labels.tolist() == [0, 0, 2, 2, 3]  # no folder is called so
    with pytest.raises(BadData, match=r"folders .* are cat, dog, emu, and the classes are CAT, DO"):
        pictures.chosen(source, ["CAT", "DOG", "EMU"], "folders", None, [])


def test_pictures_of_classes_that_not_all_models_know_are_left_and_that_is_said(tmp_path):
    source = folder(tmp_path / "in", NAMES)
    found, manifest = prepared(source, tmp_path / "out", classes=["emu", "cat"], left=["dog"])
    assert found.classes == ("emu", "cat")
    assert found.split("test").labels.tolist() == [1, 1, 0]
    assert found.split("test").indices.tolist() == [0, 1, 4]  # places among all pictures
    notes = " ".join(manifest["notes"])
    assert "the 2 of 3 classes that all of them know" in notes and "the others are dog" in notes
    assert "2 pictures are left in" in notes
    with pytest.raises(BadData, match=r"the folder 'dog' .*none of `data.classes`"):
        prepared(source, tmp_path / "other", classes=["emu", "cat"], left=["cow"])


def test_pictures_without_labels_and_held_out_ones(tmp_path):
    source = folder(tmp_path / "in", ["x.png", "sub/y.jpg"])
    found, manifest = prepared(source, tmp_path / "out", labels="none", classes=["p", "q"])
    assert found.split("test").labels.tolist() == [-1, -1]
    assert any("no labels" in note for note in manifest["notes"])
    with pytest.raises(BadData, match="1 folder"):
        prepared(source, tmp_path / "one")
    labelled = folder(tmp_path / "labelled", NAMES)
    other = folder(tmp_path / "held", ["cat/h.png", "emu/i.png"], 10)
    found, _ = prepared(labelled, tmp_path / "two", other)
    held_out = found.split("held-out")
    assert held_out.labels.tolist() == [0, 2] and held_out.indices.tolist() == [5, 6]
    assert not len(found.split("train"))


def test_pictures_without_labels_have_held_out_ones_too_and_ranges_are_taken_from_them(tmp_path):
    source = folder(tmp_path / "in", ["x.png", "y.png"])
    other = folder(tmp_path / "held", ["h.png", "i.png", "broken/j.png"], 10)
    found, _ = prepared(source, tmp_path / "out", other, labels="none", classes=["p", "q"])
    split = found.split("held-out")
    assert split.labels.tolist() == [-1] * 3 and split.indices.tolist() == [2, 3, 4]
    own = {"mean": [0.5] * 3, "std": [0.5] * 3, "size": 16, "resize": 16}
    calibrating = compressed._held_out(found, {"preprocessing": own}, "m")
    assert calibrating.shape == (3, 3, 16, 16) and calibrating.min() >= -1
    with pytest.raises(compressed.CompressionError, match=r"m: ranges .* and the data have none"):
        bare, _ = prepared(source, tmp_path / "bare", labels="none", classes=["p", "q"])
        compressed._held_out(bare, {"preprocessing": own}, "m")


def test_nothing_is_fitted_on_the_pictures_that_models_are_compared_on(tmp_path):
    """By what they show: of another name, folder and format, too."""
    source = folder(tmp_path / "in", NAMES)
    mixed = folder(tmp_path / "mixed", ["cat/new.png"], 10)
    Image.open(source / "dog/d.bmp").save(mixed / "cat/copied.png")
    found, manifest = prepared(source, tmp_path / "out", mixed)
    shown = frame(Image.open(mixed / "cat/new.png"), 16, None, "bilinear")
    assert np.array_equal(found.split("held-out").images, shown[None])
    assert found.split("held-out").indices.tolist() == [6]
    assert manifest["counts"] == {"train": 0, "held-out": 1, "test": 5}
    said = "1 of 2 held-out pictures (copied.png) are among those compared, and left out"
    assert any(said in note for note in manifest["notes"])
    with pytest.raises(BadData, match=r"in: none of 5 pictures is left beside .*data.held_out"):
        prepared(source, tmp_path / "same", source)


def test_frames_are_digested_only_where_others_are_held_against_them(tmp_path, monkeypatch):
    seen, digest = [], pictures._digest
    monkeypatch.setattr(pictures, "_digest", lambda frame: seen.append(frame) or digest(frame))
    source = folder(tmp_path / "in", NAMES)
    prepared(source, tmp_path / "alone")
    assert seen == []
    prepared(source, tmp_path / "out", folder(tmp_path / "other", ["cat/new.png"], 10))
    assert len(seen) == 5 + 1


def test_a_part_of_pictures_without_labels_can_be_chosen(tmp_path):
    source = folder(tmp_path / "in", [f"{number}.png" for number in range(9)])
    found, _ = prepared(source, tmp_path / "out", labels="none", classes=["p", "q"])
    parts = [read_test_images(tmp_path / "out", {"images": n, "seed": 0}) for n in (3, 5)]
    few, more = ({*part.indices.tolist()} for part in parts)
    assert len(few) == 3 and few < more and few != {0, 1, 2}
    test = found.split("test")
    probe = Probe("test", test.indices.numpy(), test.labels.numpy(), None, "images", None, None)
    request = SimpleNamespace(subset_images=3, subset_seed=0)
    assert {*chosen_positions("saliency", probe, request).tolist()} == few


@pytest.mark.parametrize("size", [(61, 47), (47, 61), (48, 48), (300, 41)])
def test_a_model_sees_what_torchvision_would_show_it_to_the_bit(size):
    image = picture(*size)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    theirs = v2.Compose(
        [
            v2.Resize(40, antialias=True),
            v2.CenterCrop(32),
            v2.PILToTensor(),
        ]
    )(image)
    own = {"mean": mean, "std": std, "size": 32, "resize": 40}
    seen = Preprocessing.of(own, 32, "cpu")(torch.from_numpy(frame(image, 32, 40))[None])
    back = seen * torch.tensor(std).view(3, 1, 1) + torch.tensor(mean).view(3, 1, 1)
    assert torch.equal((back[0] * 255).round().to(torch.uint8), theirs)


def test_another_size_and_order_of_channels_are_the_models_own():
    pixels = torch.zeros(1, 3, 40, 40, dtype=torch.uint8)
    pixels[:, 0] = 255
    own = {"mean": [0.0] * 3, "std": [1.0] * 3, "size": 20, "resize": 25, "channels": "bgr"}
    seen = Preprocessing.of(own, 40, "cpu")(pixels)
    assert tuple(seen.shape) == (1, 3, 20, 20)
    assert torch.allclose(seen[0, 2], torch.ones(20, 20)) and not seen[0, :2].any()
