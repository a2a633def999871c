"""What is planned after an edit of the user's own pictures and modules."""

from __future__ import annotations

from .clone import Clone
from .editing import ALL, CHECK, FLOOR, TEACHER, TINY, aggregation, edit, put, trained


def test_a_replaced_image_of_the_users_folder_is_noticed(tmp_path):
    from PIL import Image

    clone = Clone(tmp_path)
    for split in ("train", "test"):
        for name in ("cats", "dogs"):
            place = tmp_path / "mine" / split / name
            place.mkdir(parents=True)
            for number in range(3):
                Image.new("L", (8, 8), number).save(place / f"{number}.png")
    edit(clone, put("data", {"name": "image-folder", "path": "mine", "image_size": 8}))
    clone.make_outputs()
    assert clone.plan() == []
    (tmp_path / "mine/train/cats/1.png").touch()
    assert clone.plan() == []
    Image.new("L", (8, 8), 99).save(tmp_path / "mine/train/cats/0.png")
    whole = ["dataset image-folder", *CHECK, f"targets {TEACHER}", *trained(ALL), *aggregation()]
    assert clone.plan() == sorted(whole)


def test_a_module_that_the_users_factory_imports_is_noticed(tmp_path, monkeypatch):
    clone = Clone(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_net.py").write_text("from parts_of_net import act\n\ndef make(): return act\n")
    (tmp_path / "parts_of_net.py").write_text("act = 1\n")
    own = {
        "architecture": "my_net:make",
        "layers": {"late": "late"},
        "explained": ["late"],
        "recipe": "student",
    }
    edit(clone, put("students", "tiny", own))
    edit(clone, put("allow_code", True))
    clone.make_outputs()
    assert clone.foreseen() == []
    (tmp_path / "parts_of_net.py").write_text("act = 2\n")
    expected = [name for name in clone.foreseen() if name.startswith("model ")]
    assert expected == sorted(f"model {m}" for m in [*TINY, "tiny-ce-s1", FLOOR])


def test_two_sets_of_pictures_behind_one_link_are_two(tmp_path):
    """A class is a link to a folder: the reader follows it, and the identity too."""
    from PIL import Image

    clone = Clone(tmp_path)
    for place in ("mine/train/dogs", "mine/test/dogs", "mine/test/cats", "here", "there"):
        (tmp_path / place).mkdir(parents=True)
        for number in range(3):
            grey = number + 99 * (place == "there")
            Image.new("L", (8, 8), grey).save(tmp_path / place / f"{number}.png")
    link = tmp_path / "mine/train/cats"
    link.symlink_to(tmp_path / "here")
    edit(clone, put("data", {"name": "image-folder", "path": "mine", "image_size": 8}))
    clone.make_outputs()
    assert clone.foreseen() == []
    link.unlink()
    link.symlink_to(tmp_path / "there")
    assert "dataset image-folder" in clone.foreseen()
