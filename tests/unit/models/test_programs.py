"""Programs as torch.jit, torch.export and an exporter of ONNX write them, opened as modules."""

from __future__ import annotations

import io
import zipfile
from collections import namedtuple

import pytest
import torch
from torch import nn

from distilscope.models import programs
from distilscope.models.layers import propose
from distilscope.models.outputs import choose
from distilscope.models.programs import ProgramError, opened

pytestmark = pytest.mark.filterwarnings("ignore")  # that TorchScript is deprecated

SIZE = 32


class Block(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(channels, width, 3, 2, 1), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))


class Net(nn.Module):
    """Two stages and a head; `view` bakes the number of images into a traced program."""

    def __init__(self):
        super().__init__()
        self.layer1, self.layer2 = Block(3, 8), Block(8, 12)
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(12, 5)

    def forward(self, x):
        x = self.pool(self.layer2(self.layer1(x)))
        return self.head(x.view(x.shape[0], 12))


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    model = Net()
    for block in (model.layer1, model.layer2):  # as training leaves them
        nn.init.normal_(block.bn.running_mean)
    return model.eval()


IMAGES = torch.randn(5, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def scripted(model, path):
    torch.jit.save(torch.jit.script(model), path)


def traced(model, path):
    torch.jit.save(torch.jit.trace(model, IMAGES[:2]), path)


def exported(model, path, images=2):
    torch.export.save(torch.export.export(model, (IMAGES[:images],)), path)


def exported_of_one(model, path):
    exported(model, path, 1)


def exported_of_any(model, path):
    some = {0: torch.export.Dim("images", min=1, max=64)}
    torch.export.save(torch.export.export(model, (IMAGES[:2],), dynamic_shapes=(some,)), path)


def onnx(model, path):
    pytest.importorskip("onnx2torch", reason="the optional extra onnx is not installed")
    torch.onnx.export(
        model, (IMAGES[:1],), str(path), dynamo=False, input_names=["x"],
        dynamic_axes={"x": {0: "images"}},
    )  # fmt: skip


FORMATS = {
    "scripted.pt": (scripted, ["layer1.relu_", "layer2.relu__1"]),
    "exported.pt2": (exported, ["layer1", "layer2"]),
    "one.pt2": (exported_of_one, ["layer1", "layer2"]),
    "any.pt2": (exported_of_any, ["layer1", "layer2"]),
    "net.onnx": (onnx, ["layer1/relu/Relu", "layer2/relu/Relu"]),
}


def asked(path, **changes):
    return {"size": SIZE, "onnx": path.suffix == ".onnx", "output": None, **changes}


@pytest.mark.parametrize("name", FORMATS)
def test_a_program_gives_the_logits_the_layers_and_the_gradients_of_its_model(tmp_path, net, name):
    """However many images it was made for."""
    write, layers = FORMATS[name]
    write(net, tmp_path / name)
    model = opened(tmp_path / name, asked(tmp_path / name))
    assert torch.allclose(model(IMAGES), net(IMAGES), atol=1e-5)
    found = propose(model, IMAGES)
    assert list(found.compared.values()) == layers
    kept = {}
    for key, one, path in (("own", net, "layer2"), ("program", model, layers[1])):
        hook = one.get_submodule(path).register_forward_hook(
            lambda module, inputs, output, key=key: kept.update({key: output})
        )
        score = one(IMAGES)[:, 3].sum()
        hook.remove()
        kept[f"{key} gradient"] = torch.autograd.grad(score, [kept[key]])[0]
    assert torch.allclose(kept["own"], kept["program"], atol=1e-5)
    assert torch.allclose(kept["own gradient"], kept["program gradient"], atol=1e-5)
    assert kept["own gradient"].abs().max() > 0


def test_a_traced_program_of_two_images_takes_five(tmp_path):
    """Where nothing of the trace holds their number."""
    torch.manual_seed(2)
    model = nn.Sequential(Block(3, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    traced(model.eval(), tmp_path / "t.pt")
    found = opened(tmp_path / "t.pt", asked(tmp_path / "t.pt"))
    assert torch.allclose(found(IMAGES), model(IMAGES), atol=1e-5)


class Mixes(nn.Module):
    """Its logits depend on the other images, as with batch normalisation left in training mode."""

    def forward(self, x):
        return (x - x.mean(dim=0)).mean(dim=(2, 3))


class OfOne(Net):
    """Its `view` holds one image alone."""

    def forward(self, x):
        return self.head(self.pool(self.layer2(self.layer1(x))).view(1, -1))


def test_a_program_that_takes_one_image_alone_takes_five(tmp_path, capfd, caplog):
    script = torch.jit.trace(OfOne().eval(), IMAGES[:1])
    torch.jit.save(script, tmp_path / "net.pt")
    found = opened(tmp_path / "net.pt", asked(tmp_path / "net.pt"))(IMAGES)
    expected = torch.cat([script(image[None]) for image in IMAGES])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert capfd.readouterr().err == ""
    assert not [each for each in caplog.records if each.levelname not in ("DEBUG", "INFO")]


def onnx_of_one(model, path, images):
    pytest.importorskip("onnx2torch", reason="the optional extra onnx is not installed")
    torch.onnx.export(model, (images,), str(path), dynamo=False, input_names=["x"])


def test_a_program_of_onnx_that_takes_one_image_alone_is_told_how_to_be_exported(tmp_path):
    path = tmp_path / "net.onnx"
    onnx_of_one(OfOne().eval(), path, IMAGES[:1])
    with pytest.raises(ProgramError, match=r"net.onnx takes one image alone .*dynamic_axes"):
        opened(path, asked(path))


def test_a_program_of_onnx_in_half_precision_is_run_in_fp32(tmp_path):
    path, net = tmp_path / "net.onnx", nn.Sequential(Block(3, 4), nn.AdaptiveAvgPool2d(1))
    net = nn.Sequential(net, nn.Flatten(), nn.Linear(4, 3)).eval().half()
    onnx_of_one(net, path, IMAGES[:1].half())
    torch.testing.assert_close(opened(path, asked(path))(IMAGES), net.float()(IMAGES))


def test_a_program_whose_images_depend_on_each_other_is_refused_with_how_to_export_it(tmp_path):
    exported(Mixes(), tmp_path / "m.pt2")
    with pytest.raises(ProgramError, match=r"was made for 2 images.*dynamic_shapes"):
        opened(tmp_path / "m.pt2", asked(tmp_path / "m.pt2"))


@pytest.mark.parametrize("layer", [nn.BatchNorm2d(3), nn.Dropout(0.5)])
@pytest.mark.parametrize("write", [exported, traced])
def test_a_program_made_in_training_mode_is_told_so(tmp_path, net, layer, write):
    """Whoever opens it: the command, or the job of a study whose YAML names the file."""
    for mode in (True, False):
        write(nn.Sequential(layer, net).train(mode), tmp_path / "p.pt2")
        if not mode:
            assert opened(tmp_path / "p.pt2", asked(tmp_path / "p.pt2"))(IMAGES).shape == (5, 5)
            continue
        with pytest.raises(ProgramError, match=r"in training mode.*again behind model\.eval"):
            opened(tmp_path / "p.pt2", asked(tmp_path / "p.pt2"))


def test_a_script_of_a_network_in_training_mode_is_run_in_evaluation_mode(tmp_path, net):
    """It holds its mode as a value that can be set, unlike a trace."""
    model = nn.Sequential(nn.Dropout(0.5), net)
    scripted(model.train(), tmp_path / "s.pt")
    found = opened(tmp_path / "s.pt", asked(tmp_path / "s.pt"))
    assert torch.allclose(found(IMAGES), model.eval()(IMAGES), atol=1e-5)


def test_another_size_of_images_is_refused_with_both(tmp_path, net):
    exported(net, tmp_path / "e.pt2")
    with pytest.raises(ProgramError, match=r"takes images of 3x32x32 and gets 3x48x48"):
        opened(tmp_path / "e.pt2", asked(tmp_path / "e.pt2", size=48))


def test_what_is_no_program_or_another_than_its_name_says_is_refused(tmp_path, net):
    torch.save(net.state_dict(), tmp_path / "w.pt")
    with pytest.raises(ProgramError, match="give a file of weights as `weights`"):
        opened(tmp_path / "w.pt", asked(tmp_path / "w.pt"))
    (tmp_path / "t.txt").write_text("text")
    with pytest.raises(ProgramError, match="is no program: expected"):
        opened(tmp_path / "t.txt", asked(tmp_path / "t.txt"))
    exported(net, tmp_path / "e.onnx")
    with pytest.raises(ProgramError, match="only ONNX, which holds no code"):
        opened(tmp_path / "e.onnx", asked(tmp_path / "e.onnx"))
    (tmp_path / "broken.onnx").write_bytes(b"\x08\x07broken")
    pytest.importorskip("onnx2torch", reason="the optional extra onnx is not installed")
    with pytest.raises(ProgramError, match="can't be read as ONNX"):
        opened(tmp_path / "broken.onnx", asked(tmp_path / "broken.onnx"))


def test_the_kind_is_told_by_the_content(tmp_path):
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        archive.writestr("x/code/net.py", "")
    assert programs.kind_of(tmp_path / "x", ".onnx") == programs.TORCHSCRIPT


Both = namedtuple("Both", "logits features")


@pytest.mark.parametrize(
    ("returns", "which"),
    [
        (lambda logits: {"logits": logits, "aux": logits + 1}, "logits"),
        (lambda logits: (logits + 1, logits), 1),
        (lambda logits: Both(logits, logits + 1), "logits"),
    ],
)
def test_one_entry_of_an_output_is_taken_by_key_position_or_field(net, returns, which):
    class Several(Net):
        def forward(self, x):
            return returns(super().forward(x))

    model = Several().eval()
    model.load_state_dict(net.state_dict())
    assert torch.equal(choose(model, {"output": which})(IMAGES), net(IMAGES))
    reversed_ = choose(Several().eval(), {"output": which, "columns": [4, 0]})
    reversed_.load_state_dict(net.state_dict())
    assert torch.equal(reversed_(IMAGES), net(IMAGES)[:, [4, 0]])
    saved = io.BytesIO()
    torch.save(model.state_dict(), saved)  # names stay as they are
    with pytest.raises(ValueError, match="`output` is 'nothing'; the network's entries are"):
        choose(Several().eval(), {"output": "nothing"})(IMAGES)


def test_of_probabilities_the_logarithm_is_taken(net):
    expected = net(IMAGES).softmax(dim=1)
    found = choose(nn.Sequential(net, nn.Softmax(dim=1)), {"probabilities": True})(IMAGES)
    assert torch.allclose(found.softmax(dim=1), expected, atol=1e-6)
    surely = choose(nn.Identity(), {"probabilities": True})(torch.tensor([[1.0, 0.0]]))
    assert torch.isfinite(surely).all()
