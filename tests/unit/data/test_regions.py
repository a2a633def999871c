import sys

import numpy as np
import pytest

from distilscope.data import part_maps, regions
from distilscope.data.raw import BadData


def garments(n=3, size=8):
    """Random bright pixels in a random box on black ground."""
    generator = np.random.default_rng(0)
    images = np.zeros((n, 3, size, size), np.uint8)
    for image in images:
        top, left = generator.integers(0, 3, 2)
        bottom, right = generator.integers(size - 3, size, 2)
        block = image[:, top:bottom, left:right]
        block[...] = generator.integers(0, 2, block.shape[1:], dtype=np.uint8) * 90
        image[:, top, left] = image[:, bottom - 1, right - 1] = 90
    return images


def test_a_grid_covers_every_pixel_with_equal_cells():
    found = regions.grid(np.arange(2), 6, 8, 3, 4)
    assert found.kind == "regions"
    assert found.names[:5] == ("r1c1", "r1c2", "r1c3", "r1c4", "r2c1")
    assert found.maps[0].tolist() == [
        [1, 1, 2, 2, 3, 3, 4, 4],
        [1, 1, 2, 2, 3, 3, 4, 4],
        [5, 5, 6, 6, 7, 7, 8, 8],
        [5, 5, 6, 6, 7, 7, 8, 8],
        [9, 9, 10, 10, 11, 11, 12, 12],
        [9, 9, 10, 10, 11, 11, 12, 12],
    ]


def test_cells_that_do_not_divide_differ_by_a_line():
    found = regions.grid(np.arange(1), 7, 7, 2, 3)
    areas = found.areas()[0, 1:]
    assert areas.sum() == 49
    assert set(areas.tolist()) <= {3 * 2, 3 * 3, 4 * 2, 4 * 3}


@pytest.mark.parametrize(("rows", "columns"), [(0, 2), (9, 2), (16, 16)])
def test_a_grid_that_does_not_fit_is_refused(rows, columns):
    with pytest.raises(BadData, match="cells"):
        regions.grid(np.arange(1), 8 if rows < 16 else 32, 32, rows, columns)


def test_the_foreground_is_every_pixel_above_black():
    images = garments()
    images[0] = 0
    images[1, 2, 7, 0] = 1  # one channel is enough
    found = regions.foreground(np.arange(3), images)
    expected = [[[bool(i[:, r, c].any()) for c in range(8)] for r in range(8)] for i in images]
    assert np.array_equal(found.maps.astype(bool), expected)
    assert found.findings().faults[part_maps.NO_PART] == ("image 0",)


def test_a_foreground_without_any_ground_is_refused():
    with pytest.raises(BadData, match="black ground only"):
        regions.foreground(np.arange(1), np.full((1, 3, 4, 4), 9, np.uint8))


def test_the_grid_of_the_foreground_lies_in_its_box():
    images = garments()
    images[2] = 0
    found = regions.foreground_grid(np.arange(3), images, 2, 2)
    for image, map_ in zip(images[:2], found.maps[:2], strict=True):
        rows, columns = np.nonzero(image.any(axis=0))
        top, left = rows.min(), columns.min()
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        for r in range(8):
            for c in range(8):
                inside = 0 <= r - top < height and 0 <= c - left < width
                cell = (r - top) * 2 // height * 2 + (c - left) * 2 // width + 1
                assert map_[r, c] == (cell if inside else 0)
    assert not found.maps[2].any()


def test_a_region_is_filled_by_the_mean_of_the_rest():
    images = np.random.default_rng(2).integers(0, 256, (3, 3, 4, 4), dtype=np.uint8)
    maps = np.random.default_rng(3).integers(0, 3, (3, 4, 4), dtype=np.uint8)
    maps[2] = 1
    filled = regions.without(images, maps, 1)
    for image, map_, result in zip(images[:2], maps[:2], filled[:2], strict=True):
        inside = map_ == 1
        for channel in range(3):
            mean = round(float(image[channel][~inside].astype(float).mean()))
            assert (result[channel][inside] == mean).all()
            assert np.array_equal(result[channel][~inside], image[channel][~inside])
    assert np.array_equal(filled[2], images[2])  # nothing else to take a colour from


def test_superpixels_without_scikit_image_name_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "distilscope\[regions\]"'):
        regions.superpixels(np.arange(1), garments(1))


def test_superpixels_part_what_is_unlike():
    pytest.importorskip("skimage", reason="the optional extra regions is not installed")
    images = np.zeros((2, 3, 16, 16), np.uint8)
    images[0, :, :, 8:] = 200
    images[1, 0, 8:] = 250
    found = regions.superpixels(np.array([4, 8]), images, segments=8)
    assert (found.maps > 0).all()
    again = regions.superpixels(np.array([8]), images[1:], segments=8)
    assert np.array_equal(found.maps[1], again.maps[0])
    for image, map_ in zip(images, found.maps, strict=True):
        bright = image.any(axis=0)
        mixed = [n for n in np.unique(map_) if 0.1 < bright[map_ == n].mean() < 0.9]
        assert len(np.unique(map_)) >= 4
        assert mixed == []


def test_wrong_input_of_superpixels_is_refused():
    with pytest.raises(BadData, match="segments is 1"):
        regions.superpixels(np.arange(1), garments(1), segments=1)
    with pytest.raises(BadData, match="images are float64"):
        regions.superpixels(np.arange(1), np.zeros((1, 3, 4, 4)))
