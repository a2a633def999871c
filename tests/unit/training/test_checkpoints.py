"""Checkpoints: what comes back, which are kept, when one is due."""

import pytest
import torch

from distilscope import store
from distilscope.models.build import build
from distilscope.training import checkpoint
from distilscope.training.checkpoint import Keeper, State
from distilscope.training.optimiser import Optimiser

from .making import ADAMW, CLASSES, NETWORK, RECIPE

IDENTITY = "0123456789ab"


def stepped(seed=1, settings=RECIPE["optimizer"], steps=1):
    """A network and its optimiser after a step or more, so that there is a state."""
    model = build(NETWORK, CLASSES, seed=seed).to(memory_format=torch.channels_last)
    found = Optimiser(model, settings)
    model(torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(seed))).sum().backward()
    for _ in range(steps):
        found.step(0.1)
    return model, found


@pytest.mark.parametrize("settings", [RECIPE["optimizer"], ADAMW], ids=["sgd", "adamw"])
def test_everything_comes_back(tmp_path, settings):
    model, found = stepped(settings=settings, steps=2)
    state = State(torch.tensor([1.5, 2.0, 3.0]).double(), 4, 7, [[0.1] * 5] * 4, [1.0] * 4, 0.5)
    Keeper(tmp_path, "net", IDENTITY).save(model, found, state)
    other, of_other = stepped(seed=2, settings=settings)
    back = Keeper(tmp_path, "net", IDENTITY).load(other, of_other, torch.device("cpu"))
    assert torch.equal(back.sums, state.sums)
    assert (back.epoch, back.step, back.history) == (4, 7, state.history)
    assert (back.seconds, back.spent) == (state.seconds, 0.5)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
    for kind, tensors in found.state.items():
        for name, tensor in tensors.items():
            assert tensor.abs().sum() > 0
            assert torch.equal(tensor, of_other.state[kind][name])
            assert tensor.stride() == of_other.state[kind][name].stride()


def test_only_the_newest_checkpoint_and_its_digest_are_kept(tmp_path):
    keeper, (model, found) = Keeper(tmp_path, "net", IDENTITY), stepped()
    (keeper.folder).mkdir()
    (keeper.folder / ".left-by-a-kill.part").write_bytes(b"x")
    for step in (1, 2, 3):
        keeper.save(model, found, State(torch.zeros(3).double(), step=step))
    names = sorted(path.name for path in keeper.folder.iterdir())
    assert names == ["000000-00000003.safetensors", "000000-00000003.safetensors.sha256"]


def test_nothing_to_load_is_none(tmp_path):
    assert Keeper(tmp_path, "net", IDENTITY).load(*stepped(), torch.device("cpu")) is None


def test_a_checkpoint_is_due_every_minute_and_at_an_epochs_end_if_it_is_cheap(
    tmp_path, monkeypatch
):
    now = [0.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])
    write = store.write_tensors

    def slow(*arguments):
        write(*arguments)
        now[0] += 0.5

    monkeypatch.setattr(store, "write_tensors", slow)
    keeper, (model, found) = Keeper(tmp_path, "net", IDENTITY), stepped()
    now[0] = 59.0
    assert not keeper.due(epoch_ended=False)
    assert keeper.due(epoch_ended=True)
    now[0] = 60.0
    assert keeper.due(epoch_ended=False)
    keeper.save(model, found, State(torch.zeros(3).double(), step=1))
    now[0] = 60.5 + 9.9
    assert not keeper.due(epoch_ended=True)
    now[0] = 60.5 + 10.1
    assert keeper.due(epoch_ended=True)
