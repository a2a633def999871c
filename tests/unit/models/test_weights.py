import pickle
import subprocess
import urllib.error

import pytest
import safetensors.torch
import torch
import torchvision

from distilscope import store
from distilscope.models import weights
from distilscope.models.build import build

PLAIN = {
    "builder": "distilscope.models.plain:build",
    "settings": {"widths": [4, 6], "pools": [1]},
}


def resnet(stem, classes, seed=0, width=4):
    settings = {"depth": 18, "width": width, "stem": stem}
    return build(
        {"builder": "distilscope.models.resnet:build", "settings": settings}, classes, 3, seed
    )


def same(one, other, but=()):
    return all(torch.equal(t, other[n]) for n, t in one.items() if n not in but)


def test_saved_weights_come_back_bit_for_bit(tmp_path):
    model, other = build(PLAIN, 3, seed=1), build(PLAIN, 3, seed=2)
    model = model.to(memory_format=torch.channels_last)
    weights.save(model, tmp_path / "weights.safetensors")
    assert weights.load_into(other, tmp_path / "weights.safetensors") == weights.Loaded()
    assert same(model.state_dict(), other.state_dict())


def test_saved_weights_are_safetensors_in_fp32(tmp_path):
    weights.save(build(PLAIN, 3).to(torch.bfloat16), tmp_path / "w.safetensors")
    read = safetensors.torch.load_file(tmp_path / "w.safetensors")
    assert read["head.weight"].dtype == torch.float32
    assert subprocess.run(["sha256sum", "-c", "w.safetensors.sha256"], cwd=tmp_path).returncode == 0


