"""Files of weights as other tools make them: taken and told, or refused with what they are."""

import argparse
import gzip
import json
import pathlib
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch
import torchvision
from torch import nn
from torch.nn.utils import prune

from distilscope.models import weights
from distilscope.models.build import build

PLAIN = {
    "builder": "distilscope.models.plain:build",
    "settings": {"widths": [4, 6], "pools": [1]},
}


def plain(seed=0):
    return build(PLAIN, 3, seed=seed)


def same(one, other):
    one, other = one.state_dict(), other.state_dict()
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def under(prefix, state):
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def averaged(model):
    """What torch's own averaging saves: `module.` before each name, and a counter beside them."""
    return torch.optim.swa_utils.AveragedModel(model).state_dict()


def compiled_inside(state):
    """The names of a network one of whose modules was compiled."""
    return {name.replace("blocks.", "blocks._orig_mod.", 1): t for name, t in state.items()}


def lightning(model):
    state = under("model.", model.state_dict())
    return {
        "epoch": 3,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {**state, "criterion.weight": torch.ones(3)},
        "optimizer_states": [{"state": {}, "param_groups": [{"lr": 0.1}]}],
    }


WRAPPED = {
    "AveragedModel": (averaged, ("module.",), ("n_averaged",)),
    "Lightning with a weighted loss": (lightning, ("state_dict", "model."), ("criterion.*",)),
    "a compiled part": (lambda m: compiled_inside(m.state_dict()), ("_orig_mod.",), ()),
    "compiled and then parallel": (
        lambda m: under("module._orig_mod.", m.state_dict()),
        ("_orig_mod.", "module."),
        (),
    ),
    "Lightning with averaged weights": (
        lambda m: {
            "state_dict": {
                **under("net.", m.state_dict()),
                **under("ema_net.module.", plain(9).state_dict()),
            }
        },
        ("state_dict", "net."),
        ("ema_net.*",),
    ),
    "timm": (
        lambda m: {"state_dict": m.state_dict(), "state_dict_ema": plain(9).state_dict()},
        ("state_dict",),
        ("state_dict_ema",),
    ),
    "torchvision's reference training": (
        lambda m: {"model": m.state_dict(), "model_ema": averaged(plain(9)), "epoch": 1},
        ("model",),
        ("model_ema",),
    ),
    "a usual key of no standard": (lambda m: {"net": m.state_dict(), "acc": 91.2}, ("net",), ()),
    "averaged weights alone": (
        lambda m: {"ema": averaged(m), "step": 5},
        ("ema", "module."),
        ("n_averaged",),
    ),
    "a profiled network": (
        lambda m: {
            **m.state_dict(),
            "total_ops": torch.zeros(1),
            "head.total_params": torch.ones(1),
        },
        (),
        ("total_ops", "head.*"),
    ),
    "averaged weights beside plain ones": (
        lambda m: {**m.state_dict(), **under("ema.", plain(9).state_dict())},
        (),
        ("ema.*",),
    ),
}


@pytest.mark.parametrize(("wrap", "unwrapped", "left"), WRAPPED.values(), ids=WRAPPED)
def test_weights_are_found_in_what_wraps_them_and_it_is_told(tmp_path, wrap, unwrapped, left):
    model, other = plain(1), plain(2)
    torch.save(wrap(model), tmp_path / "w.pt")
    loaded = weights.load_into(other, tmp_path / "w.pt")
    assert (loaded.unwrapped, loaded.left) == (unwrapped, left)
    assert same(model, other)


