"""What an objective declares of itself: read while the plan is made, without torch.

An objective is a file here, or a module of the user's: a declaration and the loss that it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

_OF_ENTRIES = {
    "students",
    "seeds",
    "objective",
    "lr",
    "teachers",
    "taught_by",
    "committee",
    "combine",
    "teachers_in_training_mode",
    "parameters",
}
_OF_CONDITIONS = {"role", "network", "source", "teacher", "views", "condition", "label"}
RESERVED = frozenset(_OF_ENTRIES | _OF_CONDITIONS)
"""What no parameter may be called: keys of a grid entry and fields of a condition."""

COMBINE = ("losses", "logits", "probabilities")
"""How several teachers act as one; see `training.signals.combined`."""


@dataclass(frozen=True)
class Parameter:
    """A number that an objective takes.

    Attributes:
        symbol: how names of models spell it, such as `a` in `a0.9`.
        sign: how figures and tables spell it, such as `α`.
        low, high: its legal range, both included; with `low_open`, `low` is not.
        meaning: what it is, in a few words.
    """

    symbol: str
    low: float
    high: float
    low_open: bool = False
    meaning: str = ""
    sign: str = ""

    def check(self, value: float) -> str | None:
        """What is wrong with the value, or None."""
        above = value > self.low if self.low_open else value >= self.low
        if above and value <= self.high:
            return None
        bracket = "(" if self.low_open else "["
        return f"{value:g} is outside {bracket}{self.low:g}, {self.high:g}]"


@dataclass(frozen=True)
class Objective:
    """A training loss.

    Attributes:
        name: what configurations call it.
        loss: dotted path of `loss(logits, labels, teachers, **parameters)`, the mean over the batch
            in fp32 (of a large vocabulary it is called with some of the rows at a time); `logits`
            are (B, C), `labels` int64 (B,), `teachers` a sequence of (B, C), one for each teacher:
            none where `needs` is `nothing`, and one where a committee is
            combined.
        parameters: name -> what it is, in the order of models' names.
        needs: what it learns from besides the labels: `nothing`, the `logits` of its teachers, or
            the `texts` that its one teacher writes, which stand in the place of the gold ones.
        on_policy: the parameter that is the share of batches whose texts the student writes itself
            while it learns. Its teachers are asked at each step, and it uses no labels: such texts
            have none (labels of -1). None of an objective that learns from given examples.
        derived: column of tables -> the parameter that it holds.
        reduces_to: name of another objective -> the values of parameters at which this one is that
            one, bit for bit.
        grouped: the values of parameters at which it stays defined where classes are taken
            together, as the soft term of a divergence between softmaxes does: then the top k of a
            teacher are enough. None of an objective that needs each logit.
        prepare: dotted path of `prepare(table, labels, **parameters) -> {name: tensor}`, keyword
            arguments of the loss, made once for all students of a teacher from its table, float16
            (N, V, C), and the labels (N,). Such an objective takes one teacher, and its table.
        prepare_takes: the parameters that `prepare` is given.
        target: dotted path of `target(teacher, labels, **parameters)`, the logarithms of the
            probabilities (B, C) that a student aims at, of one teacher's logits (B, C) in their own
            precision; with what `prepare` makes. None of an objective that has no such target.
        tau: the parameter by which the student's logits are softened towards it.
    """

    name: str
    loss: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    needs: Literal["nothing", "logits", "texts"] = "nothing"
    on_policy: str | None = None
    derived: Mapping[str, str] = field(default_factory=dict)
    reduces_to: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    grouped: Mapping[str, float] | None = None
    prepare: str | None = None
    prepare_takes: tuple[str, ...] = ()
    target: str | None = None
    tau: str | None = None

    def __post_init__(self) -> None:
        """Refuse a declaration that a configuration could not be written for.

        Raises:
            ValueError: the name of a parameter or a derived column can't be used, or what is named
                is no parameter; or texts of the student's own can't be learnt so.
        """
        for what, names in (("parameter", self.parameters), ("column", self.derived)):
            for name in names:
                if name in RESERVED or not name.isidentifier():
                    raise ValueError(
                        f"objective {self.name!r}: a {what} can't be called {name!r}; give it a "
                        f"name that is an identifier and none of {', '.join(sorted(RESERVED))}"
                    )
        settled = [*self.reduces_to.values(), self.grouped or {}]
        named = [*self.derived.values(), *(name for at in settled for name in at)]
        for name in (*named, *self.prepare_takes, *filter(None, [self.tau, self.on_policy])):
            if name not in self.parameters:
                raise ValueError(f"objective {self.name!r}: it has no parameter {name!r}")
        if self.on_policy and (self.needs != "logits" or self.prepare):
            raise ValueError(
                f"objective {self.name!r}: what a student writes is known at its step alone: with "
                "`on_policy` it needs `logits` and has no `prepare`"
            )

    @property
    def needs_teacher(self) -> bool:
        """Whether it learns from a teacher."""
        return self.needs != "nothing"

    def columns(self, parameters: Mapping[str, float]) -> dict[str, float]:
        """The derived columns of a table's row at these parameters."""
        return {column: parameters[name] for column, name in self.derived.items()}

    def reduced(self, parameters: Mapping[str, float]) -> str:
        """The name of the objective that it is at these parameters: its own, or a plainer one."""
        for name, values in self.reduces_to.items():
            if all(parameters.get(key) == value for key, value in values.items()):
                return name
        return self.name

    def settings(
        self, parameters: Mapping[str, float], combine: str | None = None
    ) -> dict[str, Any]:
        """What a training job gets of it; `combine` is one of `COMBINE` for a committee."""
        committee = {"combine": combine} if combine else {}
        own_texts = {"own_texts": parameters[self.on_policy]} if self.on_policy else {}
        return {
            "name": self.name,
            "loss": self.loss,
            "parameters": dict(parameters),
            **committee,
            **own_texts,
        }
