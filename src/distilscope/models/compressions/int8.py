"""Quantisation to int8 after training, as torch does it.

Weights are symmetric with a scale for each output channel, activations affine with one scale where
a layer takes them (`torch.ao.quantization`: `PerChannelMinMaxObserver`, `HistogramObserver`).
Convolutions and linear layers compute in int8; what lies between them stays in fp32. Batch norms
are folded into the convolutions before them.

A processor multiplies the integers and sums them in int32. Here the same numbers are multiplied
and summed in fp32, in which they differ from that by the rounding of fp32 alone; a test holds the
layers against torch's int8 kernels. Integers have no gradient: it passes straight through the
rounding (Bengio et al. 2013), so that it is that of the float layers with the quantised weights.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.ao.quantization import HistogramObserver, PerChannelMinMaxObserver
from torch.nn.utils.fusion import fuse_conv_bn_weights

from distilscope import store
from distilscope.models import weights
from distilscope.models.compressions import dense
from distilscope.models.compressions.dense import Facts
from distilscope.models.halving import Halving

DYNAMIC, STATIC = "int8-dynamic", "int8-static"
BATCH = 32
LEVELS = 255
LEAST_SHARE = 0.5  # of the weights; of fewer a model says little about int8
NORMS = (nn.BatchNorm2d,)


class Int8(nn.Module):
    """A convolution or linear layer of int8 weights and activations.

    Args:
        layer: whose weights are replaced by the quantised ones.
        weight: int8 (outputs, ...). scale: float32 (outputs,).
        ranges: (scale, zero point) of the input, float32 (2,); None takes those of each input as
            they come, image by image, so that no image's logits depend on its neighbours.
    """

    def __init__(
        self, layer: nn.Module, weight: Tensor, scale: Tensor, ranges: Tensor | None
    ) -> None:
        super().__init__()
        self.integers, self.scale, self.ranges = weight, scale, ranges
        with torch.no_grad():
            layer.weight.copy_(weight.float() * _by_output(scale, weight))
        self.layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        """What the layer puts out for the rounded inputs."""
        scale, zero = range_of(inputs) if self.ranges is None else self.ranges.to(inputs.device)
        return self.layer(rounded(inputs, scale, zero))


def rounded(values: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    """Values at the 256 levels (0 to 255, less the zero point) times the scale.

    The gradient passes where a value is within the range.
    """
    level = torch.round(values.detach() / scale) + zero
    found = (level.clamp(0, LEVELS) - zero) * scale
    if not values.requires_grad:
        return found
    inside = (level >= 0) & (level <= LEVELS)
    return torch.where(inside, found + (values - values.detach()), found)


def range_of(values: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and zero point of each image's own range, which 0 is a part of: (N, 1, ...) each."""
    rows = values.detach().flatten(1)
    low, high = rows.amin(dim=1).clamp(max=0), rows.amax(dim=1).clamp(min=0)
    scale = ((high - low) / LEVELS).clamp(min=torch.finfo(torch.float32).eps)
    shape = (-1, *(1 for _ in values.shape[1:]))
    return scale.view(shape), torch.round(-low / scale).view(shape)


def _by_output(scale: Tensor, weight: Tensor) -> Tensor:
    return scale.view(-1, *(1 for _ in weight.shape[1:]))


# --------------------------------------------------------------------------------- quantising


