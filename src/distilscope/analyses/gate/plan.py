"""The plan of the gate: of which models something is required."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distilscope import catalog
from distilscope.analyses.gate import requirements
from distilscope.configuration.kinds import ConfigurationError
from distilscope.planning.hooks import Addition, AnalysisPlan

ASKED = ("student", "compressed")
"""Of whom something is required where no model is named: the first role that there is."""


class Plan(AnalysisPlan):
    """It computes nothing: figures and report are told what is required of which conditions."""

    def follow(self) -> None:
        """Refuse a requirement of a model that there is not."""
        self._asked()

    def tabulated(self) -> Addition:
        """Nothing: what is required changes no number."""
        return Addition()

    def drawn(self) -> Mapping[str, Any]:
        """`required`: a list of `text` and the `conditions` that it is required of."""
        return {"required": self._asked()}

    def _asked(self) -> list[dict[str, Any]]:
        return [
            {"text": str(found), "conditions": self._conditions(found)}
            for found in map(requirements.parse, self.section.require)
        ]

    def _conditions(self, asked: requirements.Requirement) -> list[str]:
        """The names of the conditions that a requirement is of."""
        named = [(model, self.study.names[model.condition]) for model in self.study.models]
        if asked.of is None:
            by_role = ([name for m, name in named if m.role == role] for role in ASKED)
            found = next(filter(None, by_role), [])
        else:
            plain = {name for m, name in named if m.network == asked.of and m.original is None}
            called = {name for m, name in named if asked.of in (m.id, name)}
            known = {text for m, name in named for text in (m.id, name, m.network)}
            if asked.of not in known:
                raise ConfigurationError(
                    f"analyses.gate.require: {str(asked)!r} names no model of the study; "
                    f"{catalog.suggest(asked.of, sorted(known))}"
                )
            found = sorted(called or plain)
        if not found:
            raise ConfigurationError(
                f"analyses.gate.require: {str(asked)!r} is of students or compressed models, and "
                f"the study has none; say `{asked.measure} of <model> {asked.sign} "
                f"{asked.bound:g}`"
            )
        return list(dict.fromkeys(found))
