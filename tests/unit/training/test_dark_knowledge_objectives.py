"""Objectives on what wrong classes say, against loops over images and classes in float64."""

import math

import numpy as np
import pytest
import torch

from distilscope import store
from distilscope.data.dataset import load
from distilscope.training.objectives import ats, ce, ce_penalty, ce_smoothed, fused, isats, kd, ts

CLASSES, ROWS = 5, 7
SOFT = {"tau_student": 1.5, "alpha": 0.6}


@pytest.fixture
def batch():
    random = np.random.default_rng(11)
    student, teacher = 4 * random.normal(size=(2, ROWS, CLASSES))
    return student, teacher, random.integers(0, CLASSES, size=ROWS)


def asked(objective, batch, **parameters):
    student, teacher, labels = batch
    return objective.loss(
        torch.tensor(student), torch.tensor(labels), [torch.tensor(teacher)], **parameters
    )


def softmax(row):
    powers = [math.exp(value - max(row)) for value in row]
    return [power / sum(powers) for power in powers]


def distilled(student, targets, labels, tau_student, alpha):
    """alpha tau^2 KL(target || student) + (1 - alpha) CE, an image and a class at a time."""
    total = 0.0
    for own, target, label in zip(student, targets, labels, strict=True):
        soft = softmax([x / tau_student for x in own])
        divergence = sum(p * math.log(p / q) for p, q in zip(target, soft, strict=True))
        total += alpha * tau_student**2 * divergence
        total -= (1 - alpha) * math.log(softmax(own)[label])
    return total / len(labels)


def with_two_temperatures(row, label, true, rest):
    return softmax([x / (true if c == label else rest) for c, x in enumerate(row)])


def spread(target, label):
    wrong = [p for c, p in enumerate(target) if c != label]
    mean = sum(wrong) / len(wrong)
    return sum((p - mean) ** 2 for p in wrong) / len(wrong)


# ------------------------------------------------------------------------------------ formulas


def test_two_temperatures_of_teacher_and_student(batch):
    targets = [softmax([x / 4 for x in row]) for row in batch[1]]
    expected = distilled(batch[0], targets, batch[2], 1.5, 0.6)
    assert asked(ts, batch, tau_teacher=4.0, **SOFT).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("true", "rest"), [(4.0, 2.0), (1.0, 3.0)])
def test_the_label_has_a_temperature_of_its_own(batch, true, rest):
    targets = [
        with_two_temperatures(row, label, true, rest)
        for row, label in zip(batch[1], batch[2], strict=True)
    ]
    expected = distilled(batch[0], targets, batch[2], 1.5, 0.6)
    found = asked(ats, batch, tau_true=true, tau_rest=rest, **SOFT)
    assert found.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("cap", [0.05, 0.4, 1.0])
def test_each_example_takes_the_temperatures_that_spread_its_wrong_classes_most(batch, cap):
    grid, targets = isats.temperatures(0.5, 6.0), []
    for row, label in zip(batch[1], batch[2], strict=True):
        pairs = [with_two_temperatures(row, label, a, b) for a in grid for b in grid]
        under = [target for target in pairs if 1 - target[label] <= cap]
        targets.append(
            max(under, key=lambda t: spread(t, label))
            if under
            else min(pairs, key=lambda t: 1 - t[label])
        )
    expected = distilled(batch[0], targets, batch[2], 1.5, 0.6)
    found = asked(isats, batch, tau_low=0.5, tau_high=6.0, cap=cap, **SOFT)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    if cap == 1.0:
        assert all(1 - t[k] <= cap for t, k in zip(targets, batch[2], strict=True))


def relations_by_loop(table, labels, tau):
    rows = []
    for label in range(table.shape[2]):
        total, n = [0.0] * table.shape[2], 0
        for views, own in zip(table, labels, strict=True):
            for said in views if own == label else ():
                wrong = [c for c in range(table.shape[2]) if c != label]
                for c, p in zip(wrong, softmax([float(said[c]) / tau for c in wrong]), strict=True):
                    total[c] += p
                n += 1
        rows.append([value / n if n else math.nan for value in total])
    return np.array(rows)


@pytest.fixture
def table():
    random = np.random.default_rng(3)
    labels = np.array([0, 1, 2, 3, 3, 2, 1, 0, 0])  # class 4 is absent
    return (3 * random.normal(size=(9, 4, CLASSES))).astype(np.float16), labels


