import json
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from distilscope import catalog, store
from distilscope.data import composed, composed_objects
from distilscope.data.composed import Shortcut
from distilscope.data.composed_objects import ALWAYS, CLASSES, DISTRACTORS, MARK, NAMES, number_of
from distilscope.data.composed_reader import Recipe, read_composed, scenes_at
from distilscope.data.composed_variates import OfPart, Slot, of_part, uniform
from distilscope.data.dataset import load
from distilscope.data.part_maps import PartMaps
from distilscope.data.prepare import prepare
from distilscope.data.raw import BadData

from .data_sources import REPOSITORY, job


@pytest.fixture(scope="module")
def drawn():
    """300 scenes, 30 a class, a few with the mark, and their pictures and part maps."""
    scenes = composed.scenes(300, shortcut=Shortcut("dog", train=0.5, elsewhere=0.1))
    return scenes, *composed.render(scenes)


# -------------------------------------------------------------------------------------- classes


def test_each_class_is_another_pair_and_no_part_decides_alone():
    pairs = [frozenset(pair) for pair in CLASSES.values()]
    assert len(set(pairs)) == len(pairs) == 10
    assert all(len(pair) == 2 for pair in pairs)
    belongs = Counter(part for pair in pairs for part in pair)
    assert min(belongs.values()) >= 2
    assert set(belongs) == set(NAMES) - {ALWAYS, MARK, *DISTRACTORS}


def test_an_object_shows_the_parts_of_its_class_and_no_other_class_s(drawn):
    scenes, _, maps = drawn
    for label, pair in enumerate(CLASSES.values()):
        for row in np.flatnonzero(scenes.labels == label):
            seen = {NAMES[number - 1] for number in np.unique(maps[row]) if number}
            assert {*pair, ALWAYS} <= seen <= {*pair, ALWAYS, MARK, *DISTRACTORS}


def test_deciding_parts_have_pixels_in_every_picture():
    scenes = composed.scenes(1000, seed=5)
    _, maps = composed.render(scenes)
    pixels = np.stack([(maps == number).sum(axis=(1, 2)) for number in range(1, 14)], axis=1)
    assert pixels[composed_objects.deciding()[scenes.labels]].min() >= 5


def test_nothing_but_the_deciding_parts_tells_the_class():
    scenes = composed.scenes(2000, seed=3)
    pictures, maps = composed.render(scenes)
    groups = [scenes.labels == label for label in range(10)]
    for part in DISTRACTORS:
        shown = scenes.shown[:, NAMES.index(part)]
        table = [[(shown & group).sum(), (~shown & group).sum()] for group in groups]
        assert stats.chi2_contingency(table).pvalue > 1e-3
    for where in (maps == 0, maps == number_of(ALWAYS)):
        colours = np.array(
            [picture[at].mean(axis=0) for picture, at in zip(pictures, where, strict=True)]
        )
        for channel in range(3):
            assert stats.f_oneway(*(colours[group, channel] for group in groups)).pvalue > 1e-3


# -------------------------------------------------------------------------------------- removal


@pytest.mark.parametrize("part", NAMES)
def test_taking_a_part_away_changes_its_own_pixels_and_no_other(drawn, part):
    scenes, pictures, maps = drawn
    rows = np.flatnonzero(scenes.shown[:, NAMES.index(part)])
    again, again_maps = composed.render(scenes.take(rows).without(part))
    own = maps[rows] == number_of(part)
    assert own.any()
    assert not (again_maps == number_of(part)).any()
    assert np.array_equal(again[~own], pictures[rows][~own])
    assert np.array_equal(again_maps[~own], maps[rows][~own])
    assert (again[own] != pictures[rows][own]).any(axis=1).mean() > 0.9


def test_a_part_put_back_gives_the_picture_back(drawn):
    scenes, pictures, maps = drawn
    rows = np.flatnonzero(scenes.shown[:, NAMES.index("eye")])
    some = scenes.take(rows).without("eye").with_part("eye")
    again, again_maps = composed.render(some)
    assert np.array_equal(again, pictures[rows])
    assert np.array_equal(again_maps, maps[rows])


def test_an_unknown_part_is_refused_with_the_known_ones(drawn):
    with pytest.raises(ValueError, match="no part 'nose'; parts are tail, leg"):
        drawn[0].without("nose")


# ------------------------------------------------------------------------------------- geometry


