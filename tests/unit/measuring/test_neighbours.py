import tracemalloc

import numpy as np
import pytest

from distilscope.analyses.representation import neighbours


def _nearest_by_loop(features, k):
    """Sets of positions, by sorting cosines in float64, image by image."""
    found = []
    for i, own in enumerate(features):
        scores = [
            (float(own @ other) / float(np.linalg.norm(own) * np.linalg.norm(other)), j)
            for j, other in enumerate(features)
            if j != i
        ]
        found.append({j for _, j in sorted(scores, reverse=True)[:k]})
    return found


@pytest.fixture
def features():
    generator = np.random.default_rng(0)
    x = generator.standard_normal((90, 7)) + 1.0
    return x, x @ generator.standard_normal((7, 5)) + 0.5 * generator.standard_normal((90, 5))


def test_the_share_equals_brute_force(features):
    sides = [_nearest_by_loop(side, 10) for side in features]
    expected = np.mean([len(a & b) / 10 for a, b in zip(*sides, strict=True)])
    found = neighbours.mutual([features[0]], [features[1]], 10)
    assert found.share[0, 0] == pytest.approx(expected, abs=1e-12)
    assert 0.2 < expected < 0.9
    assert (found.n[0, 0], found.chance) == (90, 10 / 89)


def test_neighbours_are_the_same_in_blocks(features, monkeypatch):
    whole = np.sort(neighbours.nearest(features[0], 10), axis=1)
    monkeypatch.setattr(neighbours, "BLOCK", 17)
    np.testing.assert_array_equal(np.sort(neighbours.nearest(features[0], 10), axis=1), whole)
    for image, row in enumerate(whole):
        assert set(row) == _nearest_by_loop(features[0], 10)[image]


def test_memory_does_not_grow_by_the_square_of_the_images(monkeypatch):
    monkeypatch.setattr(neighbours, "CELLS", 4096)
    x = np.random.default_rng(4).standard_normal((2000, 4))
    tracemalloc.start()
    found = neighbours.nearest(x, 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    some = range(0, 2000, 50)
    assert [set(found[image]) for image in some] == _nearest(x, some, 5)
    kept = 2000 * 8 * (4 + 4 + 5 + 4)  # both forms of the features, the places, and some vectors
    assert peak < kept + 4 * 8 * 4096


def _nearest(features, some, k):
    """Sets of the positions with the largest cosines, of some images."""
    units = features / np.linalg.norm(features, axis=1)[:, None]
    return [set(np.argsort(units @ units[i])[::-1][1 : k + 1].tolist()) for i in some]


def test_rotation_and_the_length_of_features_change_nothing(features):
    x, _ = features
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((7, 7)))[0]
    lengths = np.random.default_rng(2).uniform(0.1, 9, (90, 1))
    found = neighbours.mutual([x], [lengths * (x @ rotation)], 10)
    assert found.share[0, 0] == pytest.approx(1.0, abs=0.005)


def test_independent_features_score_chance():
    generator = np.random.default_rng(3)
    sides = generator.standard_normal((2, 600, 12))
    found = neighbours.mutual([sides[0]], [sides[1]], 10)
    # A hypergeometric overlap: its standard deviation over 600 images is under 0.004.
    assert found.share[0, 0] == pytest.approx(found.chance, abs=0.016)


def test_rows_are_the_models_layers_and_columns_the_references(features):
    x, y = features
    found = neighbours.mutual([x, y, x], [y, x], 5)
    assert found.share.shape == (3, 2)
    np.testing.assert_array_equal(found.share[[1, 0, 2], [0, 1, 1]], 1.0)


def test_an_image_without_features_has_no_neighbours_and_is_nobodys(features):
    x = features[0].copy()
    x[4] = 0.0
    found = neighbours.nearest(x, 10)
    assert (found[4] == neighbours.UNDEFINED).all()
    assert 4 not in np.delete(found, 4, axis=0)
    assert neighbours.mutual([x], [features[0]], 10).n[0, 0] == 89


def test_too_few_images_are_undefined_and_unequal_ones_refused(features):
    x = features[0]
    found = neighbours.mutual([x[:10]], [x[:10]], 10)
    assert np.isnan(found.share[0, 0]) and found.n[0, 0] == 0
    assert neighbours.mutual([x[:11]], [x[:11]], 10).share[0, 0] == 1.0
    with pytest.raises(ValueError, match="same images"):
        neighbours.mutual([x], [x[:50]], 10)
