"""Low-rank adapters: a frozen network learns a small change of some of its matrices.

Source: Hu et al. 2022 (LoRA, arXiv 2106.09685), as the library peft has it. They are merged when
the training is over, so that what is saved is a network like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from distilscope import optional
from distilscope.catalog import suggest
from distilscope.models.build import ModelError
from distilscope.training import runtime

BEFORE_ALL_STEPS = -1


def add(model: nn.Module, lora: Mapping[str, Any], seed: int) -> Callable[[], None]:
    """Put adapters beside modules of a model and freeze all else, in place.

    At first they change nothing: of B A, the change of a matrix, B is zero.

    Args:
        model: on the CPU.
        lora: `rank` of the change, which is multiplied by `alpha` / `rank`; `dropout` of what goes
            into it; `modules`, how the paths of the linear modules end.
        seed: of the first values of A.

    Returns:
        what adds the changes to the matrices and takes the adapters off, in place.

    Raises:
        ModelError: no linear module of that name, or one whose weights another module has too;
            peft is not installed.
    """
    check(model, lora["modules"])
    peft = optional.load(
        "peft", "adapters (`lora`) need peft", "pip install 'distilscope[language]'", ModelError
    )
    settings = peft.LoraConfig(
        r=lora["rank"],
        lora_alpha=lora["alpha"],
        lora_dropout=lora["dropout"],
        target_modules=sorted(lora["modules"]),
    )
    device = torch.device("cpu")
    with runtime.generators_restored(device):
        runtime.seed_step(seed, BEFORE_ALL_STEPS, device)
        adapters = peft.LoraModel(model, settings, "default")
    return adapters.merge_and_unload


def check(model: nn.Module, modules: Sequence[str]) -> None:
    """Refuse names that are no linear module's, which peft would pass over beside one that is.

    Raises:
        ModelError: see `add`.
    """
    linear = {name: m for name, m in model.named_modules() if isinstance(m, nn.Linear)}
    known = dict.fromkeys(path.rpartition(".")[2] for path in linear)
    times = Counter(id(p) for _, p in model.named_parameters(remove_duplicate=False))
    for name in modules:
        found = {p: m for p, m in linear.items() if p == name or p.endswith(f".{name}")}
        if not found:
            raise ModelError(
                f"`lora.modules`: no linear module is called {name!r}; {suggest(name, known)}"
            )
        for path, module in found.items():
            if times[id(module.weight)] > 1:
                raise ModelError(
                    f"`lora.modules`: the weights of {path} are another module's too (tied), which "
                    f"a merged change would change with it: leave out {name!r}"
                )