@pytest.mark.parametrize("chunk", [4, 2048])
def test_the_relation_matrix_is_the_mean_over_examples_and_views(table, monkeypatch, chunk):
    monkeypatch.setattr(fused, "CHUNK", chunk)
    logits, labels = table
    found = fused.prepare(logits, torch.tensor(labels), tau_teacher=2.0)["relations"]
    expected = relations_by_loop(logits, labels, 2.0)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    assert found[4].isnan().all()  # no example of the class
    assert found.diagonal()[:4].eq(0).all()


def test_wrong_classes_are_mixed_with_the_relations_and_keep_their_mass(batch):
    random = np.random.default_rng(5)
    relations = random.uniform(0.1, 1, size=(CLASSES, CLASSES)) * (1 - np.eye(CLASSES))
    relations /= relations.sum(axis=1, keepdims=True)
    targets = []
    for row, label in zip(batch[1], batch[2], strict=True):
        said = softmax([x / 3 for x in row])
        left = 1 - said[label]
        mixed = [
            left * (0.3 * p / left + 0.7 * r) for p, r in zip(said, relations[label], strict=True)
        ]
        targets.append([said[label] if c == label else mixed[c] for c in range(CLASSES)])
    expected = distilled(batch[0], targets, batch[2], 1.5, 0.6)
    own = torch.tensor(relations, dtype=torch.float32)
    found = asked(fused, batch, relations=own, gamma=0.7, tau_teacher=3.0, **SOFT)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    assert all(sum(target) == pytest.approx(1) for target in targets)


def test_labels_are_smoothed_over_all_classes(batch):
    expected = 0.0
    for row, label in zip(batch[0], batch[2], strict=True):
        for c, p in enumerate(softmax(row)):
            expected -= (0.2 / CLASSES + 0.8 * (c == label)) * math.log(p) / ROWS
    found = ce_smoothed.loss(torch.tensor(batch[0]), torch.tensor(batch[2]), epsilon=0.2)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_confidence_is_penalised_by_the_entropy_of_the_answer(batch):
    expected = 0.0
    for row, label in zip(batch[0], batch[2], strict=True):
        said = softmax(row)
        entropy = -sum(p * math.log(p) for p in said)
        expected += (-math.log(said[label]) - 0.4 * entropy) / ROWS
    found = ce_penalty.loss(torch.tensor(batch[0]), torch.tensor(batch[2]), beta=0.4)
    assert found.item() == pytest.approx(expected, rel=1e-5)


# ---------------------------------------------------------------------------------- reductions


@pytest.mark.parametrize("alpha", [0.3, 1.0])
@pytest.mark.parametrize("tau", [0.7, 1.0, 3.0])
def test_equal_temperatures_are_plain_distillation_bit_for_bit(batch, tau, alpha):
    soft = {"tau_student": tau, "alpha": alpha}
    plain = asked(kd, batch, T=tau, alpha=alpha)
    scalar = asked(ts, batch, tau_teacher=tau, **soft)
    assert torch.equal(scalar, plain)
    assert torch.equal(asked(ats, batch, tau_true=tau, tau_rest=tau, **soft), plain)
    assert torch.equal(asked(isats, batch, tau_low=tau, tau_high=tau, cap=0.2, **soft), plain)


@pytest.mark.parametrize("tau", [0.7, 3.0])
def test_equal_temperatures_of_the_teacher_are_one_bit_for_bit(batch, tau):
    scalar = asked(ts, batch, tau_teacher=tau, **SOFT)
    assert torch.equal(asked(ats, batch, tau_true=tau, tau_rest=tau, **SOFT), scalar)
    assert torch.equal(asked(isats, batch, tau_low=tau, tau_high=tau, cap=0.5, **SOFT), scalar)
    nothing = torch.full((CLASSES, CLASSES), math.nan)
    mixed = asked(fused, batch, relations=nothing, gamma=0.0, tau_teacher=tau, **SOFT)
    assert torch.equal(mixed, scalar)


@pytest.mark.parametrize(
    ("objective", "parameters"),
    [
        (ts, {"tau_teacher": 4.0}),
        (ats, {"tau_true": 4.0, "tau_rest": 2.0}),
        (isats, {"tau_low": 1.0, "tau_high": 4.0, "cap": 0.5}),
        (fused, {"gamma": 0.5, "tau_teacher": 4.0, "relations": None}),
    ],
    ids=lambda value: getattr(getattr(value, "OBJECTIVE", None), "name", ""),
)
def test_alpha_0_asks_no_teacher_and_two_teachers_are_refused(batch, objective, parameters):
    logits, labels = torch.tensor(batch[0]), torch.tensor(batch[2])
    found = objective.loss(logits, labels, [], **parameters, tau_student=1.0, alpha=0.0)
    assert torch.equal(found, ce.loss(logits, labels))
    with pytest.raises(ValueError, match="exactly one teacher, got 2"):
        objective.loss(logits, labels, [logits] * 2, **parameters, tau_student=1.0, alpha=0.5)


