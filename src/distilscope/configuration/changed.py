"""Models that are made of others without training: compressed, or under perturbed inputs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainValidator,
    SerializeAsAny,
    create_model,
    model_validator,
)

from distilscope import catalog
from distilscope.configuration.kinds import Strict, Whole, number


class Compress(Strict):
    """Compressed models of a teacher or student (each of its seeds), or of one model by id.

    Each way of compressing is a key with a value or several; each value is a model of its own.
    """

    of: str

    def rungs(self) -> Iterator[tuple[str, Any]]:
        """(way, value), in the order of the catalogue, the mildest first."""
        for name, way in catalog.COMPRESSIONS.items():
            for value in sorted(set(getattr(self, name)), key=way.severity):
                yield name, value

    @model_validator(mode="after")
    def _something(self) -> Compress:
        if not any(self.rungs()):
            known = ", ".join(catalog.COMPRESSIONS)
            raise ValueError(f"say how {self.of!r} is compressed: {known}")
        return self


def _checked(name: str) -> Any:
    """One value of a way of compressing, or a list of them."""
    way = catalog.COMPRESSIONS[name]
    one = Literal[tuple(way.choices)] if way.choices else float

    def check(value: Any) -> list[Any]:
        values = value if isinstance(value, list) else [value]
        found = values if way.choices else [number(item) for item in values]
        for item in found:
            fault = way.check(item)
            if fault:
                raise ValueError(fault)
        return found

    return Annotated[list[one], BeforeValidator(check, json_schema_input_type=one | list[one])]


@cache
def _class(names: tuple[str, ...]) -> type[Compress]:
    fields: dict[str, Any] = {name: (_checked(name), []) for name in names}
    return create_model("Compress", __base__=Compress, __doc__=Compress.__doc__, **fields)


def _parsed(value: Any) -> Compress:
    """An entry of `compress`, with a key for each way that there is now."""
    return value if isinstance(value, Compress) else _now().model_validate(value)


def _now() -> type[Compress]:
    return _class(tuple(catalog.COMPRESSIONS))


Compressed = Annotated[
    SerializeAsAny[Compress], PlainValidator(_parsed, json_schema_input_type=_now())
]


class StandIn(Strict):
    """A teacher under small changes of its input: stands in for a twin where there is none.

    `noise` is a standard deviation in units of the input as the model takes it, `flip` mirrors
    images from left to right; each seed is another noise.
    """

    of: str
    noise: Annotated[float, Field(ge=0, lt=10), BeforeValidator(number)] = 0.1
    flip: bool = True
    seeds: list[Whole] = Field(default=[0], min_length=1)

    @model_validator(mode="after")
    def _something(self) -> StandIn:
        if not self.noise and not self.flip:
            raise ValueError(
                "a stand-in without `noise` and `flip` is the model itself; give one of them"
            )
        if not self.noise and len(self.seeds) > 1:
            raise ValueError(
                f"`seeds` are {self.seeds} and `noise` is 0, so that all would be one model: give "
                "one seed, or a `noise` above 0"
            )
        return self