@pytest.mark.parametrize(
    "beside",
    [
        {"best": np.float64(0.93), "epoch": np.int32(3)},
        {"classes": np.array([1.5, 2.0])},
        {"args": argparse.Namespace(lr=0.1, out=pathlib.Path("runs")), "numpy": np.float32(1)},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_numbers_of_numpy_and_options_beside_the_weights_are_passed_over(tmp_path, beside, zipped):
    model, other = plain(1), plain(2)
    content = {"state_dict": model.state_dict(), **beside}
    torch.save(content, tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    weights.load_into(other, tmp_path / "w.pt")
    assert same(model, other)


def test_a_number_of_numpy_among_the_weights_is_no_tensor(tmp_path):
    torch.save({**plain(1).state_dict(), "accuracy": np.float64(0.5)}, tmp_path / "w.pt")
    with pytest.raises(weights.WeightsError, match="accuracy in its state dict are not tensors"):
        weights.load_into(plain(), tmp_path / "w.pt")


class Tied(nn.Module):
    """Two layers that share their weights."""

    def __init__(self, value=0.0):
        super().__init__()
        self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)
        self.second.weight = self.first.weight
        nn.init.constant_(self.first.weight, value)


def test_tied_tensors_of_save_model_are_found(tmp_path):
    safetensors.torch.save_model(Tied(3.0), tmp_path / "w.safetensors")
    other = Tied(0.0)
    assert weights.load_into(other, tmp_path / "w.safetensors") == weights.Loaded()
    assert other.second.weight.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    weights.save(other, tmp_path / "own.safetensors")
    weights.load_into(Tied(), tmp_path / "own.safetensors")


def test_a_tied_tensor_whose_twin_the_file_lacks_or_has_otherwise(tmp_path):
    state = dict(Tied(3.0).state_dict())
    torch.save({n: t for n, t in state.items() if n != "first.weight"}, tmp_path / "w.pt")
    other = Tied()
    weights.load_into(other, tmp_path / "w.pt")
    assert other.first.weight[0, 0] == 3
    torch.save({**state, "second.weight": torch.zeros(2, 2)}, tmp_path / "w.pt")
    with pytest.raises(weights.WeightsError, match=r"several in the file: second\.weight"):
        weights.load_into(Tied(), tmp_path / "w.pt")


@pytest.mark.parametrize(
    ("names", "left"),
    [
        (["aux1.conv.weight", "aux2.fc.bias"], ("aux1.*", "aux2.*")),
        (["AuxLogits.fc.weight"], ("AuxLogits.*",)),
    ],
)
def test_auxiliary_heads_that_the_network_lacks_are_left_and_told(tmp_path, names, left):
    model, other = plain(1), plain(2)
    extra = {name: torch.zeros(2, 2) for name in names}
    torch.save({**model.state_dict(), **extra}, tmp_path / "w.pt")
    assert weights.load_into(other, tmp_path / "w.pt").left == left
    assert same(model, other)


@pytest.mark.parametrize(
    ("name", "left"),
    [("googlenet", ("aux1.*", "aux2.*")), ("inception_v3", ("AuxLogits.*",))],
)
def test_torchvisions_auxiliary_heads_are_left(tmp_path, name, left):
    made = [
        torchvision.models.get_model(
            name, weights=None, num_classes=3, aux_logits=heads, init_weights=False
        )
        for heads in (True, False)
    ]
    torch.save(made[0].state_dict(), tmp_path / "w.pt")
    assert weights.load_into(made[1], tmp_path / "w.pt").left == left


# ------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            {
                **under("student.", plain(1).state_dict()),
                **under("teacher.", plain(2).state_dict()),
            },
            "holds the network 2 times, under student., teacher.",
        ),
        (
            {"student": plain(1).state_dict(), "teacher": plain(2).state_dict()},
            "holds several state dicts, student, teacher",
        ),
        (
            {**plain(1).state_dict(), "head.bias": torch.zeros(3).to_sparse()},
            "sparse, quantised or without values: head.bias",
        ),
        (
            {**plain(1).state_dict(), "head.bias": torch.full((3,), 1e300, dtype=torch.float64)},
            "not finite: head.bias",
        ),
    ],
)
def test_what_can_not_be_told_apart_is_refused_in_words(tmp_path, content, sentence):
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(weights.WeightsError) as refused:
        weights.load_into(plain(), tmp_path / "w.pt")
    assert sentence in str(refused.value)


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"state_dict": state}])
def test_a_tensor_that_claims_a_huge_shape_is_refused_by_it_alone(tmp_path, wrap):
    huge = torch.zeros(1).as_strided((300_000, 300_000), (0, 0))
    torch.save(wrap({**plain(1).state_dict(), "head.weight": huge}), tmp_path / "w.pt")
    assert (tmp_path / "w.pt").stat().st_size < 100_000
    with pytest.raises(weights.WeightsError, match=r"head.weight \(file 300000x300000, network"):
        weights.load_into(plain(), tmp_path / "w.pt")


