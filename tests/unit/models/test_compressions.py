"""Ways of compressing, against magnitudes, singular values and torch's int8 kernels."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import VisionTransformer

from distilscope import catalog
from distilscope.models.build import build
from distilscope.models.compressions import dense, int8, low_rank, number_type, prune
from distilscope.models.halving import Halving
from tests.unit.observing.making import CLASSES, PLAIN, RESNET, lively

IMAGES = torch.randn(12, 3, 16, 16, generator=torch.Generator().manual_seed(5))


def weights_of(model) -> dict[str, np.ndarray]:
    """The weights that are compressed, found here by their dimensions."""
    state = model.state_dict()
    return {name: w.numpy().copy() for name, w in state.items() if w.ndim in (2, 4)}


def logits(model) -> np.ndarray:
    with torch.no_grad():
        return model.eval()(IMAGES).numpy()


# ------------------------------------------------------------------------------------- pruning


def test_pruning_takes_the_smallest_magnitudes_of_all_layers_together():
    model = lively(PLAIN, 1)
    before = weights_of(model)
    biases = {n: t.clone() for n, t in model.state_dict().items() if t.ndim not in (2, 4)}
    _, facts = prune.compress(model, 0.37, IMAGES)
    every = np.concatenate([np.abs(w).ravel() for w in before.values()])
    count = round(0.37 * every.size)
    threshold = np.sort(every)[count]
    for name, after in weights_of(model).items():
        assert np.array_equal(after, np.where(np.abs(before[name]) < threshold, 0, before[name]))
    gone = {name: float((w == 0).mean()) for name, w in weights_of(model).items()}
    assert {f"{path}.weight": share for path, share in facts["zeros"].items()} == pytest.approx(
        gone
    )
    assert len(set(np.round(list(gone.values()), 3))) > 1, "each layer has a share of its own"
    assert all(torch.equal(model.state_dict()[name], t) for name, t in biases.items())
    others = sum(t.numel() for t in biases.values())
    assert facts["weight_bytes"] == 4 * (every.size - count + others)


def test_of_equal_magnitudes_exactly_the_share_goes():
    layer = nn.Linear(10, 4, bias=False)
    nn.init.constant_(layer.weight, -0.5)
    prune.compress(nn.Sequential(layer), 0.3, IMAGES)
    assert int((layer.weight == 0).sum()) == 12


def test_a_weight_that_two_layers_share_counts_once():
    one, other = nn.Linear(4, 4), nn.Linear(4, 4)
    other.weight = one.weight
    assert list(dense.weights_of(nn.Sequential(one, other))) == ["0"]


def test_the_projections_of_torchs_attention_are_weights_too():
    """torchvision's ViT has them beside its layers: a quarter of all."""
    model = VisionTransformer(16, 8, 1, 2, 16, 32, num_classes=5)  # a layer of width 16
    before = {name: w.detach().clone() for name, w in model.named_parameters()}
    _, facts = prune.compress(model, 0.5, IMAGES)
    names = {f"{path}.weight" if f"{path}.weight" in before else path for path in facts["zeros"]}
    assert names == {n for n, w in before.items() if w.ndim in (2, 4)}
    every = np.concatenate([before[name].abs().flatten().numpy() for name in names])
    threshold = np.sort(every)[round(0.5 * every.size)]
    inside = "encoder.layers.encoder_layer_0.self_attention.in_proj_weight"
    found = model.get_parameter(inside).detach().numpy()
    was = before[inside].numpy()
    assert np.array_equal(found, np.where(np.abs(was) < threshold, 0, was)) and (found == 0).any()
    _, facts = low_rank.compress(model, 0.25, IMAGES)
    assert np.linalg.matrix_rank(model.get_parameter(inside).detach().numpy()) == 4
    assert facts["ranks"][inside] == [4, 16]


def test_a_model_without_weights_to_compress_is_refused():
    with pytest.raises(ValueError, match="no convolution and no linear layer"):
        prune.compress(nn.Sequential(nn.BatchNorm2d(3)), 0.3, IMAGES)


# ------------------------------------------------------------------------------------ low rank


