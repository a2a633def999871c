import math

import pytest
import torch
import torchvision
from torch import nn

from distilscope import catalog
from distilscope.models.build import ModelError, build, check_layers, shapes_of

PLAIN_TINY = {
    "builder": "distilscope.models.plain:build",
    "settings": {"widths": [4, 6, 8], "pools": [1, 2]},
}


def shapes_only(classes, channels):
    return {"classes": classes, "channels": channels}


def described(name, **settings):
    entry = catalog.ARCHITECTURES[name]
    return {"builder": entry.builder, "settings": {**entry.settings, **settings}}


def on_meta(architecture, classes=10):
    with torch.device("meta"):
        return build(architecture, classes)


def check(architecture, layers, size, classes):
    """The shapes of the layers, worked out without numbers."""
    return shapes_of(on_meta(architecture, classes), layers, size, classes)


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("name", [n for n, e in catalog.ARCHITECTURES.items() if not e.described])
def test_networks_have_the_published_number_of_parameters(name):
    assert count(on_meta(described(name))) == catalog.ARCHITECTURES[name].parameters


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("plain-tiny", 94_762),
        ("plain-small", 242_474),
        ("plain-medium", 981_802),
        ("resnet50", 23_520_842),
    ],
)
def test_the_catalogue_states_the_published_counts(name, published):
    assert catalog.ARCHITECTURES[name].parameters == published


@pytest.mark.parametrize(
    ("name", "settings", "published"),
    [
        ("cifar-resnet", {"depth": 110}, 1_736_564),
        ("cifar-wide-resnet", {"depth": 40, "widen": 2}, 2_255_156),
        ("vgg8", {}, 3_965_028),
        ("shufflenet-v1", {}, 949_258),
        ("mobilenet-v2", {}, 812_836),
    ],
)
def test_networks_of_studies_of_distillation_have_their_counts_at_100_classes(
    name, settings, published
):
    """Those that RepDistiller's networks have, which later studies share."""
    assert count(on_meta(described(name, **settings), 100)) == published


@pytest.mark.parametrize(
    ("name", "depth", "said"),
    [
        ("cifar-resnet", 18, "6 n . 2, got 18"),
        ("cifar-wide-resnet", 4, "6 n . 4, got 4"),
        ("cifar-resnext", 30, "9 n . 2, got 30"),
    ],
)
def test_a_depth_that_a_family_does_not_have_is_refused(name, depth, said):
    with pytest.raises(ValueError, match=said):
        on_meta(described(name, depth=depth))


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("plain-tiny", [(32, 16, 16), (64, 8, 8), (128, 4, 4)]),
        ("plain-small", [(32, 32, 32), (64, 16, 16), (128, 8, 8), (128, 4, 4)]),
        ("plain-medium", [(32, 32, 32), (64, 16, 16), (128, 8, 8), (256, 4, 4), (256, 4, 4)]),
        ("resnet18", [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]),
        ("resnet101", [(256, 32, 32), (512, 16, 16), (1024, 8, 8), (2048, 4, 4)]),
    ],
)
def test_layers_have_the_published_shapes_at_32_pixels(name, shapes):
    found = check(described(name), catalog.ARCHITECTURES[name].layers, 32, 10)
    assert list(found.values()) == shapes


NARROW = {"width": 4, "widen": 1}
OF_IMAGES = [n for n, entry in catalog.ARCHITECTURES.items() if entry.modality == "images"]


