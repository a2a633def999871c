import numpy as np

from distilscope.analyses.alignment import undefined


def test_causes_are_joined_in_order_and_none_where_nothing_holds():
    flags = {
        undefined.MODEL_DEAD: np.array([True, False, True]),
        undefined.FEW_IN_CLASS: np.array([True, False, False]),
    }
    first = f"{undefined.MODEL_DEAD}; {undefined.FEW_IN_CLASS}"
    assert undefined.reasons_of(flags).tolist() == [first, None, undefined.MODEL_DEAD]


def test_a_summary_counts_the_causes_that_concern_the_measure():
    reasons = [
        f"{undefined.MODEL_DEAD}; {undefined.DEGENERATE}",
        undefined.MODEL_DEAD,
        undefined.sparse_at(0.2),
    ]
    found = undefined.summarise(reasons, "iou20")
    sparse = "fewer positive pixels than the top 20 % holds (1)"
    assert found == f"3 undefined: {undefined.MODEL_DEAD} (2); {sparse}"
    assert "positive pixels" not in undefined.summarise(reasons, "rho")
    assert undefined.summarise([], "rho") is None


def test_top_sets_concern_their_own_share_only():
    assert undefined.concerns(undefined.sparse_at(0.05), "iou05")
    assert undefined.concerns(undefined.sparse_at(0.2), "null_own_iou20")
    assert undefined.concerns(undefined.sparse_at(0.2), "mass_lift20")
    assert not undefined.concerns(undefined.sparse_at(0.5), "iou05")


def test_an_undefined_null_without_a_cause_of_its_own_is_explained():
    assert "no other image" in undefined.summarise([None, float("nan")], "null_rho")
