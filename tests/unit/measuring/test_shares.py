"""A headline set of another share than the usual one, from the configuration to the tables."""

import dataclasses

import numpy as np
import pytest

from distilscope.configuration import statements
from distilscope.configuration.kinds import ConfigurationError
from distilscope.measuring import observations
from distilscope.measuring.compare import compare
from distilscope.measuring.tables import measure
from tests.unit.planning.made_study import asking, study

from .made_models import MODELS
from .made_study import MadeStudy

MODEL = "finer-s1"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Comparisons and tables of a made-up study, with the settings that a plan gives them."""
    planned = study(analyses=asking(alignment={"top": 0.25}))
    compared = next(iter(planned.compared.values())).settings["analyses"]["alignment"]
    tables = planned.tables.settings["analyses"]["alignment"]
    models = tuple(m for m in MODELS if m.role == "teacher" or m.id == MODEL)
    found = MadeStudy(
        tmp_path_factory.mktemp("shares"), models=models, images=120, subset=40
    ).write()
    compare(with_alignment(found.compare_job(MODEL), {**compared, "object": None}))
    measure(with_alignment(found.tables_job(), tables))
    return found


def with_alignment(job, own):
    analyses = {**job.settings["analyses"], "alignment": own}
    return dataclasses.replace(job, settings={**job.settings, "analyses": analyses})


def overlap(a, b, k):
    """IoU of the k largest cells, equal ones by place; NaN where fewer than k are positive."""
    tops = []
    for values in (a.ravel(), b.ravel()):
        if (values > 0).sum() < k or (values == values.max()).sum() > k:
            return np.nan
        tops.append(set(sorted(range(len(values)), key=lambda i: (-values[i], i))[:k]))
    return len(tops[0] & tops[1]) / len(tops[0] | tops[1])


def test_the_tables_have_the_iou_of_a_quarter_of_the_pixels(made):
    table = made.table("measures")
    images = made.images_of(MODEL)
    images = images[(images["method"] == "gradcam") & (images["explained"] == "reference")]
    images = images[(images["resolution"] == "native") & (images["layer"] == "block3")]
    chosen = table[(table["model"] == MODEL) & (table["resolution"] == "native")]
    chosen = chosen[(chosen["layer"] == "block3") & (chosen["explained"] == "reference")]
    chosen = chosen[(chosen["measure"] == "iou25") & chosen["class"].isna()]
    row = chosen[chosen["subset"] == "all"].iloc[0]
    sides = []
    for name, layer in ((MODEL, "block3"), (made.teacher, "layer4")):
        stored = observations.read_maps(made.observation(name), "test", "gradcam")[layer]
        own = images["reference_prediction"].to_numpy()
        sides.append(np.maximum(stored.values[stored.rows(images["index"].to_numpy(), own)], 0))
    coarse = min(side.shape[1] for side in sides)
    pooled = [pool(side, coarse) for side in sides]
    expected = [overlap(a, b, round(coarse * coarse / 4)) for a, b in zip(*pooled, strict=True)]
    assert row["value"] == pytest.approx(np.nanmean(expected), abs=1e-6)
    assert 0.2 < row["value"] < 1


def pool(values, side):
    """Means over equal squares."""
    n, height, width = values.shape
    return values.reshape(n, side, height // side, side, width // side).mean(axis=(2, 4))


def test_what_is_about_the_headline_set_is_about_that_share(made):
    names = set(made.table("measures")["measure"])
    everywhere = {"iou05", "iou10", "iou20", "iou30", "iou50", "iou25", "mass_lift25"}
    assert everywhere | {"null_iou25", "edges_mass_lift25", "iou25.ratio", "iou25.sd"} <= names
    assert not {"mass_lift20", "iou20.ratio"} & names
    by_class = made.table("measures").dropna(subset=["class"])["measure"]
    assert {name for name in by_class if name.startswith("iou")} == {"iou25"}


def test_bounds_and_claims_may_name_it():
    bounded = asking(alignment={"top": 0.25}, gate={"require": ["iou25 >= 0.1"]})
    assert study(analyses=bounded).configuration.analyses.gate.require == ["iou25 >= 0.1"]
    own = {"form": "against-constant", "arm": {"role": "student"}, "constant": 0.1}
    assert statements.AgainstConstant(**own, measure="null_iou25").measure == "null_iou25"
    with pytest.raises(ValueError, match=r"unknown measure 'iou2'; did you mean 'iou20'"):
        statements.AgainstConstant(**own, measure="iou2")
    with pytest.raises(ConfigurationError, match=r"'rho25 >= 0.1': unknown measure 'rho25'"):
        study(analyses=asking(gate={"require": ["rho25 >= 0.1"]}))


@pytest.mark.parametrize("share", [0.255, 0.202, 0.004])
def test_a_share_that_has_no_name_of_its_own_is_refused(share):
    with pytest.raises(ConfigurationError, match=rf"alignment\.top: {share} is no whole per cent"):
        study(analyses=asking(alignment={"top": share}))


def test_figures_are_told_of_another_share_only():
    told = [study(analyses=asking(alignment=own)) for own in ({}, {"top": 0.2}, {"top": 0.25})]
    settings = [made.figures.settings["analyses"]["alignment"] for made in told]
    assert settings == [{"method": "gradcam"}] * 2 + [{"method": "gradcam", "top": 0.25}]
