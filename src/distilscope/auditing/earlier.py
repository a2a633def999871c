"""Release against release: an audit beside an earlier one, number by number."""

from __future__ import annotations

import math
from collections.abc import Mapping

from distilscope import registry
from distilscope.auditing.record import Audit, Earlier, Model, Moved, Number


def compare(now: Audit, before: Audit) -> Earlier:
    """The headline numbers of models that both have, and what sets the audits apart besides.

    The interval of a difference is made of those of the two numbers (the MOVER; Zou and Donner,
    Statistics in Medicine 27, 2008). It takes them to be independent. On the same images they are
    correlated, mostly positively, so that it is wider than it need be: what falls by more fell.
    """
    own, old = _headlines(now), _headlines(before)
    return Earlier(
        study=before.study,
        distilscope=before.distilscope,
        same_images=now.images.identity == before.images.identity,
        notes=_notes(now, before),
        numbers=[_moved(key, own[key], old[key]) for key in own if key in old],
    )


def fell(found: Earlier | None) -> list[Moved]:
    """What got worse by more than its interval."""
    return [each for each in found.numbers if each.change == "fell"] if found else []


def _headlines(audit: Audit) -> Mapping[tuple[str, str], Number]:
    """The number that stands for each (model, measure), against the model's own reference."""
    reference = {model.id: model.reference for model in audit.models}
    found: dict[tuple[str, str], Number] = {}
    for number in audit.numbers:
        own = number.reference in (None, reference.get(number.model))
        if number.headline and own and "class" not in number.where:
            found.setdefault((number.model, number.measure), number)
    return found


def _moved(key: tuple[str, str], now: Number, before: Number) -> Moved:
    model, measure = key
    missing = now.value is None or before.value is None
    unalike = (now.subset, now.where) != (before.subset, before.where)
    low = high = difference = None
    change = "not comparable"
    if not missing and not unalike:
        difference = now.value - before.value
        low, high = _interval(now, before)
        change = _change(measure, low, high)
    return Moved(
        model=model,
        measure=measure,
        before=before.value,
        now=now.value,
        difference=difference,
        low=low,
        high=high,
        change=change,
    )


def _interval(now: Number, before: Number) -> tuple[float, float]:
    """Of now - before. A number without an interval, such as a count, is taken as exact."""
    own_low, own_high = _ends(now)
    old_low, old_high = _ends(before)
    difference = now.value - before.value
    down = math.hypot(now.value - own_low, old_high - before.value)
    up = math.hypot(own_high - now.value, before.value - old_low)
    return difference - down, difference + up


def _ends(number: Number) -> tuple[float, float]:
    ends = (number.low, number.high)
    return (number.value, number.value) if None in ends else ends


def _change(measure: str, low: float, high: float) -> str:
    if low <= 0 <= high:
        return "within"
    declared = registry.measure(measure)
    better = declared.better if declared else ""
    if not better:
        return "moved"
    return "rose" if (low > 0) == (better == "higher") else "fell"


def _notes(now: Audit, before: Audit) -> list[str]:
    """What a reader has to know before comparing."""
    found = []
    if now.images.identity != before.images.identity:
        found.append(
            "the images, or how they were read, are not those of the earlier audit: differences "
            "are of models and images together"
        )
    if now.level != before.level:
        found.append(f"intervals were at {before.level:g} and are at {now.level:g}")
    if now.distilscope != before.distilscope:
        found.append(f"distilscope was {before.distilscope} and is {now.distilscope}")
    own, old = _by_id(now), _by_id(before)
    for there, other, words in ((old, own, "only in the earlier audit"), (own, old, "new here")):
        names = [name for name in there if name not in other]
        if names:
            found.append(f"{words}: {', '.join(names)}")
    references = [
        name for name in own if name in old and own[name].reference != old[name].reference
    ]
    if references:
        found.append(f"compared with another reference than before: {', '.join(references)}")
    return found


def _by_id(audit: Audit) -> Mapping[str, Model]:
    return {model.id: model for model in audit.models}