def test_wheels_cover_the_area_of_their_discs():
    """Two discs of radius 0.21, scaled by the scene and by the part; nothing hides a wheel."""
    some = composed.scenes(60, distractors=0.0)
    some = some.take(np.flatnonzero(some.shown[:, NAMES.index("wheel")]))
    size = 128
    _, maps = composed.render(some, size)
    slots = [Slot.SCALE, of_part(NAMES.index("wheel"), OfPart.SIZE)]
    scale, part = uniform(some.seed, some.keys, slots).T
    radius = 0.21 * (0.88 + 0.24 * part) * (0.74 + 0.2 * scale) * size / 2
    found = (maps == number_of("wheel")).sum(axis=(1, 2))
    inside = found > 0.9 * 2 * np.pi * radius**2  # a few touch the border or each other
    assert inside.mean() > 0.9
    np.testing.assert_allclose(found[inside], (2 * np.pi * radius**2)[inside], rtol=0.03)


def test_pictures_of_two_sizes_show_the_same_scene():
    scenes = composed.scenes(40)
    small, large = (composed.render(scenes, size)[1] > 0 for size in (32, 64))
    share = (small.mean(axis=(1, 2)), large.mean(axis=(1, 2)))
    np.testing.assert_allclose(*share, atol=0.03)


def test_poses_colours_and_grounds_vary(drawn):
    _, pictures, maps = drawn
    body = maps == number_of(ALWAYS)
    columns = np.array([np.flatnonzero(each.any(axis=0)).mean() for each in body])
    rows = np.array([np.flatnonzero(each.any(axis=1)).mean() for each in body])
    assert columns.std() > 1
    assert rows.std() > 1
    grounds = np.array([p[m == 0].mean(axis=0) for p, m in zip(pictures, maps, strict=True)])
    bodies = np.array([p[b].mean(axis=0) for p, b in zip(pictures, body, strict=True)])
    assert grounds.std(axis=0).min() > 20
    assert bodies.std(axis=0).min() > 40


# ----------------------------------------------------------------------------- what depends on what


def test_a_picture_depends_on_its_key_alone(drawn):
    scenes, pictures, maps = drawn
    rows = np.array([7, 250, 3])
    again, again_maps = composed.render(scenes.take(rows))
    assert np.array_equal(again, pictures[rows])
    assert np.array_equal(again_maps, maps[rows])


def test_more_images_or_another_shortcut_leave_the_rest_as_it_was():
    few, many = composed.scenes(20), composed.scenes(50)
    assert np.array_equal(composed.render(few)[0], composed.render(many)[0][:20])
    marked = composed.scenes(20, shortcut=Shortcut("car", elsewhere=1.0))
    assert marked.shown[:, NAMES.index(MARK)].all()
    assert np.array_equal(composed.render(marked.without(MARK))[0], composed.render(few)[0])


def test_seeds_and_splits_are_other_pictures():
    first = composed.render(composed.scenes(20))[0]
    for other in (composed.scenes(20, seed=1), composed.scenes(20, split="test")):
        assert (composed.render(other)[0] != first).mean() > 0.9


# ------------------------------------------------------------------------------------- shortcut


def test_a_shortcut_is_tied_to_its_class_by_the_asked_shares():
    shortcut = Shortcut("bird", train=0.8, test=0.25, elsewhere=0.1)
    bird = tuple(CLASSES).index("bird")
    for split, share in (("train", 0.8), ("test", 0.25)):
        scenes = composed.scenes(4000, split=split, shortcut=shortcut)
        marked, tied = scenes.shown[:, NAMES.index(MARK)], scenes.labels == bird
        assert abs(marked[tied].mean() - share) < 4 * np.sqrt(share * (1 - share) / 400)
        assert abs(marked[~tied].mean() - 0.1) < 4 * np.sqrt(0.09 / 3600)


def test_a_shortcut_can_be_a_part_that_is_otherwise_a_distractor():
    scenes = composed.scenes(100, shortcut=Shortcut("house", part="flag"))
    flags = scenes.shown[:, NAMES.index("flag")]
    assert np.array_equal(flags, scenes.labels == tuple(CLASSES).index("house"))


def test_the_mark_is_a_square_in_a_corner():
    _, maps = composed.render(composed.scenes(40, shortcut=Shortcut("car", elsewhere=1.0)), 64)
    corners = set()
    for each in maps == number_of(MARK):
        rows, columns = (np.flatnonzero(each.any(axis=axis)) for axis in (1, 0))
        assert each.sum() == len(rows) * len(columns) == 100
        corners.add((rows.mean() > 32, columns.mean() > 32))
        assert not 14 <= rows.mean() <= 50
        assert not 14 <= columns.mean() <= 50
    assert len(corners) == 4


# ----------------------------------------------------------------------------- recipe and reader


def written(folder, **recipe):
    file = folder / "recipe.json"
    file.write_text(json.dumps(recipe))
    return file


