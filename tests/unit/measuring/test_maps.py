import numpy as np
import pytest
import torch
from scipy import stats

from distilscope.analyses.alignment import maps
from distilscope.catalog import UnknownName


def _random(n, pixels, seed=0):
    return np.random.default_rng(seed).standard_normal((n, pixels))


@pytest.mark.parametrize(("source", "target"), [(4, 32), (8, 28), (3, 7), (1, 5), (16, 16)])
def test_upsampling_equals_torch_interpolation(source, target):
    values = _random(5, source * source).reshape(5, source, source)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values)[:, None],
        size=(target, target),
        mode="bilinear",
        align_corners=False,
    )[:, 0].numpy()
    np.testing.assert_allclose(maps.upsample(values, target), expected, atol=1e-12)


def test_upsampling_keeps_equal_pixels_equal_to_the_last_bit():
    upsampled = maps.upsample(np.full((1, 4, 4), 0.1), 33)
    assert np.all(upsampled == 0.1)


@pytest.mark.parametrize(("source", "target"), [(8, 4), (12, 3), (4, 4)])
def test_pooling_equals_torch_average_pooling_on_whole_ratios(source, target):
    values = _random(3, source * source).reshape(3, source, source)
    expected = torch.nn.functional.avg_pool2d(torch.from_numpy(values), source // target).numpy()
    np.testing.assert_allclose(maps.pool(values, (target, target)), expected, atol=1e-14)


def test_pooling_shares_a_pixel_between_cells_by_area():
    pooled = maps.pool(np.array([[[1.0, 4.0, 10.0]]]), (1, 2))
    # cells are 1.5 pixels wide: (1 + 4/2) / 1.5 and (4/2 + 10) / 1.5
    np.testing.assert_allclose(pooled, [[[2.0, 8.0]]])


def test_pooling_to_a_finer_grid_is_refused():
    with pytest.raises(ValueError, match="finer"):
        maps.pool(np.zeros((1, 4, 4)), (8, 4))


def test_evidence_follows_the_method():
    signed = np.array([[[-2.0, 1.0]]])
    assert maps.evidence(signed, "gradcam").tolist() == [[[0.0, 1.0]]]
    assert maps.evidence(signed, "integrated-gradients").tolist() == [[[2.0, 1.0]]]
    with pytest.raises(UnknownName, match="gradcam"):
        maps.evidence(signed, "gradcan")


@pytest.mark.parametrize("levels", [1, 3, 1_000_000], ids=["constant", "ties", "no ties"])
@pytest.mark.parametrize("shape", [(0, 5), (1, 1), (64, 7), (150, 33)])
def test_average_ranks_are_scipys_to_the_last_bit(shape, levels):
    rows = np.random.default_rng(0).integers(-levels // 2, levels, shape) / 7.0
    rows[::3] *= -1.0  # zeros of both signs are equal
    np.testing.assert_array_equal(maps.average_ranks(rows), stats.rankdata(rows, axis=1))


def test_spearman_equals_scipy_with_and_without_ties():
    a, b = _random(20, 64), _random(20, 64, 1)
    a[10:] = np.round(np.maximum(a[10:], 0), 1)
    b[5:15] = np.maximum(b[5:15], 0)
    expected = [stats.spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(maps.spearman(a, b), expected, atol=1e-12)


def test_spearman_of_a_constant_row_is_nan_and_of_a_row_with_itself_is_one():
    a = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    b = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [9.0, 5.0, 1.0]])
    rho = maps.spearman(a, b)
    assert np.isnan(rho[0])
    np.testing.assert_allclose(rho[1:], [1.0, -1.0])


def test_unit_rows_of_a_large_constant_is_nan_in_spite_of_rounding():
    assert np.isnan(maps.unit_rows(np.full((1, 7), 1e9 + 0.1))).all()


def test_cosine_by_hand_and_undefined_for_a_zero_map():
    a = np.array([[3.0, 4.0], [0.0, 0.0]])
    b = np.array([[4.0, 3.0], [1.0, 1.0]])
    found = (maps.unit_lengths(a) * maps.unit_lengths(b)).sum(axis=1)
    assert found[0] == pytest.approx(24 / 25)
    assert np.isnan(found[1])


def test_set_sizes_are_rounded():
    assert maps.set_size(0.2, 1024) == 205
    assert maps.set_size(0.2, 16) == 3
    assert maps.set_size(0.05, 4) == 0


def test_top_sets_hold_exactly_k_pixels_and_ties_go_by_position():
    order = maps.TopOrder.of(np.array([[1.0, 3.0, 2.0, 2.0, 0.0, 0.5, 0.1, 0.2, 0.3, 0.4]]))
    assert order.members(0.2).tolist() == [[False, True, True] + [False] * 7]
    assert order.members(0.3).sum() == 3


def test_iou_equals_a_brute_force_loop_over_sets():
    a, b = np.abs(_random(30, 25)), np.abs(_random(30, 25, 1))
    found = maps.iou(maps.TopOrder.of(a), maps.TopOrder.of(b), 0.2)
    for i in range(30):
        first = set(sorted(range(25), key=lambda p: -a[i, p])[:5])
        second = set(sorted(range(25), key=lambda p: -b[i, p])[:5])
        assert found[i] == pytest.approx(len(first & second) / len(first | second))


def test_iou_of_independent_maps_is_at_chance():
    a, b = np.abs(_random(4000, 100)), np.abs(_random(4000, 100, 1))
    found = maps.iou(maps.TopOrder.of(a), maps.TopOrder.of(b), 0.2)
    assert found.mean() == pytest.approx(0.2 / 1.8, abs=0.004)


def test_a_map_with_fewer_positive_pixels_than_the_set_has_no_iou():
    sparse = np.zeros((1, 10))
    sparse[0, 3] = 1.0
    full = np.arange(1.0, 11.0)[None]
    orders = maps.TopOrder.of(sparse), maps.TopOrder.of(full)
    assert np.isnan(maps.iou(*orders, 0.2)[0])
    assert maps.iou(*orders, 0.1)[0] == 0.0


def test_a_constant_positive_map_has_no_top_set():
    order = maps.TopOrder.of(np.ones((1, 10)))
    assert not order.defined(0.2)[0]
    assert np.isnan(maps.iou(order, order, 0.2)[0])


def test_mass_by_hand():
    student = np.array([[1.0, 2.0, 3.0, 4.0, 0.0], [0.0] * 5])
    reference = maps.TopOrder.of(np.array([[5.0, 4.0, 1.0, 1.0, 1.0]] * 2))
    mass = maps.mass_in_top(student, reference, 0.4)
    assert mass[0] == pytest.approx(0.3)
    assert np.isnan(mass[1])
    assert maps.mass_lift(student, reference, 0.4)[0] == pytest.approx(0.75)


def test_uniform_mass_has_a_lift_of_one_though_k_is_rounded():
    reference = maps.TopOrder.of(np.abs(_random(1, 16)) + 0.1)
    assert maps.mass_lift(np.ones((1, 16)), reference, 0.2)[0] == pytest.approx(1.0)


def test_published_iou_keeps_ties_so_that_a_sparse_map_selects_everything():
    sparse = np.zeros((1, 1024))
    sparse[0, :100] = np.arange(1, 101)
    dense = np.arange(1024.0)[None]
    # the 204th largest of the sparse map is 0, so its mask is the whole image
    assert maps.published_iou(sparse, dense)[0] == pytest.approx(204 / 1024)
    assert maps.published_iou(dense, dense)[0] == 1.0


def test_degenerate_is_a_range_below_one_millionth_of_the_scaled_map():
    rows = np.array([[0.0, 2e-6], [0.0, 1e-12], [0.0, 0.9e-14], [0.3, 0.3]])
    low, high = rows.min(axis=1, keepdims=True), rows.max(axis=1, keepdims=True)
    scaled = (rows - low) / (high - low + 1e-8)  # as the study scales a map, before it asks
    expected = scaled.max(axis=1) - scaled.min(axis=1) < 1e-6
    assert maps.degenerate(rows).tolist() == expected.tolist() == [False, False, True, True]