def test_a_model_comes_back_from_its_folder_frozen_and_in_eval_mode(tmp_path):
    model = build(PLAIN, 3, seed=4)
    weights.save(model, tmp_path / "weights.safetensors")
    store.write_json(tmp_path / "run.json", {"settings": {"architecture": PLAIN}})
    loaded = weights.load_model(tmp_path, 3)
    assert same(model.state_dict(), loaded.state_dict())
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_a_flipped_bit_in_ones_own_file_is_told_with_the_cure(tmp_path):
    path = tmp_path / "weights.safetensors"
    weights.save(build(PLAIN, 3), path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(store.DamagedFile, match="digest differs"):
        weights.load_into(build(PLAIN, 3), path)


# --------------------------------------------------------------------------- files of others


@pytest.mark.parametrize(
    ("wrapped", "unwrapped"),
    [
        (lambda state: state, ()),
        (lambda state: {"epoch": 3, "state_dict": state}, ("state_dict",)),
        (lambda state: {f"module.{n}": t for n, t in state.items()}, ("module.",)),
        (lambda state: {"model_state_dict": state, "loss": 0.3}, ("model_state_dict",)),
        (lambda state: {"module": state, "global_steps": 7}, ("module",)),  # DeepSpeed
        (lambda state: {"ema": state, "epoch": 7}, ("ema",)),
        (lambda state: {f"net.{n}": t for n, t in state.items()}, ("net.",)),
        (lambda state: {f"_orig_mod.{n}": t for n, t in state.items()}, ("_orig_mod.",)),
        (
            lambda state: {"state_dict": {f"module.model.{n}": t for n, t in state.items()}},
            ("state_dict", "module.", "model."),
        ),
    ],
)
def test_nested_and_prefixed_state_dicts_are_accepted_and_reported(tmp_path, wrapped, unwrapped):
    model, other = build(PLAIN, 3, seed=1), build(PLAIN, 3, seed=2)
    torch.save(wrapped(model.state_dict()), tmp_path / "w.pt")
    assert weights.load_into(other, tmp_path / "w.pt").unwrapped == unwrapped
    assert same(model.state_dict(), other.state_dict())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_files_are_widened(tmp_path, kind):
    model, other = build(PLAIN, 3, seed=1), build(PLAIN, 3, seed=2)
    state = {n: t.to(kind) if t.is_floating_point() else t for n, t in model.state_dict().items()}
    safetensors.torch.save_file(state, tmp_path / "w.safetensors")
    weights.load_into(other, tmp_path / "w.safetensors")
    assert torch.equal(other.head.weight, model.head.weight.to(kind).float())


def test_files_older_than_the_batch_counter_are_accepted(tmp_path):
    state = build(PLAIN, 3, seed=1).state_dict()
    torch.save({n: t for n, t in state.items() if "num_batches" not in n}, tmp_path / "w.pt")
    weights.load_into(build(PLAIN, 3), tmp_path / "w.pt")


class Harmful:
    def __reduce__(self):
        return exec, ("open('harm', 'w')",)


@pytest.mark.parametrize(
    "write", [torch.save, lambda thing, path: path.write_bytes(pickle.dumps(thing))]
)
def test_an_executable_pickle_is_refused_and_not_run(tmp_path, monkeypatch, write):
    monkeypatch.chdir(tmp_path)
    write({"head.weight": Harmful()}, tmp_path / "w.pt")
    with pytest.raises(weights.WeightsError, match=r"would run code.*is not opened"):
        weights.load_into(build(PLAIN, 3), tmp_path / "w.pt")
    assert not (tmp_path / "harm").exists()


def edited(**changes):
    state = dict(build(PLAIN, 3, seed=1).state_dict())
    for name, tensor in changes.items():
        name = name.replace("__", ".")
        if tensor is None:
            del state[name]
        else:
            state[name] = tensor
    return state


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (edited(head__bias=None), "missing: head.bias"),
        (edited(extra__weight=torch.zeros(1)), "unexpected: extra.weight"),
        (
            edited(head__weight=torch.zeros(5, 6)),
            "of another shape: head.weight (file 5x6, network 3x6)",
        ),
        (edited(head__bias=torch.zeros(3, dtype=torch.int64)), "another kind of number: head.bias"),
        (edited(head__bias=torch.tensor([0, float("nan"), 0])), "not finite: head.bias"),
        ({"state_dict": {"a": 1}}, "a in its state dict are not tensors"),
        ([1, 2], "holds no state dict"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_tensors_named(tmp_path, content, sentence):
    torch.save(content, tmp_path / "w.pt")
    model = build(PLAIN, 3)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(weights.WeightsError) as refused:
        weights.load_into(model, tmp_path / "w.pt")
    assert sentence in str(refused.value)
    assert same(before, model.state_dict())


def test_a_refusal_names_the_first_five_of_both_sides(tmp_path):
    model = build(PLAIN, 3)
    torch.save({f"part{n}.weight": torch.zeros(2) for n in range(7)}, tmp_path / "w.pt")
    with pytest.raises(weights.WeightsError) as refused:
        weights.load_into(model, tmp_path / "w.pt")
    theirs = ", ".join(f"part{n}.weight" for n in range(5))
    ours = ", ".join(list(model.state_dict())[:5])
    assert f"The file has {theirs} and 2 more; the network has {ours} and" in str(refused.value)


@pytest.mark.parametrize("keep", [0, 5, 60, 2000])
@pytest.mark.parametrize("kind", ["pt", "safetensors"])
def test_a_truncated_file_is_refused_by_name(tmp_path, kind, keep):
    path = tmp_path / f"w.{kind}"
    save = torch.save if kind == "pt" else safetensors.torch.save_file
    save(build(PLAIN, 3).state_dict(), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(weights.WeightsError, match=path.name):
        weights.load_into(build(PLAIN, 3), path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(weights.WeightsError, match=r"no weights file at .*nowhere.pt"):
        weights.load_into(build(PLAIN, 3), tmp_path / "nowhere.pt")


# --------------------------------------------------------------------------------- initialise


def test_random_leaves_the_weights_alone():
    model, as_built = build(PLAIN, 3, seed=1), build(PLAIN, 3, seed=1)
    assert weights.initialise(model, {"from": "random"}) == weights.Loaded()
    assert same(model.state_dict(), as_built.state_dict())


def test_a_7x7_stem_and_a_1000_way_head_are_replaced_and_named(tmp_path):
    imagenet = resnet("imagenet", 1000, seed=1)
    torch.save(imagenet.state_dict(), tmp_path / "w.pt")
    model, random = resnet("small", 10, seed=2), resnet("small", 10, seed=2)
    loaded = weights.initialise(model, {"from": "file"}, tmp_path / "w.pt")
    assert loaded.replaced == ("conv1.weight", "fc.weight", "fc.bias")
    state = model.state_dict()
    assert all(torch.equal(state[name], random.state_dict()[name]) for name in loaded.replaced)
    assert same(state, imagenet.state_dict(), but=loaded.replaced)


@pytest.mark.parametrize(
    ("stem", "classes", "replaced"),
    [
        ("imagenet", 1000, ()),
        ("imagenet", 10, ("fc.weight", "fc.bias")),
        ("small", 1000, ("conv1.weight",)),
    ],
)
def test_what_fits_is_not_replaced(tmp_path, stem, classes, replaced):
    torch.save(resnet("imagenet", 1000).state_dict(), tmp_path / "w.pt")
    loaded = weights.initialise(resnet(stem, classes), {"from": "file"}, tmp_path / "w.pt")
    assert loaded.replaced == replaced


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (resnet("small", 100), "fc.weight (file 100x32, network 10x32)"),
        (resnet("imagenet", 1000, width=8), "conv1.weight (file 8x3x7x7, network 4x3x3x3)"),
    ],
)
def test_other_mismatches_are_refused_when_fine_tuning_too(tmp_path, given, named):
    torch.save(given.state_dict(), tmp_path / "w.pt")
    with pytest.raises(weights.WeightsError) as refused:
        weights.initialise(resnet("small", 10), {"from": "file"}, tmp_path / "w.pt")
    assert named in str(refused.value)


def test_a_given_model_must_fit_whole(tmp_path):
    torch.save(resnet("imagenet", 1000).state_dict(), tmp_path / "w.pt")
    with pytest.raises(weights.WeightsError, match=r"conv1.weight .*fc.weight"):
        weights.load_into(resnet("small", 10), tmp_path / "w.pt")


def test_imagenet_takes_torchvisions_best_weights(monkeypatch):
    theirs = torchvision.models.resnet18().state_dict()
    asked = []

    def stored(self, **options):
        asked.append((self, options["check_hash"]))
        return theirs

    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", stored)
    model = resnet("small", 10, width=64)
    loaded = weights.initialise(model, {"from": "imagenet", "weights": "resnet18"})
    assert asked == [(torchvision.models.ResNet18_Weights.DEFAULT, True)]
    assert loaded.replaced == ("conv1.weight", "fc.weight", "fc.bias")
    assert same(model.state_dict(), theirs, but=loaded.replaced)


def test_no_network_says_where_to_put_the_file(monkeypatch):
    def unreachable(self, **options):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", unreachable)
    with pytest.raises(weights.WeightsError, match=r"put that file into .*checkpoints"):
        weights.initialise(resnet("small", 10), {"from": "imagenet", "weights": "resnet18"})
