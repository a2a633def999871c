"""What the search for shortcuts adds to a study: its own students judged, and planted ones."""

from __future__ import annotations

from collections.abc import Iterator

from distilscope import catalog
from distilscope.analyses.alignment.configuration import Alignment
from distilscope.analyses.shortcuts.audits import PROBE, Audit, Audits, Shown
from distilscope.analyses.shortcuts.configuration import Shortcuts
from distilscope.analyses.shortcuts.plantings import Plantings
from distilscope.planning.hooks import Addition, AnalysisPlan


class Plan(AnalysisPlan):
    """Models judged by the detectors, and what they are shown for it."""

    section: Shortcuts

    def follow(self) -> None:
        """Plan the audits, and what is made for them."""
        layered = catalog.at_layers(self.study.configuration.observe.methods)
        method = self.section.method or layered[0]
        self.audits = Audits(self.study, method, self.section.causal)
        self.audits.found += self._of_study()
        if self.section.planted:
            self.audits.found += Plantings(self.audits, self.section.planted).audits()
        self.artefacts += self.audits.artefacts
        self.models += self.audits.models.values()

    def _of_study(self) -> Iterator[Audit]:
        """The students and controls of the study itself, beside the first of their teachers."""
        study = self.study
        for model in study.models:
            if model.role not in ("student", "twin-taught", "control") or not model.explained:
                continue
            known = (study.by_id[name] for name in model.references)
            teacher = next((other for other in known if other.explained), None)
            if teacher is None:
                continue
            masked = observed = None
            if self.section.causal is not None:
                seen = study.observations[teacher.id]
                masked = self.audits.masked(study.dataset, seen, PROBE, teacher)
                shown = [Shown("masked", masked)]
                observed = self.audits.observation(model, study.dataset, shown, ())
            yield Audit(
                model=model,
                condition=study.names[model.condition],
                teacher=teacher,
                seen=self.audits.own(model),
                teacher_seen=self.audits.own(teacher),
                twin_pairs=self.audits.twins(teacher, self.audits.own),
                probe_observation=observed,
                masked=masked,
            )

    def tabulated(self) -> Addition:
        """What a class must show to be flagged, and where each audited model was observed."""
        planted = self.section.planted
        settings = {
            "rules": self.section.model_dump(exclude={"causal", "planted", "method"}),
            "method": self.audits.method,
            "residuals": self._alignment().model_dump(include={"folds", "minimum_class", "seed"}),
            "image_size": self.study.configuration.data.image_size,
            "reliance": planted.reliance if planted else None,
            "audits": [audit.row() for audit in self.audits.judged],
        }
        return Addition(settings=settings, inputs={"shortcuts": self.audits.inputs})

    def _alignment(self) -> Alignment:
        """How alignment is measured in this study, or by default where it is not asked for."""
        plan = self.study.plans.get("alignment")
        return plan.section if plan else Alignment()

    def tables(self) -> list[str]:
        """The rates are of what was planted."""
        judged = self.audits.judged
        rates = ["shortcut_rates"] if any(audit.arm for audit in judged) else []
        return ["shortcuts", *rates] if judged else []
