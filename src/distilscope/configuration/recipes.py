"""How a model is trained: optimizer, schedule, recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)

from distilscope import catalog
from distilscope.configuration.data import Views
from distilscope.configuration.kinds import (
    Count,
    Fraction,
    Name,
    Positive,
    Strict,
    each_once,
    number,
    whole,
)

Decay = Annotated[float, Field(ge=0), BeforeValidator(number)]
Beta = Annotated[float, Field(ge=0, lt=1), BeforeValidator(number)]


class SGD(Strict):
    """Stochastic gradient descent."""

    name: Literal["sgd"] = "sgd"
    lr: Positive
    momentum: Fraction = 0.9
    weight_decay: Decay = 5e-4
    nesterov: bool = False


class AdamW(Strict):
    """Adam with decoupled weight decay."""

    name: Literal["adamw"]
    lr: Positive
    betas: list[Beta] = Field(default=[0.9, 0.999], min_length=2, max_length=2)
    eps: Positive = 1e-8
    weight_decay: Decay = 0.01


OPTIMIZERS: dict[str, type[SGD | AdamW]] = {"sgd": SGD, "adamw": AdamW}


def _optimizer(value: Any, either: ValidatorFunctionWrapHandler) -> SGD | AdamW:
    """By its name, so that faults are those of that optimizer alone; `sgd` where none is given."""
    if isinstance(value, SGD | AdamW):
        return value
    name = value.get("name", "sgd") if isinstance(value, Mapping) else "sgd"
    return catalog.lookup(OPTIMIZERS, name, "optimizer").model_validate(value)


Optimizer = Annotated[SGD | AdamW, WrapValidator(_optimizer)]


class Schedule(Strict):
    """How the learning rate moves over the run."""

    name: Literal["cosine", "one-cycle", "constant", "steps"] = "cosine"
    warmup_epochs: Annotated[float, Field(ge=0), BeforeValidator(number)] = 0
    milestones: list[Count] = []
    gamma: Fraction = 0.1


class LoRA(Strict):
    """Low-rank adapters: all else of the network stays as it begins; they are merged at the end.

    `modules` are linear modules by the ends of their paths. The change of a matrix has this `rank`
    and is multiplied by `alpha` / `rank`; `dropout` is of what goes into it.
    """

    rank: Count
    alpha: Positive
    dropout: Annotated[float, Field(ge=0, lt=1), BeforeValidator(number)] = 0.0
    modules: list[str] = Field(default=["q_proj", "v_proj"], min_length=1)

    @field_validator("modules")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        each_once(value, "module")
        return value


class Recipe(Strict):
    """How a model is trained. The weights of the last epoch are the model.

    `targets` says where a distilled model has its teacher's logits from: a table that is computed
    once and serves every student, or the teacher itself at every step. Of texts the table may have,
    instead of all logits, the `hidden` states that the teacher's head makes them of, or the `top-k`
    likeliest tokens, `top_k` of them. `positions` are those whose tokens are learnt, and `taught`
    is which text: with `wrong-facts` a part of the facts is wrong, with `other-procedure` the steps
    of a trace are those of another valid way.
    `tasks` are those that are taught; null is all.
    With `accumulate` a batch goes through the model in so many parts, whose gradients add up.
    """

    epochs: Count
    batch: Count = 128
    accumulate: Count = 1
    optimizer: Optimizer
    schedule: Schedule = Schedule()
    views: Views = Views()
    targets: Literal["table", "hidden", "top-k", "online"] = "table"
    top_k: Annotated[int, Field(ge=2), BeforeValidator(whole)] | None = None
    positions: Literal["answer", "all"] = "answer"
    taught: Literal["gold", "wrong-facts", "other-procedure"] = "gold"
    tasks: Annotated[list[Name], Field(min_length=1)] | None = None
    lora: LoRA | None = None

    @model_validator(mode="after")
    def _leaves_epochs(self) -> Recipe:
        warm_up = self.schedule.warmup_epochs
        if warm_up >= self.epochs:
            raise ValueError(
                f"`schedule.warmup_epochs` is {warm_up:g} of {self.epochs} `epochs`: nothing is "
                f"left after the warm-up; give less than {self.epochs}"
            )
        return self

    @model_validator(mode="after")
    def _has_parts(self) -> Recipe:
        if self.accumulate > max(1, self.batch // 2):
            raise ValueError(
                f"`accumulate` is {self.accumulate} and `batch` {self.batch}: a part has two "
                f"examples or more, so give up to {max(1, self.batch // 2)}"
            )
        return self

    @model_validator(mode="after")
    def _says_how_many(self) -> Recipe:
        if (self.targets == "top-k") != (self.top_k is not None):
            raise ValueError(
                "`targets: top-k` and `top_k`, how many tokens are kept (such as 64), go together: "
                f"`targets` is {self.targets} and `top_k` "
                f"{'is left out' if self.top_k is None else self.top_k}"
            )
        return self
