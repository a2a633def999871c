"""Sentences and figures of compression, from tables made by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from distilscope.analyses.compression import findings, section, shown
from distilscope.analyses.compression.figures.ladder import fig_ladder
from distilscope.analyses.compression.figures.layers import fig_layers
from distilscope.reporting import style
from distilscope.reporting.figures import NothingToDraw

RUNGS = [("a-prune0.3", "30 % pruned", 0.3), ("a-prune0.9", "90 % pruned", 0.9)]
SNR = {"a-prune0.3": [30.0, 24.0, 23.0], "a-prune0.9": [9.0, 2.0, -0.5]}
COLUMNS = ["model", "reference", "relation", "measure", "subset", "value", "low", "high", "layer"]


def tables(likeness=(0.9, 0.4)):
    """Two rungs of one ladder over three layers, and a stand-in."""
    rows = []

    def add(model, measure, value, half=0.01, reference=None, relation=None, layer=None):
        subset = "common" if reference else None if measure == "weight_bytes" else "all"
        where = (model, reference, relation, measure, subset)
        rows.append((*where, value, value - half, value + half, layer))

    add("a", "accuracy", 0.8)
    add("a", "ece", 0.03)
    for (model, _, severity), accuracy, like in zip(RUNGS, (0.79, 0.5), likeness, strict=True):
        beside = {"reference": "a", "relation": "original"}
        add(model, "accuracy", accuracy)
        add(model, "image_specific_rho", like, **beside)
        add(model, "accuracy_drop", 0.8 - accuracy, **beside)
        add(model, "ece", 1 - accuracy)
        add(model, "changed", 0.9 - accuracy, **beside)
        add(model, "weight_bytes", 4e6 * (1 - severity), np.nan)
        for layer, value in zip("xyz", SNR[model], strict=True):
            add(model, "layer_snr", value, 0.2, layer=layer, **beside)
            add(model, "cka_debiased", value / 40, np.nan, layer=layer, **beside)
    add("a-mirrored", "image_specific_rho", 0.7, reference="a", relation="stand-in")
    measures = pd.DataFrame(rows, columns=COLUMNS).assign(
        headline=True, n=10, reason=None, resolution=None, reference_layer=lambda t: t["layer"]
    )
    measures["class"] = pd.NA
    rungs = pd.DataFrame(
        [(m, "a", "prune", label, severity, "") for m, label, severity in RUNGS],
        columns=["model", "original", "way", "label", "severity", "maps"],
    )
    models = pd.DataFrame({"id": ["a"], "parameters": [1e6]})
    return Made(measures, {"compression_rungs": rungs}, models)


@dataclass
class Made:
    """What of a study's tables these figures and sentences read."""

    measures: pd.DataFrame
    own: dict[str, pd.DataFrame]
    models: pd.DataFrame
    subset: str = "common"

    def of(self, measure):
        return self.measures[self.measures["measure"] == measure]

    def __getitem__(self, name):
        return self.own[name]


def test_the_strongest_rung_is_told_with_its_layers():
    (sentence,) = findings.answer(tables())
    assert "a, 90 % pruned (the strongest of 2), loses 0.300 [0.290, 0.310]" in sentence
    assert "image-specific ρ with the original is 0.40 [0.39, 0.41]" in sentence
    # Noise to signal: 10^-0.9 = 0.13, 10^-0.2 = 0.63, 10^0.05 = 1.1.
    assert "lowest in z (−0.5 dB), and noise grows most at y (from 0.13 to 0.63 of" in sentence


def test_noise_that_is_there_in_the_first_layer_comes_in_there():
    made = tables()
    made.measures.loc[made.measures["measure"] == "layer_snr", "value"] = [30, 24, 23, 1, 0.5, 0.9]
    (sentence,) = findings.answer(made)
    assert "lowest in y (0.5 dB), and noise grows most at x (from 0 to 0.79 of" in sentence


def test_the_section_has_a_row_for_each_rung_below_its_original():
    (grid,) = section.context(tables())["grids"]
    assert [row[:2] for row in grid.rows] == [
        ("a", "4.00"),
        ("30 % pruned", "2.80 (70 %)"),
        ("90 % pruned", "0.40 (10 %)"),
    ]
    assert all(len(row) == len(grid.columns) for row in grid.rows)
    last = dict(zip(grid.columns, grid.rows[-1], strict=True))
    assert last["Accuracy"] == "0.500 [0.490, 0.510]" and last["Lost"] == "0.300 [0.290, 0.310]"
    assert last["Image-specific ρ"] == "0.40 [0.39, 0.41]"
    assert last["Predicted otherwise"].startswith("0.400")
    assert last["Lowest signal to noise"] == "z: −0.5 dB"


def test_the_ladder_draws_what_the_tables_hold():
    with style.applied():
        figure, numbers = fig_ladder(tables())
    assert numbers["accuracy"].tolist() == [0.79, 0.5]
    assert numbers["image_specific_rho"].tolist() == [0.9, 0.4]
    (axes,) = (a for a in figure.axes if a.get_title(loc="left"))
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert lines["prune"].get_xdata().tolist() == [0.79, 0.5]
    assert lines["prune"].get_ydata().tolist() == [0.9, 0.4]
    assert set(lines["stand-in"].get_ydata()) == {0.7}
    assert [*lines["original"].get_xdata(), *lines["original"].get_ydata()] == [0.8, 1.0]


def test_names_of_points_hide_no_other_and_stay_within_the_panel():
    with style.applied():
        figure, _ = fig_ladder(tables(likeness=(0.999, 0.9985)))
        close, _ = fig_ladder(tables(likeness=(0.9, 0.4)))
    for drawn in (figure, close):
        (axes,) = (a for a in drawn.axes if a.get_title(loc="left"))
        boxes = [text.get_window_extent() for text in axes.texts]
        assert all(not box.count_overlaps(boxes[:n]) for n, box in enumerate(boxes))
        inside = axes.get_window_extent()
        assert all(inside.contains(*box.min) and inside.contains(*box.max) for box in boxes)
    assert [text.get_text() for text in axes.texts] == ["30 % pruned", "90 % pruned"]


def test_a_ladder_without_a_likeness_says_why():
    with pytest.raises(NothingToDraw, match="was compared with its original"):
        fig_ladder(tables(likeness=(np.nan, np.nan)))


def test_layers_are_drawn_in_the_order_of_the_network():
    with style.applied():
        figure, numbers = fig_layers(tables())
    left, right = figure.axes[:2]
    assert [label.get_text() for label in left.get_xticklabels()] == ["x", "y", "z"]
    assert [line.get_ydata().tolist() for line in left.get_lines()] == list(SNR.values())
    assert "CKA" in right.get_ylabel() and len(numbers) == 12


def test_every_panel_has_the_same_look_for_a_way():
    assert list(shown.looks(tables())) == ["prune"]
