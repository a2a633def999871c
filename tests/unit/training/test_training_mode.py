"""The ablation of published code: teachers that are in training mode while they teach."""

import numpy as np
import pytest
import torch

from distilscope import store
from distilscope.data.dataset import load
from distilscope.models.weights import load_model
from distilscope.training.images import online_teacher
from distilscope.training.signals import SignalError
from distilscope.training.train import train

from .making import CLASSES, changed, digest, kd, model_job
from .test_targets import copied

CPU = torch.device("cpu")
SHORT = changed(recipe__epochs=1, objective=kd())
ABLATED = {**SHORT, "teachers_in_training_mode": True}


def student(tmp_path, name, dataset, settings, **teachers):
    train(model_job(tmp_path / name, dataset, settings, **teachers), tmp_path / "checkpoints")
    return store.read_tensors(tmp_path / name / "weights.safetensors")


def normalised_by_itself(model, inputs):
    """The network's answer, each batch normalisation worked out on the batch in float64."""
    for block in model.blocks:
        for module in block:
            if isinstance(module, torch.nn.BatchNorm2d):
                mean = inputs.double().mean(dim=(0, 2, 3), keepdim=True)
                var = (inputs.double() - mean).square().mean(dim=(0, 2, 3), keepdim=True)
                scaled = ((inputs - mean) / (var + module.eps).sqrt()).float()
                shape = (1, -1, 1, 1)
                inputs = scaled * module.weight.view(shape) + module.bias.view(shape)
            else:
                inputs = module(inputs)
    return model.head(inputs.mean(dim=(2, 3)))


def test_a_teacher_in_training_mode_normalises_each_batch_by_itself(dataset, teacher):
    loaded = load(dataset)
    images = loaded.split("train").images[:8]
    online = online_teacher(teacher, loaded, "fp32", CPU, True)
    model = load_model(teacher, CLASSES)
    with torch.no_grad():
        expected = normalised_by_itself(model, online.to_model(images))
    found = online.answer(images).float()
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=2e-3)
    plain = online_teacher(teacher, loaded, "fp32", CPU).answer(images).float()
    assert (found - plain).abs().max() > 0.05
    kept, now = model.state_dict(), online.model.state_dict()
    running = [name for name in kept if name.endswith("running_mean")]
    assert running and not any(torch.equal(now[name], kept[name]) for name in running)  # they drift


def test_students_of_a_table_and_of_an_online_teacher_are_one_and_the_ablation_is_another(
    tmp_path, dataset, teacher, targets
):
    by_table = student(tmp_path, "table", dataset, SHORT, targets=[str(targets)])
    online = student(tmp_path, "online", dataset, SHORT, teachers=[str(teacher)])
    ablated = student(tmp_path, "ablated", dataset, ABLATED, teachers=[str(teacher)])
    for name, own in by_table.items():
        np.testing.assert_allclose(online[name], own, rtol=1e-3, atol=1e-3)
    assert max(np.abs(ablated[name] - own).max() for name, own in by_table.items()) > 0.01


def test_the_stored_teacher_keeps_its_running_statistics(tmp_path, dataset, teacher):
    """They drift in the memory of the student's job alone."""
    folder = copied(teacher, tmp_path / "teacher")
    before = {file.name: digest(folder, file.name) for file in folder.iterdir()}
    statistics = store.read_tensors(folder / "weights.safetensors")
    student(tmp_path, "ablated", dataset, ABLATED, teachers=[str(folder)])
    assert {file.name: digest(folder, file.name) for file in folder.iterdir()} == before
    now = store.read_tensors(folder / "weights.safetensors")
    running = [name for name in now if "running" in name]
    assert running and all(np.array_equal(now[name], statistics[name]) for name in running)


def test_a_table_of_other_classes_is_refused_before_anything_is_learnt(tmp_path, dataset, targets):
    folder = copied(targets, tmp_path / "other")
    logits = store.open_array(folder / "logits.npy")
    store.write_array(folder / "logits.npy", np.repeat(logits, 2, axis=2))
    tables = [str(targets), str(folder)]
    with pytest.raises(SignalError, match=r"other holds logits of 6 classes and the data have 3"):
        student(
            tmp_path,
            "student",
            dataset,
            {**SHORT, "objective": kd(combine="losses")},
            targets=tables,
        )
    assert not (tmp_path / "student" / "weights.safetensors").exists()