def test_the_reader_draws_what_the_recipe_s_scenes_are(tmp_path):
    file = written(tmp_path, train=30, test=20, seed=4, shortcut={"label": "car"})
    raw = read_composed(file, 40)
    assert raw.train.images.shape == (30, 40, 40, 3)
    assert raw.parts == NAMES
    assert raw.deciding.sum() == 20
    index = np.array([45, 0, 31])
    again, maps = composed.render(scenes_at(Recipe.read(file), index), 40)
    assert np.array_equal(again, np.concatenate([raw.train.images, raw.test.images])[index])
    assert np.array_equal(maps, np.concatenate([raw.train_parts, raw.test_parts])[index])


def test_prepared_images_and_part_maps_are_of_the_same_pixels(tmp_path):
    """`prepare` takes the reader as it is; padding and held-out images keep the maps in place."""
    file = written(tmp_path, train=60, test=20)
    changes = {"reader": catalog.DATASETS["composed-parts"].reader, "image_size": 32}
    prepare(job(tmp_path / "set", file, **changes, limit={"train": 4, "test": None}))
    dataset = load(tmp_path / "set")
    part_maps = read_composed(file, 32).part_maps(32, "pad")
    recipe = Recipe.read(file)
    for name in ("train", "held-out", "test"):
        split = dataset.split(name)
        index = split.indices.numpy()
        pictures, maps = composed.render(scenes_at(recipe, index))
        assert np.array_equal(split.images.numpy().transpose(0, 2, 3, 1), pictures)
        assert np.array_equal(part_maps.at(index), maps)


def test_part_maps_are_the_same_after_a_file(tmp_path):
    maps = read_composed(written(tmp_path, train=20, test=10), 32).part_maps(48, "resize")
    maps.save(tmp_path / "parts.safetensors")
    again = PartMaps.load(tmp_path / "parts.safetensors")
    assert (again.names, again.kind) == (maps.names, "parts")
    for what in ("index", "maps", "deciding"):
        assert np.array_equal(getattr(again, what), getattr(maps, what))
    (tmp_path / "parts.safetensors").write_bytes(b"damage")
    with pytest.raises(store.DamagedFile):
        PartMaps.load(tmp_path / "parts.safetensors")


def test_the_recipes_that_ship_are_the_same_pictures_but_for_the_mark():
    folder = REPOSITORY / "resources/composed-parts"
    plain, shortcut = (Recipe.read(folder / f"{name}.json") for name in ("plain", "shortcut"))
    assert (plain.train, plain.test) == (5000, 1000)
    for split, marked in (("train", 500), ("test", 0)):
        shown = shortcut.scenes(split).shown
        assert shown[:, NAMES.index(MARK)].sum() == marked
        assert np.array_equal(shortcut.scenes(split).without(MARK).shown, plain.scenes(split).shown)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"train": 5}, "train is 5, expected a whole number of 10 or more"),
        ({"train": 10.5}, "train is 10.5"),
        ({"seed": -1}, "seed is -1"),
        ({"distractors": 1.5}, r"distractors is 1.5, expected a number in \[0, 1\]"),
        ({"trains": 10}, "unknown key 'trains', known are train, test, seed"),
        ({"shortcut": {"train": 1.0}}, "shortcut has no `label`"),
        ({"shortcut": {"label": "cat"}}, "shortcut.label is 'cat', expected one of car"),
        ({"shortcut": {"label": "car", "part": "wheel"}}, "shortcut.part is 'wheel'"),
        ({"shortcut": {"label": "car", "train": 2}}, "shortcut.train is 2"),
        ({"shortcut": {"class": "car"}}, "shortcut has an unknown key 'class'"),
        ({"shortcut": 3}, "shortcut is 3, expected a mapping of label"),
        ({"train": 10**9}, "GiB are accepted"),
    ],
)
def test_a_wrong_recipe_is_refused_with_the_file_and_what_is_accepted(tmp_path, recipe, message):
    file = written(tmp_path, **recipe)
    with pytest.raises(BadData, match=message) as caught:
        read_composed(file, 32)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", "\x00"])
def test_a_file_that_is_no_recipe_is_refused(tmp_path, text):
    file = tmp_path / "recipe.json"
    file.write_text(text)
    with pytest.raises(BadData, match=r"recipe\.json"):
        read_composed(file, 32)
    with pytest.raises(BadData, match="there is no such file"):
        read_composed(tmp_path / "none.json", 32)


def test_a_size_out_of_range_is_refused(tmp_path):
    with pytest.raises(BadData, match="image_size is 16; composed objects are 32 to 128"):
        read_composed(written(tmp_path, train=10, test=10), 16)


def test_an_index_of_another_recipe_is_refused():
    with pytest.raises(BadData, match="image 40 is not of this recipe, which has images 0 to 39"):
        scenes_at(Recipe(train=20, test=20), np.array([3, 40]))
