"""Quantisation to int8 after training, on torch's own int8 kernels.

Weights are symmetric with a scale for each output channel, activations affine with one scale
(`torch.ao.quantization.get_default_qconfig("fbgemm")`, whose activations have 7 bits: with 8 its
kernels saturate on processors without VNNI). Convolutions and linear layers run in int8; what lies
between them stays in fp32. Batch norms are folded into the convolutions before them.

An int8 layer has no gradient. Where one is asked for, that of the float layer with the same
quantised weights stands in, at the activations of the int8 model (the straight-through estimator,
Bengio et al. 2013); what the layer puts out stays what the int8 kernel put out.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.ao.nn import quantized
from torch.ao.nn.quantized import dynamic
from torch.ao.quantization import HistogramObserver, PerChannelMinMaxObserver
from torch.nn.utils.fusion import fuse_conv_bn_weights

from distilscope import store
from distilscope.models import weights
from distilscope.models.compressions import dense
from distilscope.models.compressions.dense import Facts

DYNAMIC, STATIC = "int8-dynamic", "int8-static"
ENGINE = "fbgemm"
BATCH = 32
NORMS = (nn.BatchNorm2d,)


class Int8(nn.Module):
    """A convolution or linear layer that computes in int8.

    Args:
        layer: with the weights to quantise.
        weight: int8 (outputs, ...). scale: float32 (outputs,).
        ranges: (scale, zero point) of the input and of the output; None takes those of each input
            as they come, image by image, so that no image's logits depend on its neighbours.
    """

    def __init__(
        self, layer: nn.Module, weight: Tensor, scale: Tensor, ranges: Tensor | None
    ) -> None:
        super().__init__()
        self.int_weight, self.scale, self.ranges = weight, scale, ranges
        shape = (-1, *(1 for _ in weight.shape[1:]))
        with torch.no_grad():
            layer.weight.copy_(weight.float() * scale.view(shape))
        self.layer = layer
        self.kernel = _kernel(layer, weight, scale, ranges)

    def forward(self, inputs: Tensor) -> Tensor:
        """What the int8 kernel puts out, with the gradient of the float layer."""
        found = self._int8(inputs.detach().cpu()).to(inputs.device)
        if not (torch.is_grad_enabled() and inputs.requires_grad):
            return found
        smooth = self.layer(inputs)
        return found + (smooth - smooth.detach())

    def _int8(self, inputs: Tensor) -> Tensor:
        if self.ranges is None:
            return torch.cat([self.kernel(one[None]) for one in inputs.contiguous()])
        scale, zero = self.ranges[0].tolist()
        given = torch.quantize_per_tensor(inputs.contiguous(), scale, int(zero), torch.quint8)
        return self.kernel(given).dequantize()


def _kernel(layer: nn.Module, weight: Tensor, scale: Tensor, ranges: Tensor | None) -> nn.Module:
    """torch's int8 module of the same layer."""
    zeros = torch.zeros(len(scale), dtype=torch.int64)
    packed = torch._make_per_channel_quantized_tensor(weight, scale.double(), zeros, axis=0)
    bias = None if layer.bias is None else layer.bias.detach().float()
    if isinstance(layer, nn.Conv2d):
        kernel = quantized.Conv2d(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            layer.stride,
            layer.padding,
            layer.dilation,
            layer.groups,
            bias is not None,
            layer.padding_mode,
        )
    elif ranges is None:
        kernel = dynamic.Linear(layer.in_features, layer.out_features, bias is not None)
    else:
        kernel = quantized.Linear(layer.in_features, layer.out_features, bias is not None)
    kernel.set_weight_bias(packed, bias)
    if ranges is not None:
        kernel.scale, kernel.zero_point = float(ranges[1, 0]), int(ranges[1, 1])
    return kernel


# --------------------------------------------------------------------------------- quantising


