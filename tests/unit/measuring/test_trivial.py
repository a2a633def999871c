"""Maps that no model made, against scipy's filters and loops over the stored maps."""

import numpy as np
import pytest
from scipy import ndimage, stats

from distilscope import store
from distilscope.analyses.alignment import trivial

from .made_models import MODELS
from .made_study import MadeStudy


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trivial")
    made = MadeStudy(folder, MODELS[:3], images=160, subset=8, gram_batch=20)
    return made.write().compare_all().measure()


def test_sobel_is_scipys_of_each_image_alone():
    grey = np.random.default_rng(0).integers(0, 256, (3, 9, 12)).astype(float)
    for image, found in zip(grey, trivial.sobel(grey), strict=True):
        sides = ndimage.sobel(image, axis=0), ndimage.sobel(image, axis=1)
        np.testing.assert_allclose(found, np.hypot(*sides), atol=1e-9)


def test_a_flat_image_has_no_edges_and_a_step_has_them_where_it_is():
    images = np.full((2, 3, 8, 8), 90, np.uint8)
    images[1, :, :, 4:] = 200
    found = trivial.edges(images, (4, 4))
    assert (found[0] == 0).all()
    # The gradient lives in columns 3 and 4: half of cells 1 and 2. Each pixel has 4 x 110.
    np.testing.assert_allclose(found[1], np.tile([0, 220, 220, 0], (4, 1)))


def test_edges_weigh_colours_as_the_standard_says():
    images = np.zeros((1, 3, 4, 4), np.uint8)
    images[0, 1, :, 2:] = 100
    np.testing.assert_allclose(trivial.edges(images, (1, 1)), 4 * 58.7 / 2)


def test_the_gaussian_is_centred_and_falls_to_its_value_at_one_sigma():
    found = trivial.gaussian((9, 17))
    assert np.unravel_index(found.argmax(), found.shape) == (4, 8)
    np.testing.assert_allclose(found, found[::-1, ::-1])
    assert found[4, 8] == 1.0
    for offset in (1, 2, 4):
        assert found[4 + offset, 8] == pytest.approx(np.exp(-(offset**2) / (2 * 2.25**2)))
        assert found[4, 8 + offset] == pytest.approx(np.exp(-(offset**2) / (2 * 4.25**2)))


def _value(study, measure, **place):
    rows = study.table("measures")
    for column, wanted in {"model": study.teacher, "measure": measure, **place}.items():
        rows = rows[rows[column] == wanted]
    assert len(rows) == 1
    return rows.iloc[0]


def _by_hand(study, layer, grid, other):
    """Mean Spearman of other(position) with the teacher's stored map on the common images."""
    path = study.observation(study.teacher) / "test" / "saliency.gradcam.parquet"
    table = store.read_table(path)
    table = table[table["layer"] == layer].set_index(["index", "class"])["map"]
    images = study.images_of("copy-s1")
    images = images[images["explained"] == "reference"].drop_duplicates("index")
    found = []
    for index, label in images.loc[images["common"], ["index", "label"]].to_numpy():
        position = int(np.searchsorted(study.index, index))
        own = np.maximum(table[(index, label)], 0).reshape(grid)
        found.append(stats.spearmanr(other(position).ravel(), own.ravel()).statistic)
    return np.nanmean(found)


def test_the_references_rows_equal_a_loop_with_scipy(study):
    def edge(position):
        grey = np.tensordot([0.299, 0.587, 0.114], study.pictures[position].astype(float), 1)
        size = np.hypot(ndimage.sobel(grey, axis=0), ndimage.sobel(grey, axis=1))
        return size.reshape(8, 2, 8, 2).mean(axis=(1, 3))

    y, x = np.mgrid[:8, :8] - 3.5
    blob = np.exp(-(x**2 + y**2) / (2 * 2.0**2))
    place = {"layer": "layer3", "resolution": "native"}
    expected = _by_hand(study, "layer3", (8, 8), edge)
    assert _value(study, "edges_rho", **place)["value"] == pytest.approx(expected, abs=1e-9)
    expected = _by_hand(study, "layer3", (8, 8), lambda _: blob)
    assert _value(study, "gaussian_rho", **place)["value"] == pytest.approx(expected, abs=1e-9)


def test_rows_are_the_references_alone_at_every_layer_and_resolution(study):
    rows = study.table("measures")
    rows = rows[rows["measure"].str.startswith(("gaussian_", "edges_"))]
    assert set(rows["model"]) == {study.teacher}
    assert rows["reference"].isna().all()
    assert len(rows) == 2 * 10 * 2 * 2
    assert set(rows["subset"]) == {"common"}


def test_noise_pictures_share_nothing_image_specific_and_a_blob_never_does(study):
    place = {"layer": "layer3", "resolution": "input"}
    own = _value(study, "edges_image_specific_rho", **place)
    assert own["low"] < 0.02 and abs(own["value"]) < 0.05
    blob = _value(study, "gaussian_image_specific_rho", **place)
    assert np.isnan(blob["value"]) and blob["n"] == 0
    assert "the maps of the class do not vary" in blob["reason"]


def test_the_edges_of_a_blank_image_are_undefined_and_named(tmp_path):
    made = MadeStudy(tmp_path, MODELS[:2], images=40, subset=8, gram_batch=10)
    made.settings["minimum_class"] = 2
    made.pictures[:] = 7
    made.write().compare_all().measure()
    row = _value(made, "edges_rho", layer="layer4", resolution="input")
    assert np.isnan(row["value"])
    assert "the map of edges is zero everywhere" in row["reason"]