def test_low_rank_is_the_best_approximation_of_its_rank():
    model = lively(PLAIN, 2)
    before = weights_of(model)
    _, facts = low_rank.compress(model, 0.5, IMAGES)
    for name, after in weights_of(model).items():
        whole = before[name].reshape(len(before[name]), -1).astype(np.float64)
        u, s, v = np.linalg.svd(whole, full_matrices=False)
        rank = max(1, round(0.5 * len(s)))
        assert facts["ranks"][name.removesuffix(".weight")] == [rank, len(s)]
        wanted = sum(s[i] * np.outer(u[:, i], v[i]) for i in range(rank))
        np.testing.assert_allclose(after.reshape(whole.shape), wanted, atol=1e-6)
        left_out = np.sqrt((s[rank:] ** 2).sum())  # Eckart and Young
        assert np.linalg.norm(after.reshape(whole.shape) - whole) == pytest.approx(left_out, 1e-4)


# ----------------------------------------------------------------------------------- precision


def test_bf16_numbers_have_eight_bits_of_mantissa_in_weights_and_between_modules():
    model, seen = lively(RESNET, 3), []
    number_type.compress(model, "bf16", IMAGES)
    for module in model.modules():
        module.register_forward_hook(lambda m, i, out: seen.append(out.clone()))
    found = logits(model)
    every = [*(t.numpy() for t in model.state_dict().values() if t.is_floating_point())]
    every += [out.detach().numpy() for out in seen]
    for values in every:
        assert not (values.view(np.uint32) & 0xFFFF).any()  # bfloat16 is the upper half of fp32
    assert len(seen) > 20
    np.testing.assert_allclose(found, logits(lively(RESNET, 3)), rtol=0.1, atol=0.1)


def test_bf16_layers_put_out_what_torchs_own_bfloat16_layer_does():
    layer = nn.Linear(48, 7)
    inputs = torch.randn(5, 48)
    own = nn.Linear(48, 7).bfloat16()
    own.load_state_dict(layer.state_dict())
    wanted = own(inputs.bfloat16()).float().detach().numpy()
    number_type.compress(layer, "bf16", IMAGES)
    step = np.abs(wanted) * 2.0**-7  # sums may be rounded to either neighbour
    assert np.all(np.abs(layer(inputs).detach().numpy() - wanted) <= step)


# ---------------------------------------------------------------------------------------- int8


def test_int8_weights_are_rounded_by_output_channel():
    weight = torch.randn(6, 3, 3, generator=torch.Generator().manual_seed(4))
    integers, scale = int8.quantised(weight)
    for channel, own, step in zip(weight.numpy(), integers.numpy(), scale.numpy(), strict=True):
        assert step == pytest.approx(np.abs(channel).max() / 127.5)
        assert np.abs(own * step - channel).max() <= 0.51 * step
        assert np.abs(own.astype(int)).max() >= 127


def kernel_of(layer, made, ranges):
    """torch's own int8 module with the same integers: the oracle."""
    from torch.ao.nn import quantized

    packed = torch._make_per_channel_quantized_tensor(
        made.integers, made.scale.double(), torch.zeros(len(made.scale), dtype=torch.int64), 0
    )
    if isinstance(layer, nn.Conv2d):
        sizes = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride)
        kernel = quantized.Conv2d(*sizes, layer.padding, groups=layer.groups)
    else:
        kernel = quantized.Linear(layer.in_features, layer.out_features)
    kernel.set_weight_bias(packed, layer.bias.detach())
    kernel.scale, kernel.zero_point = ranges
    return kernel


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(8, 12, 3, stride=2, padding=1), (4, 8, 9, 9)),
        (nn.Conv2d(8, 8, 3, groups=4), (4, 8, 9, 9)),
        (nn.Linear(40, 6), (4, 40)),
    ],
    ids=["strided", "grouped", "linear"],
)
def test_int8_layers_put_out_what_torchs_int8_kernels_do(layer, shape):
    """Activations of 7 bits: with 8 the kernels saturate on processors without VNNI."""
    determined = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)  # which torch's int8 kernels don't have
    inputs = torch.randn(shape, generator=torch.Generator().manual_seed(1)).clamp(-2, 2)
    scale, zero = 4 / 127, 64
    made = int8.Int8(layer, *int8.quantised(layer.weight.detach()), torch.tensor([scale, zero]))
    found = made(inputs).detach()
    step = float(found.max() - found.min()) / 200  # the kernel rounds what it puts out; we don't
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that quantised tensors are deprecated
        kernel = kernel_of(layer, made, (step, 128))
        given = torch.quantize_per_tensor(inputs, scale, zero, torch.quint8)
        wanted = kernel(given).dequantize()
    torch.use_deterministic_algorithms(determined)
    low, high = -128 * step, 127 * step
    assert float((found.clamp(low, high) - wanted).abs().max()) <= 0.51 * step


