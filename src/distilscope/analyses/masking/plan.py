"""What the causal check adds to a study: covered test images, and what each model says of them."""

from __future__ import annotations

from distilscope import catalog
from distilscope.analyses.masking.configuration import Masking
from distilscope.analyses.shortcuts.audits import PROBE, Audits, Shown
from distilscope.analyses.shortcuts.configuration import Causal
from distilscope.planning.artefact import Artefact
from distilscope.planning.hooks import Addition, AnalysisPlan
from distilscope.planning.model import FAMILY, Model


class Plan(AnalysisPlan):
    """Covered images for each teacher, shown to it and to every model that it stands for.

    No twin is needed and nothing is trained: given models are checked as all others.
    """

    section: Masking

    def follow(self) -> None:
        """Plan the covered images and their observations."""
        layered = catalog.at_layers(self.study.configuration.observe.methods)
        causal = Causal(top=self.section.top, seed=self.section.seed)
        self.audits = Audits(self.study, self.section.method or layered[0], causal)
        self.shown = [
            (model, teacher, *self._observation(model, teacher))
            for model in self.study.models
            if (teacher := self._teacher(model)) is not None
        ]
        self.artefacts += self.audits.artefacts

    def _teacher(self, model: Model) -> Model | None:
        """Whose area is covered for a model: the first of its references with maps, or itself."""
        if model.role == "committee":
            return None
        known = [self.study.by_id[name] for name in model.references] or [model]
        return next((m for m in known if m.explained and m.role in (*FAMILY, model.role)), None)

    def _observation(self, model: Model, teacher: Model) -> tuple[Artefact, Artefact]:
        """The covered images, and what the model says of them."""
        study = self.study
        seen = study.observations[teacher.id]
        subset = {"images": self.section.images, "seed": self.section.seed}
        masked = self.audits.masked(study.dataset, seen, PROBE, teacher, subset=subset)
        shown = [Shown("masked", masked)]
        return masked, self.audits.observation(model, study.dataset, shown, ())

    def tabulated(self) -> Addition:
        """Whose covered images each model was shown, and where its answers are."""
        rows = [
            {
                "model": model.id,
                "teacher": teacher.id,
                "masked": str(masked.folder),
                "observation": str(observed.folder),
            }
            for model, teacher, masked, observed in self.shown
        ]
        read = {a.name: a for _, _, *made in self.shown for a in made}
        return Addition(settings={"shown": rows}, inputs={"masking": tuple(read.values())})