@pytest.mark.parametrize("name", OF_IMAGES)
def test_the_head_is_a_linear_layer_over_the_pooled_last_explained_layer(name):
    entry = catalog.ARCHITECTURES[name]
    narrow = {key: least for key, least in NARROW.items() if key in entry.settings}
    model = build(described(name, **narrow), 5).eval()
    maps = []
    model.get_submodule(entry.layers[entry.explained[0]]).register_forward_hook(
        lambda module, inputs, output: maps.append(output)
    )
    with torch.no_grad():
        logits = model(torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
        head = model.get_submodule(entry.head)
        by_hand = maps[0].double().mean(dim=(2, 3)) @ head.weight.double().T + head.bias.double()
    torch.testing.assert_close(logits.double(), by_hand, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("depth", [18, 50])
def test_a_resnet_of_width_64_with_the_imagenet_stem_is_torchvisions(depth):
    theirs = torchvision.models.get_model(f"resnet{depth}", num_classes=7).eval()
    ours = build(described(f"resnet{depth}", stem="imagenet"), 7).eval()
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_the_width_scales_all_stages_alike(name):
    full, quarter = on_meta(described(name)), on_meta(described(name, width=16))
    planes = [(m.in_channels, m.out_channels) for m in full.modules() if isinstance(m, nn.Conv2d)]
    scaled = [
        (m.in_channels, m.out_channels) for m in quarter.modules() if isinstance(m, nn.Conv2d)
    ]
    expected = [(i if i == 3 else i // 4, o // 4) for i, o in planes]
    assert scaled == expected
    assert quarter.fc.in_features == full.fc.in_features // 4


def test_convolutions_of_a_resnet_start_with_torchvisions_spread():
    weight = build(described("resnet18", width=32), 10).layer2[0].conv1.weight
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.05)


def test_initial_weights_are_a_function_of_the_seed():
    first, again, other = (build(PLAIN_TINY, 3, seed=seed).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_building_neither_reads_nor_moves_the_global_generator():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    here = build(PLAIN_TINY, 3, seed=5).head.weight
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(here, build(PLAIN_TINY, 3, seed=5).head.weight)


def test_any_torchvision_classifier_gets_a_head_of_its_own():
    architecture = {
        "builder": catalog.TORCHVISION_BUILDER,
        "settings": {"name": "squeezenet1_1", "dropout": 0.25},
    }
    model = on_meta(architecture, classes=4)
    assert model(torch.zeros(2, 3, 64, 64, device="meta")).shape == (2, 4)
    assert model.classifier[0].p == 0.25


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_torchvision_networks_with_auxiliary_heads_return_logits_when_training(name):
    architecture = {"builder": catalog.TORCHVISION_BUILDER, "settings": {"name": name}}
    model = on_meta(architecture, classes=4).train()
    assert model(torch.zeros(2, 3, 96, 96, device="meta")).shape == (2, 4)


# ------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("architecture", "sentence"),
    [
        ({"builder": "distilscope.models.plain"}, "not of the form 'package.module:function'"),
        ({"builder": "no_such_package:build"}, "no module 'no_such_package'"),
        ({"builder": "distilscope.models.plain:bild"}, "did you mean 'build'"),
        ({"builder": f"{__name__}:shapes_only"}, "returned a dict; it must return an nn.Module"),
        (described("resnet18", dept=3), "unexpected keyword argument 'dept'"),
        (described("resnet18", depth=20), "`depth` is 20; accepted are 10, 14, 18, 26"),
        (described("resnet18", stem="big"), "accepted are 'small' and 'imagenet'"),
        (described("resnet18", width=0), "`width` is 0"),
        (described("plain-tiny", pools=[4]), "`pools` names block 4; blocks are 1 to 3"),
        (described("plain-tiny", widths=[]), "at least one block"),
        (
            {"builder": catalog.TORCHVISION_BUILDER, "settings": {"name": "resnet81"}},
            "did you mean 'resnet18'",
        ),
        (
            {"builder": catalog.TORCHVISION_BUILDER, "settings": {"name": "fcn_resnet50"}},
            "unknown torchvision classification network",
        ),
        (
            {"builder": catalog.TORCHVISION_BUILDER, "settings": {"name": "alexnet", "x": 1}},
            "torchvision's alexnet can't be built so",
        ),
    ],
)
def test_what_cannot_be_built_is_refused_with_a_sentence(architecture, sentence):
    with pytest.raises(ValueError) as refused:
        build(architecture, 10)
    assert sentence in str(refused.value)


def test_a_missing_layer_is_answered_with_the_nearest():
    with pytest.raises(ModelError, match=r"no module 'blocks.block9'; did you mean 'blocks.block"):
        check_layers(build(PLAIN_TINY, 3), {"last": "blocks.block9"})


def test_a_layer_that_is_not_a_feature_map_is_refused():
    with pytest.raises(ModelError, match=r"layer 'out' \(head\) must give a feature map.*\(2, 3\)"):
        check(PLAIN_TINY, {"out": "head"}, 16, 3)


def test_a_network_that_fails_without_a_word_is_refused_with_the_kind_of_its_error():
    class Silent(nn.Module):
        def forward(self, images):
            raise AssertionError

    with pytest.raises(ModelError, match="Silent can't take images of 3x32x32: AssertionError"):
        shapes_of(Silent(), {}, 32, 3)


def test_images_too_small_for_the_pools_are_refused():
    with pytest.raises(ModelError, match="PlainNet can't take images of 3x2x2"):
        check(PLAIN_TINY, {"b": "blocks.block1"}, 2, 3)


class Unused(nn.Module):
    def __init__(self, classes, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, 2, 3)
        self.idle = nn.Conv2d(2, 2, 1)
        self.head = nn.Linear(2, classes)

    def forward(self, images):
        return self.head(self.conv(images).mean(dim=(2, 3)))


def test_a_layer_that_never_runs_is_refused():
    with pytest.raises(ModelError, match=r"layer 'b' \(idle\) is not used"):
        check({"builder": f"{__name__}:Unused"}, {"b": "idle"}, 8, 3)


def test_logits_of_another_number_of_classes_are_refused():
    with pytest.raises(ModelError, match=r"must return logits \(images, 3\), got shape \(2, 4\)"):
        check({"builder": f"{__name__}:wrong"}, {"a": "conv"}, 8, 3)


def wrong(classes, channels):
    return Unused(classes + 1, channels)


class Again(Unused):
    """Uses one module twice."""

    def forward(self, images):
        return super().forward(images) + super().forward(images)


def test_a_layer_that_runs_twice_is_refused():
    with pytest.raises(ModelError, match=r"layer 'a' \(conv\) is called 2 times when the network"):
        check({"builder": f"{__name__}:Again"}, {"a": "conv"}, 8, 3)