def compress(model: nn.Module, value: str, images: Tensor) -> tuple[nn.Module, Facts]:
    """Quantise a model.

    Args:
        model: changed in place.
        value: `int8-dynamic`: linear layers. `int8-static`: convolutions and linear layers.
        images: (N, C, H, W) as the model takes them: by the first it is seen which layers are
            called, by all the ranges of `int8-static`.

    Raises:
        ValueError: there is no layer to quantise.
    """
    total = sum(weight.numel() for weight in dense.weights_of(model).values())
    folded = _fold(model, images[:1]) if value == STATIC else []
    found = _quantisable(model, value, images[:1])
    if not found:
        raise ValueError(
            f"{type(model).__name__} has no {_kinds(value)} that can be quantised by {value}; "
            f"accepted are {DYNAMIC} for linear layers and {STATIC} for 2-d convolutions too"
        )
    halving = Halving("model")
    static = value == STATIC
    ranges = _ranges(model, found, images, halving) if static else dict.fromkeys(found)
    numbers = sum(layer.weight.numel() for layer in found.values())
    rest = dense.bytes_of_others(model)
    for path, layer in found.items():
        weight, scale = quantised(layer.weight.detach())
        model.set_submodule(path, Int8(layer, weight, scale, ranges[path]))
    model.folded = folded
    return model, {
        "weight_bytes": numbers + dense.FLOAT_BYTES * (total - numbers) + rest,
        "int8_share": numbers / total,
        "folded": [list(pair) for pair in folded],
        "notes": [*_notes(value, numbers / total), *halving.notes("images")],
    }


def _notes(value: str, share: float) -> list[str]:
    """A warning where most of the model is not quantised."""
    if share >= LEAST_SHARE:
        return []
    return [f"{value} quantises {100 * share:.2g} % of the weights; the others stay in fp32"]


def _kinds(value: str) -> str:
    return "linear layer" if value == DYNAMIC else "2-d convolution and no linear layer"


def _quantisable(model: nn.Module, value: str, image: Tensor) -> dict[str, nn.Module]:
    """The layers that can be quantised: a layer whose weight is used without calling it can't be,
    as in torch's attention.
    """
    kinds = (nn.Linear,) if value == DYNAMIC else (nn.Linear, nn.Conv2d)
    layers = dense.layers(model)
    called: set[nn.Module] = set()
    hooks = [m.register_forward_hook(lambda m, *_: called.add(m)) for m in layers.values()]
    with torch.no_grad():
        model.eval()(image)
    for hook in hooks:
        hook.remove()
    return {
        path: layer
        for path, layer in layers.items()
        if isinstance(layer, kinds)
        and layer in called
        and getattr(layer, "padding_mode", "zeros") == "zeros"
    }


def quantised(weight: Tensor) -> tuple[Tensor, Tensor]:
    """int8 weights and the scale of each output channel: round(w / s), s = max |w| / 127.5."""
    observer = PerChannelMinMaxObserver(dtype=torch.qint8, qscheme=torch.per_channel_symmetric)
    observer(weight)
    scale, _ = observer.calculate_qparams()
    scale = scale.float()
    integers = torch.round(weight / _by_output(scale, weight)).clamp(-128, 127)
    return integers.to(torch.int8), scale


def _ranges(
    model: nn.Module, found: Mapping[str, nn.Module], images: Tensor, halving: Halving
) -> dict[str, Tensor]:
    """Path -> (2,): scale and zero point of what the layer takes over the images."""
    seen = {path: HistogramObserver(dtype=torch.quint8) for path in found}
    hooks = [layer.register_forward_pre_hook(_watch(seen, p)) for p, layer in found.items()]

    def take(batch: Tensor) -> None:
        before = copy.deepcopy(seen)
        try:
            model(batch)
        except BaseException:  # layers before the one that failed have seen the batch
            seen.update(before)
            raise

    with torch.no_grad():
        for batch in images.split(BATCH):
            halving.run(len(batch), lambda rows, batch=batch: take(batch[rows]))
        for hook in hooks:
            hook.remove()
        return {
            path: torch.tensor([float(number) for number in own.calculate_qparams()])
            for path, own in seen.items()
        }


def _watch(seen: Mapping[str, nn.Module], path: str) -> Callable[[nn.Module, tuple], None]:
    def hook(module: nn.Module, inputs: tuple) -> None:
        seen[path](inputs[0])

    return hook


