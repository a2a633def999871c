import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from distilscope import catalog
from distilscope.models.build import build
from distilscope.models.cost import cost, latencies, latency


def network(name, **settings):
    entry = catalog.ARCHITECTURES[name]
    return build({"builder": entry.builder, "settings": {**entry.settings, **settings}}, 10)


def blank(size, batch=1):
    return torch.zeros(batch, 3, size, size).to(memory_format=torch.channels_last)


def test_multiply_adds_of_the_tiny_network_by_hand():
    terms = 32 * 32 * 32 * 3 * 9 + 16 * 16 * 64 * 32 * 9 + 8 * 8 * 128 * 64 * 9 + 128 * 10
    found = cost(network("plain-tiny"), blank(32))
    assert (found.parameters, found.multiply_adds) == (94_762, terms)


def test_multiply_adds_of_a_bottleneck_resnet_are_those_of_its_products():
    model = network("resnet50", width=8).eval()
    terms = []

    def convolution(module, inputs, output):
        terms.append(output[0].numel() * module.weight[0].numel())

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(convolution)
    with torch.no_grad():
        model(torch.zeros(1, 3, 16, 16))
    by_hand = sum(terms) + model.fc.weight.numel()
    assert cost(model, blank(16)).multiply_adds == by_hand


class Attending(nn.Module):
    """Patches that attend to each other, grouped and transposed convolutions, a batched product."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.grouped = nn.Conv2d(8, 8, 3, groups=4)
        self.up = nn.ConvTranspose2d(8, 4, 2)
        self.head = nn.Linear(4, 10)

    def forward(self, images):
        grid = self.patches(images)
        tokens = grid.flatten(2).transpose(1, 2)
        seen, _ = self.attention(tokens, tokens, tokens)
        seen = torch.bmm(seen @ tokens.transpose(1, 2), tokens)
        seen = self.up(self.grouped(seen.transpose(1, 2).reshape(grid.shape)))
        return self.head(seen.mean(dim=(2, 3)))


@pytest.mark.parametrize("name", ["attending", "resnet18", "plain-small"])
def test_multiply_adds_are_half_of_what_torchs_own_counter_finds(name):
    model = Attending().eval() if name == "attending" else network(name).eval()
    images = torch.zeros(1, 3, 32, 32).to(memory_format=torch.channels_last)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(images)
    assert cost(model, blank(32)).multiply_adds == counter.get_total_flops() // 2 > 0


def test_measuring_leaves_the_mode_alone():
    model = network("plain-tiny").train()
    cost(model, blank(16))
    assert model.training
    model.eval()
    latency(model, blank(16), repeats=1)
    assert not model.training


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 2)
        self.seen = []

    def forward(self, images):
        self.seen.append(tuple(images.shape))
        return self.head(images.mean(dim=(2, 3)))


def test_latency_times_whole_batches():
    model = Counting()
    assert latency(model, blank(8, batch=5), repeats=3) > 0
    assert len(model.seen) >= 3
    assert set(model.seen) == {(5, 3, 8, 8)}


def test_latency_is_the_median_in_milliseconds(monkeypatch):
    clock = iter([0, 9, 0, 9, 0, 0.004, 0, 0.001, 0, 8.0])
    monkeypatch.setattr("distilscope.models.cost.time.perf_counter", lambda: next(clock))
    assert latency(Counting(), blank(8), repeats=3) == pytest.approx(4.0)


def test_latencies_leave_out_a_batch_that_does_not_fit(monkeypatch):
    model = Counting()

    def of(batch):
        if batch == 64:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return blank(8, batch=batch)

    found = latencies(model, of, [1, 2, 64])
    assert list(found) == ["batch 1", "batch 2"] and min(found.values()) > 0
    assert [model.seen.count((n, 3, 8, 8)) for n in (1, 2)] == [12, 5]
    with pytest.raises(RuntimeError, match="shapes"):
        latencies(nn.Linear(7, 2), lambda _: torch.zeros(1, 3), [1])
