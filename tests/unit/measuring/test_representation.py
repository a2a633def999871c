import numpy as np
import pytest

from distilscope.analyses.representation import representation


def _grams(features, batch):
    """Centred Grams (batches, b, b) of features (n, p)."""
    parts = features.reshape(-1, batch, features.shape[1])
    parts = parts - parts.mean(axis=1, keepdims=True)
    return parts @ parts.transpose(0, 2, 1)


def _naive(x, y, batch):
    """Debiased CKA by loops, from the formula of Song et al. (2012)."""
    sums = {"xy": 0.0, "xx": 0.0, "yy": 0.0}
    for start in range(0, len(x), batch):
        grams = {}
        for name, features in (("x", x), ("y", y)):
            part = features[start : start + batch]
            gram = np.array([[float(a @ b) for b in part] for a in part])
            np.fill_diagonal(gram, 0.0)
            grams[name] = gram
        one = np.ones(batch)
        for key in sums:
            k, other = grams[key[0]], grams[key[1]]
            trace = np.trace(k @ other)
            totals = (one @ k @ one) * (one @ other @ one) / ((batch - 1) * (batch - 2))
            cross = 2 * (one @ k @ other @ one) / (batch - 2)
            sums[key] += (trace + totals - cross) / (batch * (batch - 3))
    return sums["xy"] / np.sqrt(sums["xx"] * sums["yy"])


@pytest.fixture
def features():
    generator = np.random.default_rng(0)
    x = generator.standard_normal((240, 12))
    return x, x @ generator.standard_normal((12, 8)) + generator.standard_normal((240, 8))


def test_debiased_cka_equals_the_naive_loop_on_uncentred_features(features):
    x, y = features
    found = representation.cka([_grams(x + 5.0, 40)], [_grams(y + 3.0, 40)])
    assert found.debiased[0, 0] == pytest.approx(_naive(x, y, 40), abs=1e-10)


def test_biased_cka_equals_the_feature_space_formula(features):
    x, y = (f - f.mean(axis=0) for f in features)
    found = representation.cka([_grams(x, 240)], [_grams(y, 240)]).biased[0, 0]
    norm = np.linalg.norm
    assert found == pytest.approx(norm(x.T @ y) ** 2 / (norm(x.T @ x) * norm(y.T @ y)), abs=1e-12)


def test_a_layer_with_itself_is_one_and_rotation_scale_and_shift_change_nothing(features):
    x, y = features
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((12, 12)))[0]
    reference = [_grams(y, 60)]
    plain = representation.cka([_grams(x, 60)], reference)
    moved = representation.cka([_grams(1e-3 * (x @ rotation) + 7.0, 60)], reference)
    np.testing.assert_allclose(plain.debiased, moved.debiased, atol=1e-10)
    same = representation.cka([_grams(x, 60)], [_grams(x, 60)])
    assert same.debiased[0, 0] == pytest.approx(1.0)
    assert same.biased[0, 0] == pytest.approx(1.0)


def test_noise_scores_zero_debiased_and_its_null_when_biased():
    generator = np.random.default_rng(2)
    x, y = (_grams(generator.standard_normal((640, 512)), 64) for _ in range(2))
    found = representation.cka([x], [y])
    assert abs(found.debiased[0, 0]) < 0.02
    assert found.biased[0, 0] == pytest.approx(0.89, abs=0.01)
    assert found.biased_null[0, 0] == pytest.approx(found.biased[0, 0], abs=0.005)


def test_the_null_of_biased_cka_is_the_mean_over_permutations(features):
    x, y = _grams(features[0], 60), _grams(features[1], 60)
    generator, scores = np.random.default_rng(0), []
    for _ in range(400):
        order = generator.permutation(60)
        scores.append(representation.cka([x], [y[:, order][:, :, order]]).biased[0, 0])
    expected = representation.cka([x], [y]).biased_null[0, 0]
    assert np.mean(scores) == pytest.approx(expected, abs=4 * np.std(scores) / 20)


def test_the_size_of_batches_hardly_matters_to_the_debiased_value():
    generator = np.random.default_rng(0)
    x = generator.standard_normal((2400, 12))
    y = x @ generator.standard_normal((12, 8)) + generator.standard_normal((2400, 8))
    values = [
        representation.cka([_grams(x, batch)], [_grams(y, batch)]).debiased[0, 0]
        for batch in (8, 40, 240)
    ]
    assert np.ptp(values) < 0.02


def test_float32_grams_give_the_float64_value(features):
    x, y = (np.maximum(f, 0) + 30 for f in features)
    exact = representation.cka([_grams(x, 60)], [_grams(y, 60)])
    stored = representation.cka(
        [_grams(x, 60).astype(np.float32)], [_grams(y, 60).astype(np.float32)]
    )
    np.testing.assert_allclose(stored.debiased, exact.debiased, atol=1e-6)


def test_all_pairs_are_rows_by_columns(features):
    x, y = _grams(features[0], 60), _grams(features[1], 60)
    found = representation.cka([x, y, x], [y, x])
    assert found.debiased.shape == (3, 2)
    np.testing.assert_allclose(found.debiased[[1, 0], [0, 1]], 1.0)


def test_a_constant_layer_is_nan(features):
    x = _grams(features[0], 60)
    assert np.isnan(representation.cka([np.zeros_like(x)], [x]).debiased).all()


def test_small_batches_and_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match="at least 4"):
        representation.cka([np.zeros((2, 3, 3))], [np.zeros((2, 3, 3))])
    with pytest.raises(ValueError, match="one shape"):
        representation.cka([np.zeros((2, 4, 4))], [np.zeros((1, 4, 4))])