# ------------------------------------------------------------------------------------- folding


def _fold(model: nn.Module, image: Tensor) -> list[tuple[str, str]]:
    """Fold each batch norm into the convolution whose output it takes; (convolution, norm) paths.

    Who takes whose output is seen in a pass: it must be the very tensor, taken once.
    """
    made: dict[int, str] = {}
    taken: dict[str, list[str]] = {}
    kept: list[Tensor] = []  # so that no two outputs of a pass have one id

    def watch(path: str):
        def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            if isinstance(module, nn.Conv2d):
                made[id(output)] = path
                kept.append(output)
            elif id(inputs[0]) in made:
                taken.setdefault(made[id(inputs[0])], []).append(path)

        return hook

    leaves = {p: m for p, m in model.named_modules() if not list(m.children())}
    hooks = [m.register_forward_hook(watch(path)) for path, m in leaves.items()]
    with torch.no_grad():
        model(image)
    for hook in hooks:
        hook.remove()
    pairs = [
        (conv, takers[0])
        for conv, takers in taken.items()
        if len(takers) == 1 and isinstance(leaves[takers[0]], NORMS)
    ]
    for conv, norm in pairs:
        _fold_pair(model, conv, norm)
    return pairs


def _fold_pair(model: nn.Module, conv: str, norm: str) -> None:
    layer, batch_norm = model.get_submodule(conv), model.get_submodule(norm)
    layer.weight, layer.bias = fuse_conv_bn_weights(
        layer.weight,
        layer.bias,
        batch_norm.running_mean,
        batch_norm.running_var,
        batch_norm.eps,
        batch_norm.weight,
        batch_norm.bias,
    )
    model.set_submodule(norm, nn.Identity())


# ---------------------------------------------------------------------------------------- files


def save(model: nn.Module, path: Path) -> None:
    """Write the integers with their scales, biases and ranges, and what is not quantised."""
    arrays: dict[str, np.ndarray] = {}
    layers = {p: m for p, m in model.named_modules() if isinstance(m, Int8)}
    for name, tensor in model.state_dict().items():
        if not any(name.startswith(f"{p}.") for p in layers):
            arrays[f"state:{name}"] = tensor.detach().cpu().numpy()
    for name, layer in layers.items():
        arrays[f"int8:{name}"] = layer.integers.numpy()
        arrays[f"scale:{name}"] = layer.scale.numpy()
        if layer.layer.bias is not None:
            arrays[f"bias:{name}"] = layer.layer.bias.detach().numpy()
        if layer.ranges is not None:
            arrays[f"ranges:{name}"] = layer.ranges.numpy()
    store.write_tensors(path, arrays, {"folded": [list(pair) for pair in model.folded]})


def restore(model: nn.Module, value: str, path: Path) -> nn.Module:
    """The quantised model that `save` wrote, from a freshly built network."""
    arrays = {n: torch.from_numpy(a) for n, a in store.read_tensors(path).items()}
    for conv, norm in store.read_tensors_metadata(path)["folded"]:
        layer = model.get_submodule(conv)
        layer.bias = nn.Parameter(torch.zeros(layer.out_channels))
        model.set_submodule(norm, nn.Identity())
    for key, weight in arrays.items():
        kind, _, name = key.partition(":")
        if kind == "int8":
            layer = model.get_submodule(name)
            if layer.bias is not None:
                with torch.no_grad():
                    layer.bias.copy_(arrays[f"bias:{name}"])
            made = Int8(layer, weight, arrays[f"scale:{name}"], arrays.get(f"ranges:{name}"))
            model.set_submodule(name, made)
    state = {k.partition(":")[2]: v for k, v in arrays.items() if k.startswith("state:")}
    unknown = model.load_state_dict(state, strict=False).unexpected_keys
    if unknown:
        raise weights.WeightsError(f"{path}: the network has no {', '.join(unknown[:5])}")
    return model
