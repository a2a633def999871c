import matplotlib
import numpy as np
import torch

from distilscope.analyses.alignment.sections import pictures


def test_a_map_is_shown_by_its_positive_part_up_to_its_maximum():
    shown = pictures.shown(np.array([-2.0, 0.0, 1.0, 4.0]), 2, 2)
    assert shown.tolist() == [[0.0, 0.0], [0.25, 1.0]]


def test_a_map_without_a_positive_cell_shows_nothing():
    assert not pictures.shown(np.full(4, -1.0), 2, 2).any()


def test_an_empty_map_leaves_the_grey_image_under_the_lowest_colour():
    image = np.full((3, 3, 3), 200, np.uint8)
    low = pictures.OPACITY[0]
    lowest = np.array(matplotlib.colormaps[pictures.COLOURS](0.0)[:3])
    expected = np.round((1 - low) * 200 + low * 255 * lowest)
    assert np.abs(pictures.overlay(image, np.zeros((2, 2))) - expected).max() <= 1


def test_the_overlay_blends_what_torch_upsamples():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
    grid = rng.random((4, 3))
    tensor = torch.from_numpy(grid)[None, None]
    up = torch.nn.functional.interpolate(tensor, (9, 7), mode="bilinear")[0, 0].numpy()
    grey = (0.299 * image[..., 0] + 0.587 * image[..., 1] + 0.114 * image[..., 2]) / 255
    opacity = pictures.OPACITY[0] + (pictures.OPACITY[1] - pictures.OPACITY[0]) * up
    for channel in range(3):
        colour = matplotlib.colormaps[pictures.COLOURS](up)[..., channel]
        expected = 255 * ((1 - opacity) * grey + opacity * colour)
        assert np.abs(pictures.overlay(image, grid)[..., channel] - expected).max() <= 1