def compress(model: nn.Module, value: str, images: Tensor | None) -> tuple[nn.Module, Facts]:
    """Quantise a model.

    Args:
        model: changed in place.
        value: `int8-dynamic`: linear layers. `int8-static`: convolutions and linear layers.
        images: (N, C, H, W) as the model takes them, for the ranges of `int8-static`.

    Raises:
        ValueError: there is no layer to quantise.
    """
    total = sum(layer.weight.numel() for layer in dense.layers(model).values())
    folded = _fold(model, images[:1]) if value == STATIC else []
    _require_engine()
    found = _quantisable(model, value)
    if not found:
        raise ValueError(
            f"{type(model).__name__} has no {_kinds(value)} that can be quantised by {value}; "
            f"accepted are {DYNAMIC} for linear layers and {STATIC} for 2-d convolutions too"
        )
    ranges = _ranges(model, found, images) if value == STATIC else dict.fromkeys(found)
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
    }


def _kinds(value: str) -> str:
    return "linear layer" if value == DYNAMIC else "2-d convolution and no linear layer"


def _quantisable(model: nn.Module, value: str) -> dict[str, nn.Module]:
    """The layers that can be quantised: torch's attention calls its own by their weights alone."""
    kinds = (nn.Linear,) if value == DYNAMIC else (nn.Linear, nn.Conv2d)
    attention = (m for m in model.modules() if isinstance(m, nn.MultiheadAttention))
    inside = {id(part) for module in attention for part in module.modules()}
    return {
        path: layer
        for path, layer in dense.layers(model).items()
        if isinstance(layer, kinds)
        and id(layer) not in inside
        and getattr(layer, "padding_mode", "zeros") == "zeros"
    }


def quantised(weight: Tensor) -> tuple[Tensor, Tensor]:
    """int8 weights and the scale of each output channel: round(w / s), s = max |w| / 127.5."""
    observer = PerChannelMinMaxObserver(dtype=torch.qint8, qscheme=torch.per_channel_symmetric)
    observer(weight)
    scale, _ = observer.calculate_qparams()
    shape = (-1, *(1 for _ in weight.shape[1:]))
    rounded = torch.round(weight / scale.view(shape)).clamp(-128, 127).to(torch.int8)
    return rounded, scale.float()


def _ranges(model: nn.Module, found: Mapping[str, nn.Module], images: Tensor) -> dict[str, Tensor]:
    """Path -> (2, 2): scale and zero point of the layer's input and output over the images."""
    seen = {path: (_observer(), _observer()) for path in found}
    hooks = [layer.register_forward_hook(_watch(*seen[path])) for path, layer in found.items()]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for start in range(0, len(images), BATCH):
            model(images[start : start + BATCH])
        for hook in hooks:
            hook.remove()
        return {
            path: torch.tensor([[float(x) for x in o.calculate_qparams()] for o in pair])
            for path, pair in seen.items()
        }


def _observer() -> HistogramObserver:
    return HistogramObserver(dtype=torch.quint8, quant_min=0, quant_max=127)


def _watch(before: nn.Module, after: nn.Module):
    def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        before(inputs[0])
        after(output)

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
    """Write what is quantised and what is not: `<path>.int8`, `.scale`, `.bias`, `.ranges`."""
    arrays: dict[str, np.ndarray] = {}
    layers = {p: m for p, m in model.named_modules() if isinstance(m, Int8)}
    for name, tensor in model.state_dict().items():
        if not any(name.startswith(f"{p}.") for p in layers):
            arrays[f"state:{name}"] = tensor.detach().cpu().numpy()
    for name, layer in layers.items():
        arrays[f"int8:{name}"] = layer.int_weight.numpy()
        arrays[f"scale:{name}"] = layer.scale.numpy()
        if layer.layer.bias is not None:
            arrays[f"bias:{name}"] = layer.layer.bias.detach().numpy()
        if layer.ranges is not None:
            arrays[f"ranges:{name}"] = layer.ranges.numpy()
    store.write_tensors(path, arrays, {"folded": [list(pair) for pair in model.folded]})


def restore(model: nn.Module, value: str, path: Path) -> nn.Module:
    """The quantised model that `save` wrote, from a freshly built network."""
    _require_engine()
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


def _require_engine() -> None:
    """Have torch's kernels for x86, or say that there are none.

    Raises:
        ValueError: this build of torch has no such kernels.
    """
    if ENGINE not in torch.backends.quantized.supported_engines:
        known = ", ".join(torch.backends.quantized.supported_engines)
        raise ValueError(
            f"int8 models run on torch's kernels {ENGINE}, which this build lacks (it has {known})"
        )
    torch.backends.quantized.engine = ENGINE
