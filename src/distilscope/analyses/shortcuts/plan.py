"""What the search for shortcuts adds to a study: its own students judged, and planted ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from distilscope.analyses.shortcuts.audits import MAPS, PROBE, Audit, ShortcutPlan, Shown
from distilscope.analyses.shortcuts.plantings import Plantings

if TYPE_CHECKING:
    from distilscope.planning.study import Study


def plan_shortcuts(study: Study) -> ShortcutPlan:
    """The plan of a study; it is empty where no GradCAM maps are made."""
    plan = ShortcutPlan(study)
    if MAPS in study.configuration.observe.methods:
        plan.audits += _of_study(plan)
        if study.configuration.planted:
            plan.audits += Plantings(plan).audits()
    return plan


def _of_study(plan: ShortcutPlan) -> Iterator[Audit]:
    """The students and controls of the study itself."""
    study = plan.study
    for model in study.models:
        if model.role in ("teacher", "twin", "floor") or model.reference is None:
            continue
        teacher = study.by_id[model.reference]
        masked = further = None
        if study.configuration.shortcuts.causal is not None:
            masked = plan.masked(study.dataset, study.observations[teacher.id], PROBE, teacher)
            further = plan.observation(model, study.dataset, [Shown("masked", masked)], ())
        yield Audit(
            model=model,
            teacher=teacher,
            seen=plan.own(model),
            teacher_seen=plan.own(teacher),
            twin_pairs=plan.twins(teacher, plan.own),
            further=further,
            masked=masked,
        )
