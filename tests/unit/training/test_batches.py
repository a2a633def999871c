import pytest
import torch

from distilscope.training.batches import BatchPlan, table_of

from .making import RECIPE, VIEWS, changed

CPU = torch.device("cpu")
INDICES = torch.arange(41) * 3 + 1


def rows(plan, epoch):
    return torch.cat(plan.epoch(epoch, CPU).batches).tolist()


def test_a_last_batch_of_one_image_is_dropped():
    plan = BatchPlan(INDICES, RECIPE, seed=0)
    assert [len(batch) for batch in plan.epoch(0, CPU).batches] == [8] * 5
    assert (plan.steps, plan.examples) == (5, 40)


def test_a_shorter_last_batch_is_kept():
    plan = BatchPlan(INDICES[:39], RECIPE, seed=0)
    assert [len(batch) for batch in plan.epoch(0, CPU).batches] == [8, 8, 8, 8, 7]
    assert sorted(rows(plan, 0)) == list(range(39))


def test_batches_of_one_are_kept_where_they_are_asked_for():
    plan = BatchPlan(INDICES[:3], changed(RECIPE, batch=1), seed=0)
    assert (plan.steps, sorted(rows(plan, 0))) == (3, [0, 1, 2])


def test_who_is_left_out_changes_from_epoch_to_epoch():
    plan = BatchPlan(INDICES, RECIPE, seed=0)
    left_out = {(set(range(41)) - set(rows(plan, epoch))).pop() for epoch in range(12)}
    assert len(left_out) > 6


def test_the_order_is_a_function_of_seed_and_epoch():
    plan, again, other = (BatchPlan(INDICES, RECIPE, seed=seed) for seed in (0, 0, 1))
    assert rows(plan, 2) == rows(again, 2)
    assert rows(plan, 2) != rows(plan, 1)
    assert rows(plan, 2) != rows(other, 2)


def test_view_ids_are_those_of_the_columns_and_all_are_shown_in_turn():
    plan = BatchPlan(INDICES, RECIPE, seed=5)
    shown = []
    for number in range(4):
        epoch = plan.epoch(number, CPU)
        by_hand = [int(plan.table[row, column]) for row, column in enumerate(epoch.columns)]
        assert epoch.view_ids.tolist() == by_hand
        shown.append(epoch.view_ids)
    assert torch.equal(torch.stack(shown, 1).sort(1).values, plan.table.long().sort(1).values)


def test_tabulated_null_means_every_view():
    table = table_of({**VIEWS, "tabulated": None}, INDICES)
    assert table.tolist() == [list(range(18))] * 41


def test_one_image_is_not_enough():
    with pytest.raises(ValueError, match="at least 2 examples, the dataset has 1"):
        BatchPlan(INDICES[:1], RECIPE, seed=0)
