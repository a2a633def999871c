"""The measures as plain functions: what they say of themselves, and what they refuse.

That they give the pipeline's numbers is in test_same_numbers.py; test_documents.py runs examples.
"""

from __future__ import annotations

import inspect
import typing

import numpy as np
import pytest

from distilscope import measures

FUNCTIONS = [name for name in measures.__all__ if inspect.isfunction(getattr(measures, name))]
MAPS = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_an_example_and_types(name):
    function = getattr(measures, name)
    assert ">>> " in function.__doc__
    typed = typing.get_type_hints(function)
    assert set(typed) == {*inspect.signature(function).parameters, "return"}


def test_everything_public_is_listed_and_nothing_else_is_there():
    own = {name for name in vars(measures) if not name.startswith("_")}
    imported = {"annotations", "dataclass", "np", "ArrayLike"}
    assert own - imported == set(measures.__all__)


@pytest.mark.parametrize("name", ["rho", "cosine", "iou", "mass_lift"])
def test_maps_of_two_grids_are_refused_with_the_way_out(name):
    with pytest.raises(ValueError, match=r"\(2, 3, 4\) and \(2, 3, 2\).*`common_grid`"):
        getattr(measures, name)(MAPS, MAPS[:, :, :2])


@pytest.mark.parametrize("name", ["accuracy", "ece", "ece_equal_mass", "debiased_l2"])
def test_labels_that_do_not_fit_are_refused(name):
    with pytest.raises(ValueError, match=r"logits are \(3, 2\) and labels \(2,\)"):
        getattr(measures, name)(np.zeros((3, 2)), [0, 1])


def test_features_of_other_images_are_refused():
    with pytest.raises(ValueError, match=r"\(5, 2\) and \(4, 2\)"):
        measures.cka(np.zeros((5, 2)), np.zeros((4, 2)))


def test_a_flat_map_has_no_rank_order_and_leaves_the_mean():
    flat = np.concatenate([MAPS[:1], np.ones((1, 3, 4))])
    values = measures.rho(flat, MAPS)
    np.testing.assert_array_equal(np.isnan(values), [False, True])
    assert (measures.mean(values).n, measures.mean(values).n_undefined) == (1, 1)
