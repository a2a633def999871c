import dataclasses
import shutil
from collections import namedtuple

import numpy as np
import pytest
import torch
from torchvision.transforms import functional as pictures

from distilscope import store
from distilscope.data.dataset import load
from distilscope.data.views import make_policy
from distilscope.models.weights import load_model, save
from distilscope.planning.job import Job
from distilscope.training import targets as module
from distilscope.training.batches import table_of
from distilscope.training.images import online_teacher
from distilscope.training.signals import OnlineTeacher, SignalError, TargetTable
from distilscope.training.targets import TargetsError, tabulate, verify

from .making import CLASSES, TRAIN, VIEWS, changed, make_dataset, targets_job

CPU = torch.device("cpu")


def copied(folder, to):
    to.mkdir(exist_ok=True)
    for file in folder.iterdir():
        if file.is_file():
            (to / file.name).write_bytes(file.read_bytes())
    return to


def rewritten(targets, to, edit):
    """A copy of a table with edited logits and the digest of an undamaged file."""
    logits = store.open_array(copied(targets, to) / "logits.npy").copy()
    edit(logits)
    store.write_array(to / "logits.npy", logits)
    return to


def test_the_table_holds_the_teachers_logits_of_every_view(dataset, teacher, targets):
    """Oracle: torchvision's pad, crop and flip of one image at a time through the teacher."""
    split, model = load(dataset).split("train"), load_model(teacher, CLASSES)
    logits = store.open_array(targets / "logits.npy")
    views = store.open_array(targets / "views.npy")
    assert logits.shape == (TRAIN, 4, CLASSES)
    assert (logits.dtype, views.dtype) == (np.float16, np.int16)
    assert store.open_array(targets / "indices.npy").tolist() == split.indices.tolist()
    for row in (0, 7, TRAIN - 1):
        for column in range(4):
            flip, shift = views[row, column] % 2, int(views[row, column]) // 2
            view = pictures.crop(pictures.pad(split.images[row], 1), shift // 3, shift % 3, 8, 8)
            view = pictures.hflip(view) if flip else view
            with torch.no_grad():
                answer = model(((view / 255 - 0.4) / 0.2)[None])[0].numpy()
            np.testing.assert_allclose(logits[row, column], answer, rtol=1e-3, atol=1e-3)


def test_a_table_of_batches_that_do_not_fit_in_memory_is_the_same_and_that_is_said(
    tmp_path, dataset, teacher, targets, monkeypatch
):
    answer = OnlineTeacher.answer

    def refuse(self, examples):
        if len(examples) > 50:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried too much")
        return answer(self, examples)

    monkeypatch.setattr(OnlineTeacher, "answer", refuse)
    tabulate(targets_job(tmp_path, dataset, teacher))
    whole, halved = (store.open_array(place / "logits.npy") for place in (targets, tmp_path))
    np.testing.assert_allclose(halved, whole, rtol=1e-3, atol=1e-3)
    (note,) = store.read_json(tmp_path / "run.json")["facts"]["notes"]
    assert "the teacher took" in note and note.endswith("views at once")
    assert "notes" not in store.read_json(targets / "run.json")["facts"]


def test_the_run_states_range_and_size(targets):
    facts = store.read_json(targets / "run.json")["facts"]
    assert (facts["views"], facts["images"]) == (4, TRAIN)
    assert facts["largest_logit"] == np.abs(store.open_array(targets / "logits.npy")).max()
    assert facts["images_per_second"] > 0


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_fresh_table_is_verified(tmp_path, dataset, teacher, precision):
    tabulate(targets_job(tmp_path, dataset, teacher, precision=precision))
    found = verify(tmp_path, dataset, teacher, sample=50, seed=1)
    assert found.checked == 50
    assert found.largest <= found.tolerance


def test_a_wrong_logit_is_found_with_its_index_and_view(tmp_path, dataset, teacher, targets):
    def edit(logits):
        logits[7, 2, 1] += 1

    folder = rewritten(targets, tmp_path, edit)
    index = load(dataset).split("train").indices[7]
    view = store.open_array(targets / "views.npy")[7, 2]
    with pytest.raises(TargetsError, match=f"index {index}, view {view}: the stored logits differ"):
        verify(folder, dataset, teacher, sample=10**6, seed=0)


@pytest.mark.parametrize("axis", [0, 1])
def test_swapped_rows_or_views_are_found(tmp_path, dataset, teacher, targets, axis):
    def edit(logits):
        logits[:] = np.flip(logits, axis=axis).copy()

    with pytest.raises(TargetsError, match="differ"):
        verify(rewritten(targets, tmp_path, edit), dataset, teacher, sample=40, seed=0)


def test_a_stored_value_that_is_not_a_number_is_found(tmp_path, dataset, teacher, targets):
    def edit(logits):
        logits[0, 0, 0] = np.nan

    with pytest.raises(TargetsError, match="differ"):
        verify(rewritten(targets, tmp_path, edit), dataset, teacher, sample=10**6, seed=0)


def test_a_truncated_table_is_a_damaged_file(tmp_path, dataset, teacher, targets):
    folder = copied(targets, tmp_path)
    content = (folder / "logits.npy").read_bytes()
    (folder / "logits.npy").write_bytes(content[:-10])
    with pytest.raises(store.DamagedFile, match="digest differs"):
        verify(folder, dataset, teacher, sample=10, seed=0)


def test_logits_beyond_fp16_are_refused_with_the_place(tmp_path, dataset, teacher):
    model = load_model(teacher, CLASSES)
    model.head.weight.mul_(1e7)
    loud = copied(teacher, tmp_path / "loud")
    save(model, loud / "weights.safetensors")
    first = load(dataset).split("train").indices[0]
    with pytest.raises(
        TargetsError, match=rf"teacher-views: .* index {first}, view \d+ are not finite"
    ):
        tabulate(targets_job(tmp_path / "targets", dataset, loud))
    assert not (tmp_path / "targets" / "logits.npy").exists()


def test_a_table_that_does_not_fit_the_disk_is_refused_before_it_is_made(
    tmp_path, dataset, teacher, monkeypatch, caplog
):
    """41 images in 4 views of 3 classes are 984 bytes; of 500 free ones a table may have 490."""
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(1000, 500, 500))
    with caplog.at_level("INFO", logger="distilscope"), pytest.raises(TargetsError) as refused:
        tabulate(targets_job(tmp_path / "targets", dataset, teacher))
    size = "teacher-views: logits of 3 classes for 4 views of 41 images"
    assert f"{size}, 9.84e-07 GB" in caplog.text
    for words in (f"{size} take 9.84e-07 GB", "5e-07 GB free", "of 1 or less", "`targets: online`"):
        assert words in str(refused.value)
    assert not list((tmp_path / "targets").iterdir())


