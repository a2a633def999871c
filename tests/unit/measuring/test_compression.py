"""What compressing costs, against loops over images and layers."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from distilscope import catalog
from distilscope.analyses.compression import measure, noise
from distilscope.analyses.compression.ladders import Rung, ladders
from distilscope.measuring.observations import Outputs
from distilscope.models.compressions import prune
from distilscope.models.halving import Halving
from distilscope.statistics.bootstrap import Resamples
from tests.unit.observing.making import PLAIN, PLAIN_LAYERS, lively

IMAGES = torch.randn(7, 3, 16, 16, generator=torch.Generator().manual_seed(5))


def outputs_of(model, path: str) -> np.ndarray:
    """What a layer puts out, by a hook of this test."""
    seen = []
    hook = model.get_submodule(path).register_forward_hook(lambda m, i, out: seen.append(out))
    with torch.no_grad():
        model(IMAGES)
    hook.remove()
    return seen[0].double().numpy()


def test_signal_and_noise_of_each_image_are_sums_of_squares():
    original, compressed = lively(PLAIN, 1), prune.compress(lively(PLAIN, 1), 0.4, IMAGES)[0]
    found = powers_of(original, compressed, Halving("models"))
    for name, path in PLAIN_LAYERS.items():
        own, other = outputs_of(original, path), outputs_of(compressed, path)
        signal, error = (np.concatenate([batch[name][i] for batch in found]) for i in (0, 1))
        for image in range(len(IMAGES)):
            wanted = sum(x * x for x in own[image].ravel())
            assert signal[image] == pytest.approx(wanted, rel=1e-6)
            pairs = zip(own[image].ravel(), other[image].ravel(), strict=True)
            assert error[image] == pytest.approx(sum((x - y) ** 2 for x, y in pairs), rel=1e-5)


def test_layers_of_batches_that_do_not_fit_in_memory_are_measured_in_halves():
    original, compressed = lively(PLAIN, 1), prune.compress(lively(PLAIN, 1), 0.4, IMAGES)[0]
    whole, halving = powers_of(original, compressed, Halving("models")), Halving("models")

    def refuse(module, inputs):
        if len(inputs[0]) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried too much")

    compressed.register_forward_pre_hook(refuse)
    found = powers_of(original, compressed, halving)
    assert halving.most == 2 and len(found) == 4
    for name in PLAIN_LAYERS:
        for each in (0, 1):
            one, other = (np.concatenate([part[name][each] for part in r]) for r in (whole, found))
            np.testing.assert_allclose(other, one, rtol=1e-4)


def powers_of(original, compressed, halving) -> list:
    batches = [IMAGES[:4], IMAGES[4:]]
    return list(
        noise.powers(original, compressed, PLAIN_LAYERS, batches, lambda images: images, halving)
    )


def test_decibels_are_of_the_sums_over_images_and_their_interval_holds_them():
    generator = np.random.default_rng(0)
    signal, error = generator.gamma(2.0, 50.0, 300), generator.gamma(2.0, 0.5, 300)
    value, low, high, reason = measure.decibels(signal, error, Resamples.draw(300, 500), 0.95)
    assert value == pytest.approx(10 * math.log10(signal.sum() / error.sum()))
    assert low < value < high and reason is None
    # Twenty decibels are a hundredth of the power: a tenth of the amplitude.
    tenth, *_ = measure.decibels(signal, signal / 100, Resamples.draw(300, 100), 0.95)
    assert tenth == pytest.approx(20.0)


def test_the_interval_of_decibels_is_that_of_resampling_images_by_hand():
    generator = np.random.default_rng(1)
    signal, error = generator.gamma(1.0, 5e6, 40), generator.gamma(1.0, 1e-3, 40)
    resamples = Resamples.draw(40, 200, seed=3)
    ratios = []
    for column in resamples.counts.T.astype(int):
        images = np.repeat(np.arange(40), column)
        ratios.append(10 * math.log10(signal[images].sum() / error[images].sum()))
    _, low, high, _ = measure.decibels(signal, error, resamples, 0.9)
    assert [low, high] == pytest.approx(list(np.quantile(ratios, [0.05, 0.95])), abs=1e-4)


@pytest.mark.parametrize(
    ("signal", "error", "why"), [(1.0, 0.0, measure.SAME), (0.0, 1.0, measure.SILENT)]
)
def test_a_layer_without_noise_or_signal_has_no_ratio_and_says_why(signal, error, why):
    found = measure.decibels(np.full(5, signal), np.full(5, error), Resamples.draw(5, 100), 0.95)
    assert np.isnan(found[0]) and found[3] == why


# ------------------------------------------------------------------------------ single images


def study_of(predictions: dict[str, list[int]]) -> SimpleNamespace:
    """Models that say a class each of images 100, 101 ...; the original surest of the last."""
    outputs = {}
    for name, classes in predictions.items():
        logits = np.zeros((len(classes), 3), np.float32)
        logits[np.arange(len(classes)), classes] = np.arange(1, len(classes) + 1) * 0.1
        index = 100 + np.arange(len(classes))
        outputs[name] = Outputs(index, np.zeros(len(classes), np.int64), logits, None)
    return SimpleNamespace(outputs=outputs)


def test_images_change_at_the_mildest_rung_that_predicts_otherwise():
    study = study_of(
        {"a": [0, 1, 2, 0, 1], "mild": [0, 1, 2, 1, 1], "mid": [2, 1, 2, 0, 1], "hard": [2] * 5}
    )
    own = [Rung(name, "a", "prune", name, 0.1) for name in ("mild", "mid", "hard")]
    found = measure.first_changes(study, own)
    rows = found[["index", "model", "rung", "prediction", "changed_to"]].to_numpy().tolist()
    assert rows == [
        [103, "mild", 1, 0, 1],
        [100, "mid", 2, 0, 2],
        [101, "hard", 3, 1, 2],
        [104, "hard", 3, 1, 2],
    ]
    later = dict(zip(found["index"], found["later"], strict=True))
    assert later[103] == 0.5 and later[100] == 1.0 and np.isnan(later[101])


def test_margins_are_the_likeliest_less_the_next():
    logits = np.log(np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]))
    assert measure.margins(logits) == pytest.approx([0.2, 0.7])


def test_rungs_are_in_the_order_of_what_they_take_away():
    values = [("prune", 0.9), ("low_rank", 0.25), ("prune", 0.3), ("low_rank", 0.5)]
    made = [
        Rung(f"m{i}", "a", way, str(value), catalog.COMPRESSIONS[way].severity(value))
        for i, (way, value) in enumerate(values)
    ]
    found = ladders(made)
    assert [rung.label for rung in found["a", "prune"]] == ["0.3", "0.9"]
    assert [rung.label for rung in found["a", "low_rank"]] == ["0.5", "0.25"]
