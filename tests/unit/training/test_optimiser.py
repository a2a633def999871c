import numpy as np
import pytest
import torch
from torch import nn

from distilscope.training.optimiser import Optimiser

SGD = {"name": "sgd", "momentum": 0.9, "weight_decay": 0.01, "nesterov": False}
ADAMW = {"name": "adamw", "betas": [0.9, 0.98], "eps": 1e-6, "weight_decay": 0.1}
BOTH = pytest.mark.parametrize("settings", [SGD, ADAMW], ids=["sgd", "adamw"])
RATES = (0.1, 0.05, 0.2)


def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))


def loss(model, step):
    images = torch.randn(5, 2, 4, 4, generator=torch.Generator().manual_seed(step))
    return model(images).square().sum()


def run(model, settings, steps=6):
    found = Optimiser(model, settings)
    for step in range(steps):
        found.forget_gradients()
        loss(model, step).backward()
        found.step(0.1 / (step + 1))
    return found


def run_of_torch(model, settings, *, foreach, steps=6):
    kind = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[settings["name"]]
    taken = {key: value for key, value in settings.items() if key != "name"}
    expected = kind(model.parameters(), lr=0.1, foreach=foreach, **taken)
    for step in range(steps):
        expected.zero_grad()
        loss(model, step).backward()
        expected.param_groups[0]["lr"] = 0.1 / (step + 1)
        expected.step()


def moved(settings):
    """A weight (2, 3) after a step at each of `RATES`, where it began, and its gradients."""
    model, random = nn.Linear(3, 2), np.random.default_rng(0)
    found, start = Optimiser(model, settings), model.weight.detach().clone()
    gradients = [random.normal(size=(2, 3)).astype(np.float32) for _ in RATES]
    for rate, gradient in zip(RATES, gradients, strict=True):
        model.weight.grad = torch.tensor(gradient)
        found.step(rate)
    return model.weight.detach(), start, gradients


@pytest.mark.parametrize("nesterov", [False, True])
def test_steps_of_sgd_are_those_of_the_formula_in_float64(nesterov):
    found, start, gradients = moved({**SGD, "nesterov": nesterov})
    by_hand, velocity = start.numpy().astype(np.float64), 0.0
    for rate, gradient in zip(RATES, gradients, strict=True):
        gradient = gradient + 0.01 * by_hand
        velocity = 0.9 * velocity + gradient
        by_hand = by_hand - rate * (gradient + 0.9 * velocity if nesterov else velocity)
    np.testing.assert_allclose(found, by_hand, rtol=1e-5, atol=1e-7)


def test_steps_of_adamw_are_those_of_the_formula_in_float64():
    found, start, gradients = moved(ADAMW)
    by_hand, mean, square = start.numpy().astype(np.float64), 0.0, 0.0
    for step, (rate, gradient) in enumerate(zip(RATES, gradients, strict=True), 1):
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.98 * square + 0.02 * gradient**2
        size = np.sqrt(square / (1 - 0.98**step)) + 1e-6
        by_hand = by_hand * (1 - rate * 0.1) - rate * mean / (1 - 0.9**step) / size
    np.testing.assert_allclose(found, by_hand, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("changes", [{}, {"nesterov": True}, {"momentum": 0.0}, {"name": "adamw"}])
def test_a_run_is_that_of_torch_to_the_last_bit(changes):
    settings = ADAMW if "name" in changes else {**SGD, **changes}
    ours, theirs = network(), network()
    run(ours, settings)
    run_of_torch(theirs, settings, foreach=True)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_run_has_the_bits_of_the_operations_that_models_were_trained_with(nesterov):
    """v = m v + (g + d p), and p falls by r v: an operation at a time, a parameter at a time."""
    ours, model = network(), network()
    run(ours, {**SGD, "nesterov": nesterov})
    velocities = [torch.zeros_like(p) for p in model.parameters()]
    for step in range(6):
        model.zero_grad()
        loss(model, step).backward()
        with torch.no_grad():
            for p, v in zip(model.parameters(), velocities, strict=True):
                gradient = p.grad.add_(p, alpha=0.01)
                v.mul_(0.9).add_(gradient)
                move = gradient.add_(v, alpha=0.9) if nesterov else v
                p.add_(move, alpha=-0.1 / (step + 1))
    for one, other in zip(ours.parameters(), model.parameters(), strict=True):
        assert torch.equal(one, other)


@BOTH
def test_parameters_without_a_gradient_stay(settings):
    model = network()
    before = model[3].weight.clone()
    found = Optimiser(model, settings)
    model[0](torch.ones(1, 2, 4, 4)).sum().backward()
    found.step(0.1)
    assert torch.equal(model[3].weight, before)
    assert not model[0].weight.equal(network()[0].weight)


@BOTH
def test_the_decay_is_on_biases_too_as_published(settings):
    model = nn.Linear(2, 1)
    nn.init.constant_(model.bias, 1.0)
    model.bias.grad = torch.zeros(1)
    Optimiser(model, {**settings, "weight_decay": 0.1}).step(0.5)
    assert model.bias.item() == pytest.approx(0.95)


@BOTH
def test_the_state_lies_in_memory_as_its_parameter_does(settings):
    model = network().to(memory_format=torch.channels_last)
    first = next(iter(Optimiser(model, settings).state.values()))
    assert first["0.weight"].stride() == model[0].weight.stride()
