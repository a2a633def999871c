"""The key `analyses`: which questions a study puts, each with its own typed section."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, create_model, model_serializer

from distilscope import catalog, registry
from distilscope.configuration.kinds import Section, Strict

USUAL = ("outputs", "alignment", "representation", "sweeps")
"""The analyses of a study that names none."""


class Sections(Strict):
    """The sections of the analyses that are on; the others are None."""

    def on(self) -> dict[str, Strict]:
        """Name -> section of the analyses that are on, in the order of the report."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: section for name, section in found.items() if section is not None}

    @model_serializer(mode="wrap")
    def _as_typed(self, handler: Any) -> dict[str, Any]:
        """Those that are on."""
        return {name: found for name, found in handler(self).items() if found is not None}


def _on(value: Any) -> Any:
    """`outputs:` with nothing behind it turns the analysis on as it is."""
    return {} if value is None else value


def sections() -> type[Sections]:
    """The class of `analyses`, with a key for each analysis that there is."""
    return _sections(tuple((n, a.section) for n, a in registry.analyses().items()))


@cache
def _sections(known: tuple[tuple[str, type[Section]], ...]) -> type[Sections]:
    fields: dict[str, Any] = {
        name: (Annotated[section | None, BeforeValidator(_on)], None) for name, section in known
    }
    return create_model("Analyses", __base__=Sections, **fields)


def usual() -> Sections:
    """The analyses of a study that names none, as they are."""
    return sections()(**{name: {} for name in USUAL})


def read(value: Any) -> Any:
    """The mapping of `analyses`, or a list of names; what is no analysis is refused."""
    if isinstance(value, (list, Mapping)):
        for name in value:
            catalog.lookup(registry.analyses(), name, "analysis")
    if isinstance(value, list):
        value = dict.fromkeys(value)
    if isinstance(value, Mapping):
        value = {name: _on(section) for name, section in value.items()}
    return value