def test_dynamic_ranges_are_each_images_own():
    layer = nn.Linear(20, 5)
    made = int8.Int8(layer, *int8.quantised(layer.weight.detach()), None)
    draw = torch.Generator().manual_seed(3)
    inputs = torch.randn(6, 20, generator=draw) * torch.logspace(-2, 2, 6)[:, None]
    alone = torch.cat([made(one[None]) for one in inputs])
    assert torch.allclose(made(inputs), alone, rtol=1e-5)
    for row in inputs.numpy():
        low, high = min(row.min(), 0), max(row.max(), 0)
        step = (high - low) / 255
        zero = np.round(-low / step)
        wanted = (np.clip(np.round(row / step) + zero, 0, 255) - zero) * step
        found = int8.rounded(torch.from_numpy(row)[None], *int8.range_of(torch.tensor(row)[None]))
        np.testing.assert_allclose(found[0].numpy(), wanted, rtol=1e-5, atol=1e-6 * step)


def test_the_gradient_of_an_int8_layer_is_that_of_the_float_layer_with_the_quantised_weights():
    layer = nn.Linear(20, 5)
    made = int8.Int8(layer, *int8.quantised(layer.weight.detach()), torch.tensor([0.01, 128.0]))
    inputs = torch.full((3, 20), 0.5).requires_grad_()
    inputs.data[:, 0] = 9.0  # beyond the range, which ends at 1.27
    made(inputs)[:, 2].sum().backward()
    wanted = made.integers[2].float() * made.scale[2]
    wanted[0] = 0
    assert torch.allclose(inputs.grad, wanted.expand(3, -1))
    with torch.no_grad():
        assert torch.equal(made(inputs), made(inputs.detach().clone().requires_grad_()))


