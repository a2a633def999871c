"""Overlap of attended regions, against loops over pixels and batches worked out by hand."""

import numpy as np
import pytest

from distilscope.analyses.attention import overlap
from distilscope.analyses.attention.overlap import Regions

THRESHOLD = 0.4


@pytest.fixture
def maps():
    random = np.random.default_rng(3)
    return random.normal(size=(2, 11, 5, 3))


def inside(image):
    """The attended pixels of one map, a pixel at a time."""
    low, high = min(map(min, image)), max(map(max, image))
    return {
        (row, column)
        for row, line in enumerate(image)
        for column, value in enumerate(line)
        if high > low and (value - low) / (high - low) > THRESHOLD
    }


def regions(maps):
    return Regions.of(np.asarray(maps, dtype=np.float64), THRESHOLD)


def test_overlap_by_image_is_the_loop(maps):
    first, second = maps
    found = overlap.by_image(regions(first), regions(second))
    expected = [
        len(inside(a) & inside(b)) / len(inside(a) | inside(b))
        for a, b in zip(first.tolist(), second.tolist(), strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_overlap_by_batch_sums_before_it_divides_and_weighs_by_size(maps):
    first, second = maps
    pairs = [(inside(a), inside(b)) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    total = 0.0
    for batch in (pairs[:4], pairs[4:8], pairs[8:]):
        shared = sum(len(a & b) for a, b in batch)
        either = sum(len(a | b) for a, b in batch)
        total += len(batch) * shared / either
    found = overlap.by_batch(regions(first), regions(second), 4)
    assert found == pytest.approx(total / 11, rel=1e-15)


def test_a_batch_worked_out_by_hand():
    """Two images: 1 of 3 pixels shared, and 6 of 6. By batch 7/9; by image (1/3 + 1) / 2."""
    wide = [[1, 1, 1], [1, 1, 1], [0, 0, 0]]
    first = regions([[[1, 1, 0], [0, 0, 0], [0, 0, 0]], wide])
    second = regions([[[0, 1, 1], [0, 0, 0], [0, 0, 0]], wide])
    assert overlap.by_batch(first, second, 128) == pytest.approx(7 / 9)
    assert overlap.by_image(first, second).mean() == pytest.approx(2 / 3)
    np.testing.assert_allclose(first.areas, [2 / 9, 6 / 9])
    third = regions([[[0, 1, 0], [0, 0, 0], [0, 0, 0]], np.rot90(wide, 2)])
    # all three: 1 of 3, and rows 1 of the second image, 3 of 9
    assert overlap.together([first, second, third], 128) == pytest.approx(4 / 12)


def test_a_map_that_does_not_vary_attends_to_nothing():
    flat = regions(np.ones((2, 3, 3)))
    assert flat.areas.tolist() == [0, 0]
    assert np.isnan(overlap.by_image(flat, flat)).all()
    assert np.isnan(overlap.by_batch(flat, flat, 2))


def test_a_constant_added_to_a_map_moves_no_region(maps):
    """So that the bias of the head, which the published map adds, decides nothing."""
    np.testing.assert_array_equal(regions(maps[0]).words, regions(maps[0] + 3.5).words)


@pytest.mark.parametrize(("n", "times", "expected"), [(7, 3, 3), (3, 9, 2), (1, 4, 0)])
def test_under_the_null_no_image_meets_itself(n, times, expected):
    moved = overlap.shuffles(n, times, seed=5)
    assert len(moved) == expected
    for order in moved:
        assert sorted(order) == list(range(n)) and not (order == np.arange(n)).any()
    assert len({tuple(order) for order in moved}) == expected


def test_the_null_by_image_over_all_steps_is_the_mean_over_all_other_images(maps):
    first, second = (regions(each) for each in maps)
    found, _ = overlap.nulls(first, second, 4, overlap.shuffles(11, 10, seed=0))
    for image in range(11):
        own = inside(maps[0][image].tolist())
        others = [inside(maps[1][o].tolist()) for o in range(11) if o != image]
        expected = np.mean([len(own & other) / len(own | other) for other in others])
        assert found[image] == pytest.approx(expected)


def test_wider_maps_overlap_more_under_the_null():
    """What the area of the attended region stands beside an overlap for."""
    random = np.random.default_rng(0)

    def null(share):
        pair = [random.random((40, 8, 8)) < share for _ in range(2)]
        first, second = (Regions.packed(p.reshape(40, -1)) for p in pair)
        return overlap.nulls(first, second, 8, overlap.shuffles(40, 5, 0))[0].mean()

    assert null(0.8) > null(0.4) + 0.2


def test_the_null_by_batch_is_the_published_overlap_of_moved_images(maps):
    first, second = (regions(each) for each in maps)
    moved = overlap.shuffles(11, 3, seed=1)
    _, found = overlap.nulls(first, second, 4, moved)
    whole = [overlap.by_batch(first, regions(maps[1][order]), 4) for order in moved]
    assert found == pytest.approx(np.mean(whole), rel=1e-15)


def test_one_image_has_no_null():
    only = regions(np.arange(6.0).reshape(1, 2, 3))
    by_image, by_batch = overlap.nulls(only, only, 4, overlap.shuffles(1, 5, 0))
    assert np.isnan(by_image).all() and np.isnan(by_batch)
