"""Which way round an output is, of networks whose layout is known from their source."""

import pytest
import torch
from torch import nn
from torchvision.models import get_model
from torchvision.models.convnext import CNBlock
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.ops import Permute

from distilscope.models.build import ModelError, shapes_of
from distilscope.models.layout import FIRST, LAST, LayoutError, channels_first, layout_of


def outputs_of(model, size):
    """Module path -> (module, its output of four dimensions), for a square image."""
    found = {}
    hooks = [
        module.register_forward_hook(lambda m, i, o, path=path: found.update({path: (m, o)}))
        for path, module in model.named_modules()
        if path
    ]
    device = next(model.parameters()).device
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, size, size, device=device))
    for hook in hooks:
        hook.remove()
    return {p: (m, o) for p, (m, o) in found.items() if isinstance(o, torch.Tensor) and o.ndim == 4}


@pytest.mark.parametrize("size", [32, 64])
def test_each_stage_and_block_of_a_swin_transformer_has_its_channels_last(size):
    with torch.device("meta"):
        model = SwinTransformer([4, 4], 24, [1, 2], [2, 4], [4, 4], num_classes=3)
    found = outputs_of(model, size)
    stages = [f"features.{path}" for path in ("0", "1", "1.0", "2", "3", "3.0", "3.1")]
    for path in stages:
        module, output = found[path]
        assert layout_of(module, output) == LAST
        assert channels_first(module, output).shape[1] in (24, 48)
    module, output = found["features.0.0"]
    assert layout_of(module, output) == FIRST


@pytest.mark.parametrize("name", ["convnext_tiny", "efficientnet_b0", "densenet121", "vgg11_bn"])
def test_convolutional_networks_have_their_channels_first(name):
    with torch.device("meta"):
        model = get_model(name, weights=None, num_classes=3)
    inside = (nn.Linear, nn.LayerNorm)  # of ConvNeXt's blocks, which turn back what they turned
    for path, (module, output) in outputs_of(model, 64).items():
        if not isinstance(module, (*inside, nn.GELU, Permute)):
            assert layout_of(module, output) == FIRST, path


def test_a_block_that_turns_its_channels_and_turns_them_back_has_them_first():
    block = CNBlock(12, layer_scale=1.0, stochastic_depth_prob=0.0)
    assert layout_of(block, block(torch.zeros(1, 12, 8, 8))) == FIRST


def test_a_block_that_weighs_its_channels_by_linear_layers_has_them_first():
    weighing = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 8))
    block = nn.ModuleDict({"conv": nn.Conv2d(3, 8, 1), "weighing": weighing})
    assert layout_of(block, torch.zeros(1, 8, 8, 8)) == FIRST


def test_what_looks_like_channels_last_without_a_module_that_says_so_is_refused():
    with pytest.raises(LayoutError, match=r"\(2, 5, 5, 8\).*nothing in it counts as many"):
        layout_of(nn.ReLU(), torch.zeros(2, 5, 5, 8))


def test_equal_sides_are_refused_where_something_in_the_module_works_on_the_last_of_them():
    """At 96 pixels the first map of this swin transformer is 24 x 24 x 24."""
    with torch.device("meta"):
        model = SwinTransformer([4, 4], 24, [1, 2], [2, 4], [4, 4], num_classes=3)
    found = outputs_of(model, 96)
    for path in ("features.0", "features.1", "features.1.0"):
        with pytest.raises(LayoutError, match="its sides don't tell"):
            layout_of(*found[path])
    assert layout_of(*found["features.2"]) == LAST


def test_the_check_of_layers_gives_a_swins_shapes_with_the_channels_first():
    with torch.device("meta"):
        model = get_model("swin_t", weights=None, num_classes=3)
    found = shapes_of(model, {"late": "features.7", "norm": "norm"}, 64, 3)
    assert found == {"late": (768, 2, 2), "norm": (768, 2, 2)}


class Turned(nn.Module):
    """Moves the channels behind the sides with no module that counts them."""

    def __init__(self, classes, channels):
        super().__init__()
        self.conv, self.act = nn.Conv2d(channels, 4, 3), nn.ReLU()
        self.head = nn.Linear(4, classes)

    def forward(self, images):
        return self.head(self.act(self.conv(images).movedim(1, 3)).mean(dim=(1, 2)))


def test_the_check_of_layers_refuses_a_module_of_which_nobody_can_say_where_its_channels_are():
    with pytest.raises(ModelError, match=r"layer 'late' \(act\) puts out \(2, 6, 6, 4\)"):
        shapes_of(Turned(3, 3), {"late": "act"}, 8, 3)
