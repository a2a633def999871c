"""Layers that are proposed, of networks whose stages are known from their papers; token grids."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn
from torchvision.models import VisionTransformer, get_model

from distilscope import catalog
from distilscope.__main__ import main
from distilscope.models import preprocessing
from distilscope.models.build import ModelError, shapes_of
from distilscope.models.layers import propose
from distilscope.models.layout import TOKENS, LayoutError, from_first, grid_of, layout_of, to_first
from distilscope.observing.capture import Tap, watching
from distilscope.observing.methods import gradcam

STAGES = {  # the last output of each resolution, and whether a closed form holds behind the last
    "resnet18": (["relu", "layer1", "layer2", "layer3", "layer4"], "fc"),
    "mobilenet_v2": (
        ["features.1", "features.3", "features.6", "features.13", "features"],
        "classifier.1",
    ),
    "shufflenet_v2_x0_5": (["conv1", "stage2", "stage3", "conv5"], "fc"),
    "vgg11": (["features.1", "features.4", "features.9", "features.14", "features.19"], None),
}


@pytest.mark.parametrize("name", STAGES)
def test_the_last_output_of_each_stage_is_proposed_and_a_head_where_a_closed_form_holds(name):
    torch.manual_seed(0)
    model = get_model(name, weights=None, num_classes=7)
    found = propose(model, torch.randn(2, 3, 96, 96))
    stages, head = STAGES[name]
    assert list(found.compared.values()) == stages
    assert [found.compared[layer] for layer in found.maps] == stages[-1:-3:-1]
    assert found.head == head
    assert model.training  # as it was
    assert set(shapes_of(model, found.compared, 96, 7)) == set(found.compared)
    assert any(line.path == stages[-1] and line.calls == 1 for line in found.tree)


@pytest.mark.parametrize(
    ("name", "size", "stages"),
    [
        ("swin_t", 64, ["features.1", "features.3", "features.5", "permute"]),
        ("convnext_tiny", 64, ["features.1", "features.3", "features.5", "features"]),
    ],
)
def test_stages_end_with_their_last_block_and_not_with_the_stem(name, size, stages):
    model = get_model(name, weights=None, num_classes=3)
    found = list(propose(model, torch.randn(2, 3, size, size)).compared.values())
    assert found == stages


def transformer(layers: int = 3) -> VisionTransformer:
    torch.manual_seed(1)
    model = VisionTransformer(32, 8, layers, 2, 24, 48, num_classes=5)
    nn.init.normal_(model.heads.head.weight)  # torchvision begins with zeros
    return model.eval()


def test_of_a_transformer_the_blocks_before_the_last_are_proposed_and_no_head():
    found = propose(transformer(), torch.randn(2, 3, 32, 32))
    assert list(found.compared.values()) == [f"encoder.layers.encoder_layer_{n}" for n in (0, 1)]
    assert found.head is None


def test_maps_of_tokens_are_those_of_the_grid_without_the_class_token():
    """Against a pass of our own: gradient of the logit with respect to what a block puts out."""
    model, images = transformer(), torch.randn(3, 3, 32, 32)
    path = "encoder.layers.encoder_layer_1"
    with watching(model, {"block": Tap(path, whole=True, gradient=True)}) as watch:
        seen = watch(images)
        score = seen.logits[:, 2].sum()
        (gradient,) = torch.autograd.grad(score, [seen.outputs["block"]])
        maps = gradcam.from_gradient(seen.outputs["block"].detach(), gradient)
    kept = {}

    def keep(module, inputs, output):
        kept["tokens"] = output
        output.retain_grad()

    hook = model.get_submodule(path).register_forward_hook(keep)
    logits = model(images)
    logits[:, 2].sum().backward()
    hook.remove()
    tokens, slopes = kept["tokens"].detach()[:, 1:], kept["tokens"].grad[:, 1:]
    expected = (tokens * slopes.mean(dim=1, keepdim=True)).sum(dim=2).reshape(3, 4, 4)
    assert torch.allclose(seen.logits, logits, atol=1e-4)
    assert expected.abs().max() > 1e-3
    assert torch.allclose(maps, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("tokens", "before", "side"), [(49, 0, 7), (50, 1, 7), (198, 2, 14), (201, 5, 14)]
)
def test_a_grid_is_found_behind_class_distillation_and_register_tokens(tokens, before, side):
    output = torch.randn(2, tokens, 6)
    assert grid_of(output) == (before, side)
    assert layout_of(nn.Identity(), output) == TOKENS
    turned = to_first(output, TOKENS)
    assert turned[1, :, 1, 2].tolist() == output[1, before + side + 2].tolist()
    assert torch.equal(from_first(turned, output, TOKENS), output)


def test_tokens_of_no_square_are_refused():
    with pytest.raises(LayoutError, match="35 tokens are no square"):
        grid_of(torch.zeros(2, 35, 6))


def test_a_network_without_maps_is_told():
    with pytest.raises(ModelError, match="nothing in Sequential"):
        propose(nn.Sequential(nn.Flatten(), nn.Linear(48, 3)), torch.zeros(2, 3, 4, 4))


def test_the_preprocessing_of_torchvisions_weights_is_that_of_its_transforms():
    """From the documentation of ResNet18_Weights.IMAGENET1K_V1."""
    assert preprocessing.known("torchvision/resnet18") == {
        "size": 224,
        "resize": 256,
        "interpolation": "bilinear",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    }
    assert preprocessing.known("plain-tiny") is None
    assert preprocessing.known("torchvision/no-such-network") is None


def test_networks_and_preprocessing_of_timm():
    pytest.importorskip("timm", reason="the optional extra timm is not installed")
    from distilscope.models.timm_nets import build

    found = preprocessing.known("timm/vit_tiny_patch16_224")
    assert (found["size"], found["resize"], found["interpolation"]) == (224, 248, "bicubic")
    with torch.device("meta"):
        network = build(classes=9, channels=3, name="resnet10t")
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 9)
    with pytest.raises(catalog.UnknownName, match="resnet50"):
        build(classes=9, channels=3, name="resnet5O")
    with pytest.raises(catalog.UnknownName, match=r"none of the 1,\d+ known is near") as e:
        build(classes=9, channels=3, name="xyzzy")
    assert len(str(e.value)) < 200


def test_without_timm_the_extra_is_named(monkeypatch):
    from distilscope.models.timm_nets import build

    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ValueError, match=r"distilscope\[timm\]"):
        build(classes=9, channels=3, name="resnet10t")


def test_the_command_prints_the_tree_and_an_entry_for_a_study(capsys):
    assert main(["layers", "--model", "torchvision/shufflenet_v2_x0_5", "--size", "64"]) == 0
    said = capsys.readouterr().out
    assert "explained: [conv5, stage3]" in said and "head: fc" in said and "size: 224" in said
    assert main(["layers", "--model", "mynets:build"]) == 1
    assert "--allow-code" in capsys.readouterr().err


def test_the_command_opens_a_program_that_is_trusted(tmp_path, capsys):
    network = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    file = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(network.eval(), (torch.zeros(2, 3, 32, 32),)), file)
    typed = ["layers", "--model", str(file), "--size", "32"]
    assert main(typed) == 1
    assert "--allow-code" in capsys.readouterr().err
    assert main([*typed, "--allow-code"]) == 0
    said = capsys.readouterr().out
    assert f"program: {file}" in said and "explained: ['0']" in said


def test_the_command_line_loads_no_torch_until_it_is_asked_for():
    code = "import sys, distilscope.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_command_takes_a_network_as_an_audit_does(capsys):
    assert main(["layers", "--model", "shufflenet_v2_x0_5", "--size", "64", "--classes", "3"]) == 0
    assert "architecture: torchvision/shufflenet_v2_x0_5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("shufflenet_v2_x05", "unknown network 'shufflenet_v2_x05'; did you mean 'shufflenet_v2"),
        ("torchvision/fasterrcnn_resnet50_fpn", "unknown torchvision classification network"),
        ("torchvision/deeplabv3_resnet50", "unknown torchvision classification network"),
        ("a-folder", "unknown network 'a-folder'"),
        ("zzz", "known is near; the nearest are "),
    ],
)
def test_what_is_no_network_ends_the_command_with_a_sentence(capsys, model, words):
    assert main(["layers", "--model", model]) == 1
    said = capsys.readouterr().err
    assert words in said and "pydantic" not in said and "Traceback" not in said
    assert len(said) < 400, "of a library's networks a few are named"
