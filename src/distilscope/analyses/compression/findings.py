"""What the numbers of compression say, in sentences."""

from __future__ import annotations

from distilscope.analyses.compression import shown
from distilscope.analyses.compression.ladders import Rung
from distilscope.reporting.formatting import number, with_interval
from distilscope.reporting.tables import Tables


def answer(tables: Tables) -> list[str]:
    """A sentence for each ladder: what its strongest rung costs, and which layer suffers most."""
    return [_ladder(tables, rungs[-1], len(rungs)) for rungs in shown.of_study(tables).values()]


def _ladder(tables: Tables, last: Rung, count: int) -> str:
    drop = shown.beside_original(tables, "accuracy_drop", last.model)
    likeness = shown.beside_original(tables, shown.LIKENESS, last.model)
    strongest = f" (the strongest of {count})" if count > 1 else ""
    text = f"{last.original}, {last.label}{strongest}, "
    if drop.defined:
        text += f"loses {with_interval(drop, '{:.3f}')} of accuracy"
        text += " (below 0 is a gain)" if drop.value < 0 else ""
    else:
        changed = shown.beside_original(tables, "changed", last.model)
        text += f"predicts otherwise on {with_interval(changed, '{:.3f}')} of the images"
    if likeness.defined:
        text += f"; image-specific ρ with the original is {with_interval(likeness, '{:.2f}')}"
    worst = _worst_layer(tables, last.model)
    return f"{text}{worst}."


def _worst_layer(tables: Tables, model: str) -> str:
    """Where the noise is largest, and where it comes in: it is passed on from layer to layer."""
    lowest = shown.lowest_layer(tables, model)
    if lowest is None:
        return ""
    rows = shown.layers_of(tables, model)
    noise = 10 ** (-rows["value"].astype(float) / 10)  # the signal's power is 1
    before = noise.shift(fill_value=0.0)
    most = (noise - before).idxmax()
    ends = (number(part[most], "{:.2g}") for part in (before, noise))
    return (
        f"; signal to noise is lowest in {lowest['layer']} ({number(lowest['value'], '{:.1f}')} "
        f"dB), and noise grows most at {rows.loc[most, 'layer']} (from {' to '.join(ends)} of the "
        "signal's power)"
    )


def caveats(tables: Tables) -> list[str]:
    """What maps of compressed models are of, where that isn't the model as it would be shipped."""
    rungs = (rung for own in shown.of_study(tables).values() for rung in own)
    return list(dict.fromkeys(rung.maps for rung in rungs if rung.maps))