def test_recipes_of_teachers_with_nothing_set_are_cross_entropy_bit_for_bit(batch):
    logits, labels = torch.tensor(batch[0]), torch.tensor(batch[2])
    assert torch.equal(ce_smoothed.loss(logits, labels, epsilon=0.0), ce.loss(logits, labels))
    assert torch.equal(ce_penalty.loss(logits, labels, beta=0.0), ce.loss(logits, labels))


# ------------------------------------------------------------------------------------ extremes


def test_with_two_classes_there_is_nothing_to_spread_and_the_loss_is_finite():
    logits, labels = torch.tensor([[2.0, -1.0], [0.5, 3.0]]), torch.tensor([0, 0])
    soft = {"tau_student": 1.0, "alpha": 0.5}
    found = isats.loss(logits, labels, [logits], tau_low=1.0, tau_high=4.0, cap=0.5, **soft)
    assert torch.isfinite(found)


def test_a_grid_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="tau_low is 4 and tau_high 1"):
        isats.temperatures(4.0, 1.0)


def test_no_gradient_reaches_a_teacher_that_is_sure_beyond_fp32(batch):
    student = torch.tensor(batch[0], requires_grad=True)
    teacher = torch.full((ROWS, CLASSES), -3e4)
    labels = torch.tensor(batch[2])
    teacher[torch.arange(ROWS), labels] = 3e4
    relations = torch.full((CLASSES, CLASSES), 0.25)
    for objective, own in (
        (ats, {"tau_true": 4.0, "tau_rest": 2.0}),
        (isats, {"tau_low": 1.0, "tau_high": 4.0, "cap": 0.5}),
        (fused, {"gamma": 0.5, "tau_teacher": 4.0, "relations": relations}),
    ):
        student.grad = None
        objective.loss(student, labels, [teacher], **own, **SOFT).backward()
        assert torch.isfinite(student.grad).all()


# ------------------------------------------------------------------------------ trained with it


def test_a_student_learns_with_the_relations_of_its_teachers_table(tmp_path, monkeypatch):
    from distilscope.training.prepared import prepare
    from distilscope.training.targets import tabulate
    from distilscope.training.train import train

    from .making import changed, make_dataset, model_job, prepared_job, targets_job

    dataset = make_dataset(tmp_path / "data")
    train(model_job(tmp_path / "teacher", dataset), tmp_path / "checkpoints")
    tabulate(targets_job(tmp_path / "table", dataset, tmp_path / "teacher"))
    prepare(prepared_job(tmp_path / "prepared", dataset, tmp_path / "table", tau_teacher=4.0))
    seen, plain = [], fused.loss

    def noted(*args, relations, **parameters):
        seen.append(relations)
        return plain(*args, relations=relations, **parameters)

    monkeypatch.setattr(fused, "loss", noted)
    objective = fused.OBJECTIVE.settings({"gamma": 0.5, "tau_teacher": 4.0, **SOFT})
    job = model_job(
        tmp_path / "student",
        dataset,
        changed(objective=objective),
        targets=[str(tmp_path / "table")],
        prepared=str(tmp_path / "prepared"),
    )
    train(job, tmp_path / "checkpoints")
    assert len({id(relations) for relations in seen}) == 1  # read once
    kept = store.read_tensors(tmp_path / "prepared" / "prepared.safetensors")
    assert kept.keys() == {"relations"}
    assert np.array_equal(seen[0].numpy(), kept["relations"])
    logits = store.open_array(tmp_path / "table" / "logits.npy").astype(np.float64)
    labels = load(dataset).split("train").labels.numpy()
    np.testing.assert_allclose(kept["relations"], relations_by_loop(logits, labels, 4.0), rtol=1e-6)
    found = store.read_json(tmp_path / "prepared" / "run.json")["facts"]
    assert found == {"shapes": {"relations": [3, 3]}}


def test_what_is_prepared_of_a_table_of_other_images_is_refused(tmp_path, dataset, targets):
    from distilscope.training.prepared import prepare
    from distilscope.training.signals import SignalError

    from .making import prepared_job
    from .test_targets import copied

    folder = copied(targets, tmp_path / "table")
    indices = store.open_array(folder / "indices.npy")
    store.write_array(folder / "indices.npy", indices + 1)
    with pytest.raises(SignalError, match="table holds the teacher's logits of other data"):
        prepare(prepared_job(tmp_path / "prepared", dataset, folder, tau_teacher=4.0))
