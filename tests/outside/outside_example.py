"""A package of somebody else's: an objective, a method, a network and an analysis, in one file.

docs/extending.md walks through it. The plan imports it too, so that torch, NumPy and pandas are
imported inside functions alone.
"""

from typing import Literal

from distilscope import registry
from distilscope.analyses.declaration import Analysis, Column, Figure, Form, Measure, Section, Table
from distilscope.catalog import Architecture, Method
from distilscope.configuration.kinds import Fraction, Number, Strict
from distilscope.configuration.kinds import Section as Settings
from distilscope.configuration.patterns import Pattern
from distilscope.training.objectives.declaration import Objective, Parameter

# --------------------------------------------------------------------------------- an objective

registry.add_objective(
    Objective(
        "logit-mse",
        loss=f"{__name__}:logit_mse",
        parameters={"tau": Parameter("t", 0.0, 100.0, low_open=True, sign="τ")},
        needs="logits",
        derived={"tau": "tau"},
    )
)


def logit_mse(logits, labels, teachers, *, tau):
    """Mean squared error of logits over tau, and cross-entropy."""
    from torch.nn import functional as F

    own = F.mse_loss(logits.float() / tau, teachers[0].float() / tau)
    return own + F.cross_entropy(logits.float(), labels)


# ------------------------------------------------------------------ a method that explains layers

registry.add_method(
    "activation-gradient",
    Method(__name__, "layers", whole_probe=True, title="Activation times gradient"),
)


def from_gradient(activations, gradients):
    """Maps (M, h, w): activations times gradients (M, C, h, w), summed over channels."""
    return (activations * gradients).sum(dim=1)


# ------------------------------------------------------------------------------------ a network

registry.add_network(
    "two-blocks",
    Architecture(
        builder=f"{__name__}:build",
        settings={"width": 6},
        layers={"first": "first", "second": "second"},
        explained=("second", "first"),
        head="head",
    ),
)


def build(classes, channels, width):
    """Two convolutions, average pooling and a linear layer."""
    from collections import OrderedDict

    from torch import nn

    parts = {
        "first": nn.Sequential(nn.Conv2d(channels, width, 3, 2, 1), nn.ReLU()),
        "second": nn.Sequential(nn.Conv2d(width, 2 * width, 3, 2, 1), nn.ReLU()),
        "pool": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        "head": nn.Linear(2 * width, classes),
    }
    return nn.Sequential(OrderedDict(parts))


# ----------------------------------------------------------------------------------- an analysis


class Margins(Settings):
    """Margins below this share count as close."""

    close: Fraction = 0.1


class CloseBelow(Strict):
    """The share of close calls of the models of a pattern lies below a constant."""

    form: Literal["close-below"]
    arm: Pattern
    constant: Number


def measure(study, settings):
    """The share of images on which the two largest probabilities are close; a table of margins."""
    import numpy as np
    import pandas as pd

    found = []
    for entry in study.entries:
        logits = study.outputs[entry.id].logits.astype(np.float64)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = np.sort(shares / shares.sum(axis=1, keepdims=True), axis=1)
        margin = shares[:, -1] - shares[:, -2]
        close = margin < settings["close"]
        study.rows.add(entry, "close_calls", close.mean(), n=len(close), subset="all")
        study.pool("close_calls", "all", entry.id, None, close.astype(np.float64))
        found.append({"id": entry.id, "median_margin": float(np.median(margin))})
    return {"margins": pd.DataFrame(found)}


def contrasts(statement, values):
    """The constant less the share of close calls, by seed."""
    from distilscope.statistics.statements import by_seed, contrast
    from distilscope.statistics.strata import strata

    found = strata(values, [statement.arm], "all")
    own = statement.constant - found.numbers(0, ("close_calls", "all", None))
    return [contrast(by_seed(own), found, own)]


def fig_margins(tables):
    """A bar for each condition."""
    from matplotlib.figure import Figure as Drawn

    from distilscope.reporting.figures.drawing import row_bars

    drawn, rows = Drawn(figsize=(7, 3)), tables.headline("close_calls")
    row_bars(drawn.subplots(), tables, rows, "{:.2f}")
    return drawn, rows[["model", "value"]]


def context(tables):
    """What the section of the report shows."""
    rows = tables["margins"]
    return {"count": len(rows), "median": float(rows["median_margin"].median())}


def answer(tables):
    """A sentence at the top of the report."""
    return [f"{len(tables.headline('close_calls'))} models were asked for close calls."]


registry.add(
    Analysis(
        name="margins",
        question="How often is it a close call?",
        section=Margins,
        measures={"close_calls": Measure("fraction", "lower", words="close calls")},
        tables={"margins": Table(("id", "median_margin"))},
        figures={
            "margins": Figure(
                f"{__name__}:fig_margins",
                "How often is it a close call?",
                "Bars: the share of images with a small margin.",
                "The share of test images on which the two largest probabilities are close.",
            )
        },
        sections=(Section("margins", "Margins", "outside_example.html", f"{__name__}:context"),),
        forms={"close-below": Form(CloseBelow, f"{__name__}:contrasts")},
        summary=(Column("close_calls", "Close calls", "share of images with a small margin"),),
        measure=f"{__name__}:measure",
        answer=f"{__name__}:answer",
    )
)