def npz(path):
    with open(path, "wb") as handle:
        np.savez(handle, weight=np.zeros(3))


def script(path):
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), path)


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"")
        archive.writestr("archive/data/0", bytes(2**27))


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
OTHER_KINDS = {
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "git-lfs": (lambda path: path.write_text(LFS), "is a git-lfs pointer.*git lfs pull"),
    "HTML": (lambda path: path.write_text("\n<!DOCTYPE html><html>"), "is an HTML or XML page"),
    "XML": (lambda path: path.write_text("<?xml version='1.0'?><Error/>"), "HTML or XML page"),
    "TorchScript": (script, "is a TorchScript program"),
    "NumPy": (npz, "is an .npz file of NumPy"),
    "HDF5": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(9)), "HDF5 file.*Keras"),
    "gzip": (lambda path: path.write_bytes(gzip.compress(b"x")), "compressed with gzip; unpack"),
    "an index": (lambda path: path.write_text(json.dumps({"weight_map": {}})), "a text in JSON"),
    "a bomb": (bomb, "unpacks to 0.1 GiB and is not opened"),
    "a folder": (lambda path: path.mkdir(), "is a folder; name the weights file in it"),
}


@pytest.mark.parametrize(("write", "words"), OTHER_KINDS.values(), ids=OTHER_KINDS)
def test_a_file_of_another_kind_is_refused_with_what_it_is(tmp_path, write, words):
    write(tmp_path / "w.pt")
    with pytest.raises(weights.WeightsError, match=rf"w\.pt.*{words}"):
        weights.load_into(plain(), tmp_path / "w.pt")


def pruned(model, share=0.5):
    """As torch.nn.utils.prune leaves a network before anybody calls `prune.remove`."""
    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    prune.global_unstructured(
        [(layer, "weight") for layer in layers], prune.L1Unstructured, amount=share
    )
    return model


@pytest.mark.parametrize("prefix", ["", "module."])
def test_masks_of_pruning_are_applied_and_told(tmp_path, prefix):
    made, other = pruned(plain(1)), plain(2)
    torch.save({"state_dict": under(prefix, made.state_dict())}, tmp_path / "w.pt")
    loaded = weights.load_into(other, tmp_path / "w.pt")
    images = torch.randn(3, 3, 16, 16)
    assert torch.equal(other.eval()(images), made.eval()(images))
    assert (other.head.weight == 0).any()
    assert f"{prefix}head.weight" in loaded.masked and len(loaded.masked) == 3
    assert "masks of pruning were applied to 3 tensors" in loaded.words[-1]


def test_a_mask_of_another_shape_or_without_its_weight_is_refused(tmp_path):
    state = pruned(plain(1)).state_dict()
    torch.save({**state, "head.weight_mask": torch.ones(2)}, tmp_path / "shape.pt")
    with pytest.raises(weights.WeightsError, match=r"unexpected: .*head\.weight_mask"):
        weights.load_into(plain(), tmp_path / "shape.pt")
    state.pop("head.weight_orig")
    torch.save(state, tmp_path / "alone.pt")
    with pytest.raises(weights.WeightsError, match=r"missing: head\.weight"):
        weights.load_into(plain(), tmp_path / "alone.pt")


def test_half_precision_under_two_wrappers_is_taken_off_and_widened(tmp_path):
    torch.save({"model": under("model.", plain(1).half().state_dict())}, tmp_path / "w.pt")
    loaded = weights.load_into(other := plain(2), tmp_path / "w.pt")
    assert loaded.unwrapped == ("model", "model.")
    assert torch.equal(other.head.weight, plain(1).head.weight.half().float())
