import numpy as np

from distilscope.analyses.alignment import causes


def test_causes_are_joined_in_order_and_none_where_nothing_holds():
    flags = {
        causes.MODEL_DEAD: np.array([True, False, True]),
        causes.FEW_IN_CLASS: np.array([True, False, False]),
    }
    first = f"{causes.MODEL_DEAD}; {causes.FEW_IN_CLASS}"
    assert causes.spell(flags).tolist() == [first, None, causes.MODEL_DEAD]


def test_a_summary_counts_the_causes_that_concern_the_measure():
    reasons = [
        f"{causes.MODEL_DEAD}; {causes.DEGENERATE}",
        causes.MODEL_DEAD,
        causes.sparse_at(0.2),
    ]
    found = causes.summarise(reasons, "iou20")
    sparse = "fewer positive pixels than the top 20 % holds (1)"
    assert found == f"3 undefined: {causes.MODEL_DEAD} (2); {sparse}"
    assert "positive pixels" not in causes.summarise(reasons, "rho")
    assert causes.summarise([], "rho") is None


def test_top_sets_concern_their_own_share_only():
    assert causes.concerns(causes.sparse_at(0.05), "iou05")
    assert causes.concerns(causes.sparse_at(0.2), "null_own_iou20")
    assert causes.concerns(causes.sparse_at(0.2), "mass_lift20")
    assert not causes.concerns(causes.sparse_at(0.5), "iou05")


def test_an_undefined_null_without_a_cause_of_its_own_is_explained():
    assert "no other image" in causes.summarise([None, float("nan")], "null_rho")