def test_the_table_is_the_same_bits_again(tmp_path, dataset, teacher, targets):
    tabulate(targets_job(tmp_path, dataset, teacher))
    for name in ("logits.npy", "views.npy", "indices.npy"):
        assert store.digest_file(tmp_path / name) == store.digest_file(targets / name)


def test_batches_do_not_change_what_is_tabulated(tmp_path, dataset, teacher, targets, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 7)
    tabulate(targets_job(tmp_path, dataset, teacher))
    np.testing.assert_allclose(
        store.open_array(tmp_path / "logits.npy"),
        store.open_array(targets / "logits.npy"),
        rtol=2e-3,
        atol=1e-3,
    )


# ------------------------------------------------------------------------------------- signals


def table(targets, dataset, views=VIEWS):
    indices = load(dataset).split("train").indices
    return TargetTable(targets, indices, table_of(views, indices), CPU)


def test_a_table_gives_each_image_the_logits_of_its_view(dataset, targets):
    columns = torch.arange(TRAIN) % 4
    signal = table(targets, dataset).at_epoch(columns)
    rows = torch.tensor([5, 0, 40])
    logits = store.open_array(targets / "logits.npy")
    expected = np.stack([logits[row, row % 4] for row in (5, 0, 40)])
    assert np.array_equal(signal(rows, torch.empty(0)).numpy(), expected)


def test_a_table_of_other_images_is_refused(tmp_path, dataset, targets):
    folder = copied(targets, tmp_path)
    indices = store.open_array(folder / "indices.npy")
    store.write_array(folder / "indices.npy", indices[::-1].copy())
    with pytest.raises(SignalError, match="logits of other data"):
        table(folder, dataset)


def test_a_table_of_other_views_is_refused(dataset, targets):
    with pytest.raises(SignalError, match=r"holds 4 views .* not the 3 of the recipe"):
        table(targets, dataset, {**VIEWS, "tabulated": 3})


