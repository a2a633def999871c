"""Layers in which oneDNN corrupts memory channels last, and how they are computed instead."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from distilscope.models.build import build
from distilscope.models.memory_format import place, unsafe_layers

AGAINST_FLOAT64 = """
import copy
import torch
from torch import nn
from distilscope.models.build import build
from distilscope.models.memory_format import place

torch.set_num_threads(1)
torch.manual_seed(0)
few = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 8, 1, stride=2, bias=False), nn.Flatten())
resnet = {"builder": "distilscope.models.resnet:build", "settings": {"depth": 10, "width": 4}}
plain = {"builder": "distilscope.models.plain:build", "settings": {"widths": [8, 12], "pools": [1]}}
for net in (few, build(resnet, 5), build(plain, 5)):
    exact = copy.deepcopy(net).double()
    place(net, "cpu")
    for step in range(20):
        images = torch.randn(16, 3, 16, 16).contiguous(memory_format=torch.channels_last)
        net.zero_grad()
        exact.zero_grad()
        net(images).square().mean().backward()
        exact(images.double()).square().mean().backward()
        for ours, theirs in zip(net.parameters(), exact.parameters(), strict=True):
            error = (ours.grad - theirs.grad).norm() / (theirs.grad.norm() + 1e-3)
            assert error < 1e-3, (type(net).__name__, tuple(ours.shape), error)
print("right")
"""
AVX2_ALONE = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}


@pytest.mark.parametrize("limits", [{}, AVX2_ALONE], ids=["as-it-is", "avx2-alone"])
def test_networks_with_a_strided_1x1_layer_of_few_channels_have_the_gradients_of_float64(limits):
    done = subprocess.run(
        [sys.executable, "-c", AGAINST_FLOAT64],
        env={**os.environ, **limits},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "right\n"), done.stderr


def test_layers_that_take_channels_first_are_those_of_a_narrow_resnets_shortcuts():
    def resnet(width):
        settings = {"depth": 18, "width": width}
        return build({"builder": "distilscope.models.resnet:build", "settings": settings}, 10)

    assert list(unsafe_layers(resnet(4))) == ["layer2.0.downsample.0"]
    assert list(unsafe_layers(resnet(2))) == ["layer2.0.downsample.0", "layer3.0.downsample.0"]
    assert unsafe_layers(resnet(8)) == {}


def test_kernels_strides_and_groups_that_are_safe_stay_channels_last():
    safe = nn.Sequential(
        nn.Conv2d(4, 8, 3, stride=2), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1, stride=2)
    )
    assert unsafe_layers(safe) == {}
    assert list(unsafe_layers(nn.Sequential(nn.Conv2d(8, 8, 1, stride=2, groups=4)))) == ["0"]


def test_the_rest_of_the_network_stays_channels_last_and_the_layer_is_named(caplog):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 8, 1, stride=(1, 2)), nn.Conv2d(8, 8, 3))
    seen = []
    with caplog.at_level("INFO"):
        place(net, "cpu")
    net[1].register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    images = torch.randn(2, 3, 9, 9).contiguous(memory_format=torch.channels_last)
    net(images)
    assert "layer 1 (1x1, stride 2, 4 channels in) is computed channels first" in caplog.text
    assert seen[0].is_contiguous() and net[1].weight.is_contiguous()
    assert net[2].weight.is_contiguous(memory_format=torch.channels_last)
