"""What the keys of a configuration are made of, and how a fault is worded."""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from distilscope import catalog


class ConfigurationError(ValueError):
    """A configuration that can't be used; the message has a line for each fault."""


class NotHere(ConfigurationError):
    """A file or folder of the user's that a configuration names is not on this machine."""


LARGEST = 2**53
"""Whole numbers up to this one are the same as int and as float."""


def number(value: Any) -> Any:
    """YAML 1.1 reads 1e-1 as text: a text that is a number is that number. True is not 1."""
    if isinstance(value, bool):
        raise ValueError(f"{value} is not a number")
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a number") from None
    if not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is not a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    if abs(value) > LARGEST:
        raise ValueError(f"a number of that size can't be used; the largest is {LARGEST}")
    return value


def whole(value: Any) -> Any:
    """The same, and it has no fraction."""
    value = number(value)
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError(f"{value:g} is not a whole number")
        return int(value)
    return value


Number = Annotated[float, BeforeValidator(number)]
Positive = Annotated[float, Field(gt=0), BeforeValidator(number)]
Fraction = Annotated[float, Field(ge=0, le=1), BeforeValidator(number)]
Whole = Annotated[int, Field(ge=0), BeforeValidator(whole)]
Count = Annotated[int, Field(ge=1), BeforeValidator(whole)]
_NAME, _LAYER = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$", r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}$"
_MEMBER = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}(\.\d+)?$"
NAMES = {
    _NAME: "a name is up to 40 letters (a to z), digits, - and _, and begins with a letter or "
    "digit",
    _LAYER: "a layer's name is up to 40 letters (a to z), digits, -, _ and ., and begins with a "
    "letter, a digit or _",
    _MEMBER: "a member is a teacher by name, or one of its models: `name.seed`",
}
"""The patterns in words."""
Name = Annotated[str, Field(pattern=_NAME)]
LayerName = Annotated[str, Field(pattern=_LAYER)]
"""It is part of names of files and of columns."""
Member = Annotated[str, Field(pattern=_MEMBER)]
"""A teacher of a committee: `entry`, or `entry.seed` for one of its models."""


def expanded(text: str) -> Path:
    """A path of the configuration with ~ and variables expanded: the one place where that is done.

    Raises:
        ValueError: there is no such home directory.
    """
    try:
        return Path(os.path.expandvars(text)).expanduser()
    except RuntimeError:
        raise ValueError(f"there is no home directory for {text!r}") from None


def _expandable(text: str) -> str:
    """The path as it was typed, so that a report shows no one's home directory."""
    expanded(text)
    return text


UserPath = Annotated[str, AfterValidator(_expandable)]
"""A file or folder of the user's, as typed; `expanded` says where it is."""


class Strict(BaseModel):
    """A mapping whose keys are all known; a misspelt one is answered with the nearest."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            shown = "nothing" if value is None else f"{value!r:.60}"
            raise ValueError(f"expected a mapping of keys to values, got {shown}")
        for key in value:
            if key not in cls.model_fields:
                raise ValueError(f"unknown key {key!r}; {catalog.suggest(key, cls.model_fields)}")
        return dict(value)


class Section(Strict):
    """The settings of an analysis.

    Attributes:
        trains: whether it trains models of its own.
    """

    @property
    def trains(self) -> bool:
        return False

    def check(self, configuration: Any) -> None:
        """Refuse what does not agree with the rest of the configuration.

        Raises:
            ValueError: naming the key, the value and what would be accepted.
        """


def each_once(names: Sequence[str], what: str) -> None:
    """Refuse a name that a list has twice.

    Raises:
        ValueError: naming it.
    """
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the {what} {name!r} occurs twice")


def require_layered(key: str, method: str | None, able: Sequence[str]) -> None:
    """Refuse a method of the key that is none of those that explain layers; None is the first.

    Raises:
        ValueError: naming those that are.
    """
    if method not in (None, *able):
        raise ValueError(
            f"{key}: {method!r} is none of `observe.methods` that explain layers: {', '.join(able)}"
        )


def faults(error: ValidationError, tags: Collection[str] = ()) -> list[str]:
    """A line for each fault: place, what is wrong, value. `tags` are no part of a place."""
    return [_fault(fault, tags) for fault in error.errors()]


def _fault(fault: Mapping[str, Any], tags: Collection[str]) -> str:
    place = ".".join(str(part) for part in fault["loc"] if part not in tags)
    if fault["type"] == "missing":
        return f"{place}: this key is missing"
    if fault["type"] == "string_type":
        return f"{place or 'top level'}: {_no_text(fault.get('input'))}"
    if fault["type"] in PLAIN:
        return f"{place.removesuffix('.[key]')}: {_plainly(fault)}"
    message = fault["msg"].removeprefix("Value error, ")
    shown = repr(fault.get("input"))
    plain = fault["type"] == "value_error" or len(shown) > 60
    return f"{place or 'top level'}: {message}" + ("" if plain else f" (got {shown})")


PLAIN = {
    "greater_than": "{value} is too small; expected more than {gt}",
    "greater_than_equal": "{value} is too small; expected {ge} or more",
    "less_than": "{value} is too large; expected less than {lt}",
    "less_than_equal": "{value} is too large; expected {le} or less",
    "too_short": "expected {min_length} or more, got {actual_length}",
    "too_long": "expected {max_length} or fewer, got {actual_length}",
    "literal_error": "{value} is none of {expected}",
    "list_type": "expected a list such as [a, b], got {value}",
    "dict_type": "expected a mapping of names to values, got {value}",
    "bool_type": "expected true or false, got {value}",
    "string_pattern_mismatch": "{value} can't be used; {pattern}",
}
"""Faults that pydantic words for programmers, in the words of a configuration."""


def _plainly(fault: Mapping[str, Any]) -> str:
    values = {**fault.get("ctx", {}), "value": f"{fault.get('input')!r:.60}"}
    if "pattern" in values:
        values["pattern"] = NAMES[values["pattern"]]
    return PLAIN[fault["type"]].format(**values)


def _no_text(value: Any) -> str:
    """YAML reads words such as no and null, numbers and dates as something else than text."""
    if value is None:
        return "expected text, got nothing (null)"
    if isinstance(value, (bool, int, float, datetime.date)):
        return f"expected text, and YAML reads it as {value!r:.60}; put it in quotes"
    return f"expected text, got {value!r:.60}"