@pytest.mark.parametrize("architecture", [PLAIN, RESNET], ids=["plain", "resnet"])
def test_folding_batch_norms_changes_nothing_but_rounding(architecture):
    model = lively(architecture, 6)
    norms = sum(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    before = logits(model)
    pairs = int8._fold(model, IMAGES[:1])
    assert len(pairs) == norms > 0
    assert not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    np.testing.assert_allclose(logits(model), before, rtol=1e-4, atol=1e-5)


class Counting(nn.Module):
    """What takes ranges, and counts the images in place of that."""

    def __init__(self, dtype):
        super().__init__()
        self.images = 0

    def forward(self, inputs):
        self.images += len(inputs)

    def calculate_qparams(self):
        return self.images, 0


def test_ranges_of_a_batch_that_does_not_fit_in_memory_count_each_image_once(monkeypatch):
    """Layers before the one that fails see the batch, and see its halves again."""
    monkeypatch.setattr(int8, "HistogramObserver", Counting)
    model, halving = lively(PLAIN, 1), Halving("model")

    def refuse(module, inputs):
        if len(inputs[0]) > 5:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried too much")

    model.get_submodule("head").register_forward_pre_hook(refuse)
    layers = {path: m for path, m in model.named_modules() if isinstance(m, nn.Conv2d)}
    ranges = int8._ranges(model, layers, IMAGES, halving)
    assert len(layers) > 1 and halving.most == 3
    assert [pair.tolist() for pair in ranges.values()] == [[len(IMAGES), 0.0]] * len(layers)


def test_static_quantisation_leaves_the_paths_of_all_modules():
    model = lively(RESNET, 7)
    paths = {path for path, _ in model.named_modules()}
    before = logits(model)
    _, facts = int8.compress(model, int8.STATIC, IMAGES)
    assert paths <= {path for path, _ in model.named_modules()}
    assert facts["int8_share"] == 1.0
    found = logits(model)
    assert not np.array_equal(found, before)
    assert np.corrcoef(found.ravel(), before.ravel())[0, 1] > 0.99


class Attends(nn.Module):
    """A layer that uses the weight of another without calling it, as torchvision's swin does."""

    def __init__(self):
        super().__init__()
        self.used, self.called = nn.Linear(16, 16), nn.Linear(16, 4)

    def forward(self, inputs):
        rows = inputs.mean(dim=(1, 2))
        return self.called(nn.functional.linear(rows, self.used.weight, self.used.bias))


@pytest.mark.parametrize("value", [int8.DYNAMIC, int8.STATIC])
def test_a_layer_that_is_used_without_being_called_stays_as_it_is(value):
    model, facts = int8.compress(Attends(), value, IMAGES)
    assert isinstance(model.used, nn.Linear) and isinstance(model.called, int8.Int8)
    assert facts["int8_share"] == pytest.approx(64 / (256 + 64))
    assert "20 % of the weights" in facts["notes"][0]


def test_int8_integers_are_torchs_own():
    weight = torch.randn(6, 5, 3, 3, generator=torch.Generator().manual_seed(2))
    integers, scale = int8.quantised(weight)
    nothing = torch.zeros(6, dtype=torch.int64)
    theirs = torch.quantize_per_channel(weight, scale.double(), nothing, 0, torch.qint8)
    assert torch.equal(theirs.int_repr(), integers)


def test_what_of_a_transformer_stays_in_fp32_is_said():
    model = VisionTransformer(16, 8, 1, 2, 16, 32, num_classes=5)
    counts = [w.numel() for n, w in model.named_parameters() if n.endswith("weight") and w.ndim > 1]
    quantised = 2 * 16 * 32 + 16 * 5  # the layers between the attention, and the head
    _, facts = int8.compress(model, int8.DYNAMIC, IMAGES)
    assert facts["int8_share"] == pytest.approx(quantised / sum(counts))
    assert "the others stay in fp32" in facts["notes"][0]


def test_dynamic_quantisation_of_a_model_without_linear_layers_is_refused():
    with pytest.raises(ValueError, match="no linear layer that can be quantised by int8-dynamic"):
        int8.compress(nn.Sequential(nn.Conv2d(3, 4, 1)), int8.DYNAMIC, IMAGES)


# --------------------------------------------------------------------------------------- files

CODE = {"prune": prune, "low_rank": low_rank, "dtype": number_type, "quantise": int8}


@pytest.mark.parametrize(
    ("name", "value"),
    [("prune", 0.5), ("low_rank", 0.5), ("dtype", "bf16")]
    + [("quantise", value) for value in (int8.DYNAMIC, int8.STATIC)],
)
def test_what_is_read_back_says_the_same_to_the_last_bit(tmp_path, name, value):
    code = CODE[name]
    assert catalog.COMPRESSIONS[name].module == code.__name__
    model, facts = code.compress(lively(RESNET, 8), value, IMAGES)
    code.save(model, tmp_path / "weights.safetensors")
    fresh = build(RESNET, CLASSES, seed=99)
    found = code.restore(fresh, value, tmp_path / "weights.safetensors")
    assert np.array_equal(logits(found), logits(model))
    assert facts["weight_bytes"] < 4 * sum(
        t.numel() for t in lively(RESNET, 8).state_dict().values()
    )


def test_a_file_of_another_network_is_refused(tmp_path):
    model, _ = int8.compress(lively(RESNET, 8), int8.DYNAMIC, IMAGES)
    int8.save(model, tmp_path / "weights.safetensors")
    with pytest.raises((ValueError, AttributeError)):
        int8.restore(build(PLAIN, CLASSES), int8.DYNAMIC, tmp_path / "weights.safetensors")
