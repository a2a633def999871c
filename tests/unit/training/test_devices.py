"""What a GPU needs of the training loop, shown where there is none.

On the `meta` device there are shapes and no values: whatever would read a value back, or mix
devices, raises there.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from distilscope.data.dataset import Normalisation, Split, load
from distilscope.data.views import make_policy
from distilscope.models.build import build
from distilscope.training import loop, runtime
from distilscope.training.batches import BatchPlan
from distilscope.training.checkpoint import Keeper
from distilscope.training.images import Images
from distilscope.training.loop import Task, fit
from distilscope.training.objectives import kd
from distilscope.training.signals import OnlineTeacher, TargetTable
from distilscope.workflow.interrupt import Stop

from .making import CLASSES, NETWORK, RECIPE, changed

# What makes the host wait for a device.
READING_BACK = {"_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal"}


class Counted(TorchDispatchMode):
    """Counts operations by name."""

    def __init__(self):
        super().__init__()
        self.calls = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


def task_of(folder, signals, *, epochs=1, device="cpu", precision="fp32"):
    dataset = load(folder, device)
    recipe = changed(RECIPE, epochs=epochs, schedule={"name": "constant"})
    split = dataset.split("train")
    indices = load(folder).split("train").indices
    nothing = Split(*(whole[:0] for whole in (split.images, split.labels, split.indices)))
    return Task(
        name="net",
        inputs=Images(split, nothing, make_policy(recipe["views"]), dataset.normalise),
        plan=BatchPlan(indices, recipe, seed=3),
        objective=functools.partial(kd.loss, T=4.0, alpha=0.9),
        signals=signals,
        recipe=recipe,
        seed=3,
        precision=precision,
    )


def table_on(device, folder, targets):
    plan = BatchPlan(load(folder).split("train").indices, RECIPE, seed=3)
    indices = load(folder).split("train").indices
    return TargetTable(targets, indices, plan.table, torch.device(device))


def on_meta(seed):
    return build(NETWORK, CLASSES, seed=seed).to("meta", memory_format=torch.channels_last)


def test_steps_read_nothing_back_whatever_their_number(tmp_path, dataset, targets):
    """An epoch more reads its sums and its evaluation, and nothing for its steps."""
    found = {}
    for name, batch in (("few", 20), ("many", 5)):
        task = task_of(dataset, [table_on("cpu", dataset, targets)])
        recipe = changed(task.recipe, batch=batch)
        plan = BatchPlan(task.inputs.train.indices, recipe, seed=3)
        task = Task(**{**vars(task), "plan": plan, "recipe": recipe})
        with Counted() as counted:
            fit(build(NETWORK, CLASSES, seed=2), task, Keeper(tmp_path, name, name))
        found[name] = plan.steps, {op: counted.calls[op] for op in READING_BACK}
    assert found["many"][0] >= 4 * found["few"][0] - 1
    assert found["many"][1] == found["few"][1]


@pytest.mark.parametrize("taught", ["table", "online"])
def test_a_step_runs_without_values(tmp_path, dataset, targets, taught, monkeypatch):
    """Views, targets, loss, backward and step stay on the device and need no value of it."""
    no_autocast = contextlib.nullcontext()  # torch has none for `meta`
    monkeypatch.setattr(runtime, "autocast", lambda precision, device: no_autocast)
    normalise = Normalisation((0.4,) * 3, (0.2,) * 3, "meta")
    signals = {
        "table": lambda: table_on("meta", dataset, targets),
        "online": lambda: OnlineTeacher(on_meta(1), normalise, "fp32"),
    }
    task = task_of(dataset, [signals[taught]()], device="meta")
    model = on_meta(2)
    run = loop._Run(model, task, Keeper(tmp_path, "net", "0"), Stop())
    plan = task.plan.epoch(0, torch.device("meta"))
    asked = [signal.at_epoch(plan.columns) for signal in task.signals]
    model.train()
    for rows in plan.batches[:2]:
        run._step(rows, plan.view_ids[rows], asked)
    assert {tensor.device.type for tensor in run.optimiser.state["momentum"].values()} == {"meta"}
    assert run.state.sums.device.type == "meta"


def test_what_goes_into_the_network_is_channels_last_and_bf16(dataset, targets, tmp_path):
    seen = []
    model = build(NETWORK, CLASSES, seed=2).to(memory_format=torch.channels_last)
    convolutions = [m for m in model.modules() if isinstance(m, torch.nn.Conv2d)]
    for module in convolutions:
        module.register_forward_hook(lambda module, inputs, output: seen.append(output))
    task = task_of(dataset, [table_on("cpu", dataset, targets)], precision="bf16")
    fit(model, task, Keeper(tmp_path, "net", "0"))
    assert len(seen) == len(convolutions) * task.plan.steps
    assert all(output.dtype == torch.bfloat16 for output in seen)
    assert all(output.is_contiguous(memory_format=torch.channels_last) for output in seen)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
