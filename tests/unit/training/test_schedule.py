import pytest
import torch

from distilscope.training.schedule import factor

EPOCHS, STEPS = 6, 5


def rates_of(make_scheduler):
    """Learning rates of torch's scheduler over a run, as factors on the base rate 0.2."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=0.2)
    scheduler = make_scheduler(optimiser)
    rates = []
    for _ in range(EPOCHS * STEPS):
        rates.append(optimiser.param_groups[0]["lr"] / 0.2)
        optimiser.step()
        scheduler.step()
    return rates


def factors(schedule):
    return [factor(schedule, step, STEPS, EPOCHS) for step in range(EPOCHS * STEPS)]


@pytest.mark.parametrize(
    ("schedule", "theirs"),
    [
        (
            {"name": "cosine"},
            lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, EPOCHS * STEPS),
        ),
        (
            {"name": "one-cycle"},
            lambda o: torch.optim.lr_scheduler.OneCycleLR(
                o, max_lr=0.2, total_steps=EPOCHS * STEPS
            ),
        ),
        ({"name": "constant"}, lambda o: torch.optim.lr_scheduler.ConstantLR(o, factor=1.0)),
        (
            {"name": "steps", "milestones": [2, 5], "gamma": 0.1},
            lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [2 * STEPS, 5 * STEPS], gamma=0.1),
        ),
    ],
)
def test_schedules_are_those_of_torch(schedule, theirs):
    assert factors(schedule) == pytest.approx(rates_of(theirs), rel=1e-6, abs=1e-9)


def test_the_cosine_goes_to_zero():
    assert factor({"name": "cosine"}, 3000 - 1, 1000, 3) < 1e-6


def test_a_warm_up_rises_in_equal_steps_and_the_shape_follows():
    found = factors({"name": "cosine", "warmup_epochs": 0.8})
    assert found[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert found[4:] == sorted(found[4:], reverse=True)
    assert found[-1] < 0.01


def test_milestones_are_epochs_of_the_run_with_a_warm_up_too():
    found = factors({"name": "steps", "milestones": [2], "gamma": 0.5, "warmup_epochs": 1})
    assert found[5:10] == [1.0] * 5
    assert found[10:] == [0.5] * 20


@pytest.mark.parametrize("name", ["cosine", "one-cycle", "constant", "steps"])
@pytest.mark.parametrize("epochs", [1, 2])
def test_runs_of_a_single_step_have_a_rate(name, epochs):
    assert 0 < factor({"name": name}, 0, 1, epochs) <= 1


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(
        ValueError, match="unknown schedule 'cosin'; accepted are cosine, one-cycle"
    ):
        factor({"name": "cosin"}, 0, 1, 1)


def test_a_warm_up_as_long_as_the_run_is_refused():
    with pytest.raises(ValueError, match="leaves nothing of 6 epochs"):
        factors({"name": "cosine", "warmup_epochs": 6})