def test_a_table_of_another_shape_is_refused(tmp_path, dataset, targets):
    folder = copied(targets, tmp_path)
    store.write_array(folder / "logits.npy", store.open_array(folder / "logits.npy")[:, :3].copy())
    with pytest.raises(SignalError, match=r"expected float16 \(41, 4, 3\)"):
        table(folder, dataset)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_table_and_online_teacher_say_the_same(tmp_path, dataset, teacher, precision):
    tabulate(targets_job(tmp_path, dataset, teacher, precision=precision))
    loaded = load(dataset)
    plan_columns, rows = torch.arange(TRAIN) % 4, torch.arange(12)
    stored = table(tmp_path, dataset)
    online = online_teacher(teacher, loaded, precision, CPU)
    split = loaded.split("train")
    ids = table_of(VIEWS, split.indices).gather(1, plan_columns[:, None])[:, 0]
    views = make_policy(VIEWS).render(split.images[rows], ids[rows])
    one = stored.at_epoch(plan_columns)(rows, views)
    other = online.at_epoch(plan_columns)(rows, views)
    assert one.dtype == other.dtype == torch.float16
    torch.testing.assert_close(one, other, rtol=2**-9 if precision == "fp32" else 2**-6, atol=2e-2)


def test_an_online_teacher_is_in_eval_mode_and_learns_nothing(dataset, teacher):
    model = load_model(teacher, CLASSES).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    loaded = load(dataset)
    online = OnlineTeacher(model, loaded.normalise, "fp32")
    answer = online.answer(loaded.split("train").images)
    assert not model.training
    assert not answer.requires_grad
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_teacher_answers_with_its_own_preprocessing(tmp_path, dataset, teacher):
    folder = copied(teacher, tmp_path)
    run = store.read_json(folder / "run.json")
    own = {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.6, 0.7]}
    store.write_json(
        folder / "run.json", {**run, "settings": changed(run["settings"], preprocessing=own)}
    )
    loaded = load(dataset)
    images = loaded.split("test").images
    by_hand = (images / 255 - torch.tensor(own["mean"]).view(3, 1, 1)) / torch.tensor(
        own["std"]
    ).view(3, 1, 1)
    with torch.no_grad():
        expected = load_model(folder, CLASSES)(by_hand)
    answer = online_teacher(folder, loaded, "fp32", CPU).answer(images)
    torch.testing.assert_close(answer.float(), expected, rtol=2e-3, atol=2e-3)


def test_verification_needs_the_dataset_of_the_table(tmp_path, dataset, teacher, targets):
    other = make_dataset(tmp_path)
    arrays = store.read_tensors(other / "images.safetensors")
    arrays["train.held_out"] = ~arrays["train.held_out"]
    store.write_tensors(other / "images.safetensors", arrays)
    with pytest.raises(TargetsError, match="other images than the dataset's"):
        verify(targets, other, teacher, sample=10, seed=0)


def test_the_job_is_recorded(targets, dataset, teacher):
    run = store.read_json(targets / "run.json")
    job = targets_job(targets, dataset, teacher)
    assert Job(**{key: run[key] for key in job.record()}, folder=targets) == job


def test_a_table_of_drawn_views_is_what_the_teacher_says_of_the_pictures(
    tmp_path, dataset, teacher
):
    """The table and the teacher that is asked at each step give one loss."""
    from distilscope.data import drawn

    settings = {"transform": "distilscope.data.transforms:graded", "arguments": {"strength": 1.0}}
    views = {"drawn": settings, "tabulated": 3}
    folder = tmp_path / "views"
    drawn.make(
        Job(
            kind="views",
            slug="strong-train",
            identity="0" * 12,
            settings={**settings, "split": "train", "per_image": 3},
            inputs={"dataset": str(dataset)},
            folder=folder,
        )
    )
    job = targets_job(tmp_path / "targets", dataset, teacher, views=views)
    tabulate(dataclasses.replace(job, inputs={**job.inputs, "views": str(folder)}))
    found = verify(tmp_path / "targets", dataset, teacher, sample=1000, seed=0)
    assert found.checked == 3 * len(load(dataset).split("train")) and found.largest <= 2.0**-10
    assert drawn_logits_differ(tmp_path / "targets")


def drawn_logits_differ(folder):
    logits = np.load(folder / "logits.npy")
    return not np.array_equal(logits[:, 0], logits[:, 1])
