"""24 classes of composed objects that share parts by a tree."""

import json
from collections import Counter

import numpy as np
import pytest

from distilscope.data import composed, composed_objects, composed_tree
from distilscope.data.composed_objects import ALWAYS, MARK, NAMES
from distilscope.data.composed_reader import Recipe, read_composed
from distilscope.data.raw import BadData

NAMED = list(composed_tree.CLASSES)


def written(folder, **recipe):
    path = folder / "tree.json"
    path.write_text(json.dumps({"classes": "tree", **recipe}))
    return path


@pytest.fixture(scope="module")
def scenes():
    return composed.scenes(480, classes=composed_tree.CLASSES)


@pytest.fixture(scope="module")
def drawn(scenes):
    return composed.render(scenes)


def test_each_class_has_parts_of_its_own():
    assert len(NAMED) == len(set(map(frozenset, composed_tree.CLASSES.values()))) == 24
    assert {len(parts) for parts in composed_tree.CLASSES.values()} == {2, 3, 4}


def test_how_near_two_classes_are_is_counted_from_the_trunk():
    related = composed_tree.relations()
    place = {name: NAMED.index(name) for name in NAMED}
    near = {
        ("wheel roof", "wheel roof"): 4,
        ("wheel roof", "wheel roof eye"): 3,
        ("wheel roof", "wheel roof window"): 2,
        ("wheel roof eye", "wheel roof window eye"): 2,
        ("wheel roof", "wheel funnel"): 1,
        ("wheel roof window eye", "leg wing window eye"): 0,
    }
    for (first, second), expected in near.items():
        assert related[place[first], place[second]] == expected
    assert np.array_equal(related, related.T)
    assert Counter(related[0].tolist()) == {4: 1, 3: 1, 2: 2, 1: 4, 0: 16}


def test_nearer_classes_share_more_parts():
    parts = composed_objects.deciding(composed_tree.CLASSES)
    apart = (parts[:, None] != parts[None]).sum(axis=2)
    related = composed_tree.relations()
    mean = [apart[related == near].mean() for near in range(5)]
    assert mean == sorted(mean, reverse=True)
    assert mean[4] == 0


def test_an_object_shows_the_parts_of_its_class_and_no_others(scenes, drawn):
    _, maps = drawn
    hidden = Counter()
    for label, own in zip(scenes.labels, maps, strict=True):
        seen = {NAMES[number - 1] for number in np.unique(own) if number}
        parts = set(composed_tree.CLASSES[NAMED[label]])
        assert seen <= {*parts, ALWAYS}
        hidden.update(parts - seen)
    assert sum(hidden.values()) <= 5  # of some 1,440 parts


def test_the_reader_draws_the_tree_and_says_what_decides(tmp_path):
    found = read_composed(written(tmp_path, train=48, test=24), 32)
    assert found.classes == tuple(NAMED)
    assert np.array_equal(found.train.labels, np.arange(48) % 24)
    assert np.array_equal(found.deciding, composed_objects.deciding(composed_tree.CLASSES))
    assert not found.deciding[:, NAMES.index(MARK)].any()


def test_pairs_are_drawn_as_before_the_tree():
    plain, named = Recipe(train=30, test=30), Recipe(train=30, test=30, classes="pairs")
    assert np.array_equal(plain.scenes("train").shown, named.scenes("train").shown)
    assert np.array_equal(plain.scenes("train").shown, composed.scenes(30).shown)


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"classes": "bush"}, "classes is 'bush', expected one of pairs, tree"),
        ({"train": 23}, "train is 23, expected a whole number of 24 or more"),
        ({"shortcut": {"label": "dog"}}, "a shortcut is for classes 'pairs', not 'tree'"),
    ],
)
def test_a_wrong_recipe_is_refused(tmp_path, recipe, said):
    with pytest.raises(BadData, match=said):
        read_composed(written(tmp_path, **recipe), 32)
