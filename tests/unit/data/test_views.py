import numpy as np
import pytest
import torch
from torchvision.transforms import functional

from distilscope import catalog
from distilscope.data.views import (
    CropFlip,
    Identity,
    ViewOrder,
    epoch_order,
    make_policy,
    view_table,
)


def pictures(n, height=8, width=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, 3, height, width), dtype=torch.uint8, generator=generator)


def by_torchvision(image, view_id, pad):
    flip, rest = view_id % 2, view_id // 2
    left, top = rest % (2 * pad + 1), rest // (2 * pad + 1)
    height, width = image.shape[1:]
    view = functional.crop(functional.pad(image, [pad] * 4), top, left, height, width)
    return functional.hflip(view) if flip else view


# ------------------------------------------------------------------------------------ rendering


@pytest.mark.parametrize(("pad", "height", "width"), [(4, 32, 32), (1, 5, 7), (3, 4, 2), (0, 6, 6)])
def test_every_view_equals_torchvision_pad_crop_flip(pad, height, width):
    policy = CropFlip(pad)
    images = pictures(policy.count, height, width)
    views = policy.render(images, torch.arange(policy.count))
    assert policy.count == 2 * (2 * pad + 1) ** 2
    assert views.dtype == torch.uint8 and views.is_contiguous()
    for view_id in range(policy.count):
        assert torch.equal(views[view_id], by_torchvision(images[view_id], view_id, pad))


def test_pad_4_has_the_162_views_of_the_published_recipe_and_all_differ():
    image = pictures(1, 32, 32).expand(162, -1, -1, -1)
    assert CropFlip(4).count == 162
    assert len(CropFlip(4).render(image, torch.arange(162)).unique(dim=0)) == 162


def test_a_view_worked_by_hand():
    image = torch.tensor([[1, 2], [3, 4]], dtype=torch.uint8).expand(1, 3, 2, 2)
    # Pad 1, column 2, row 1, flipped: id = 2 * (1 * 3 + 2) + 1; the window shows 2 and 4 at its
    # left over black at its right, mirrored.
    view = CropFlip(1).render(image, torch.tensor([11]))
    assert view[0, 0].tolist() == [[0, 2], [0, 4]]


def test_swapping_two_views_changes_the_batch():
    images = pictures(1, 8, 8).expand(2, -1, -1, -1)
    views = CropFlip(2).render(images, torch.tensor([3, 40]))
    swapped = CropFlip(2).render(images, torch.tensor([40, 3]))
    assert not torch.equal(views, swapped)
    assert torch.equal(views, swapped.flip(0))


def test_channels_last_images_and_int16_ids_give_the_same_views():
    images, ids = pictures(6), torch.tensor([0, 5, 17, 22, 30, 49])
    other = images.contiguous(memory_format=torch.channels_last)
    policy = CropFlip(2)
    assert torch.equal(policy.render(images, ids), policy.render(other, ids.short()))


def test_a_view_id_beyond_the_last_is_refused_on_the_cpu():
    with pytest.raises(RuntimeError, match="out of bounds"):
        CropFlip(2).render(pictures(1), torch.tensor([5_000]))


def test_identity_shows_the_image_itself():
    images = pictures(3)
    assert Identity().count == 1
    assert torch.equal(Identity().render(images, torch.zeros(3, dtype=torch.int16)), images)


@pytest.mark.parametrize("pad", [-1, 64])
def test_a_pad_whose_views_cannot_be_numbered_is_refused(pad):
    with pytest.raises(ValueError, match=f"pad is {pad}, expected 0 to 63"):
        CropFlip(pad)


def test_the_largest_pad_fits_int16():
    assert CropFlip(63).count - 1 <= np.iinfo(np.int16).max


# -------------------------------------------------------------------------------------- policies


def test_policies_are_made_from_a_recipe():
    assert make_policy({"policy": "crop-flip", "pad": 4, "tabulated": 8}) == CropFlip(4)
    assert make_policy({"policy": "none", "pad": 4, "tabulated": None}) == Identity()


def test_every_policy_of_the_catalogue_can_be_made():
    for name in catalog.VIEW_POLICIES:
        assert make_policy({"policy": name, "pad": 2, "tabulated": None}).count >= 1


def test_an_unknown_policy_and_a_missing_setting_are_named():
    with pytest.raises(catalog.UnknownName, match=r"'crop-flop'; did you mean 'crop-flip'\?"):
        make_policy({"policy": "crop-flop"})
    with pytest.raises(ValueError, match="'crop-flip' needs 'pad'"):
        make_policy({"policy": "crop-flip"})


# ------------------------------------------------------------------------------------ view table


def test_the_whole_table_lists_all_ids_in_order():
    table = view_table(CropFlip(1), torch.arange(5), None)
    assert table.dtype == torch.int16
    assert table.tolist() == [list(range(18))] * 5


def test_tabulated_views_are_distinct_and_cover_all_ids_evenly():
    table = view_table(CropFlip(1), torch.arange(9_000), 4)
    assert table.shape == (9_000, 4) and table.dtype == torch.int16
    assert (table.sort(1).values.diff(dim=1) > 0).all()
    for column in table.T:
        counts = torch.bincount(column.long(), minlength=18).double()
        # Chi-squared with 17 degrees of freedom is below 50 but once in 40,000.
        assert ((counts - 500) ** 2 / 500).sum() < 50


def test_tabulated_views_belong_to_the_index_and_not_to_its_place():
    indices = torch.tensor([5, 900, 17, 60_001])
    table = view_table(CropFlip(4), indices, 8)
    order = torch.tensor([2, 0, 3])
    assert torch.equal(view_table(CropFlip(4), indices[order], 8), table[order])
    assert not torch.equal(table[0], table[1])


def test_fewer_tabulated_views_are_the_first_columns_of_more():
    indices = torch.arange(20)
    assert torch.equal(
        view_table(CropFlip(4), indices, 3), view_table(CropFlip(4), indices, 12)[:, :3]
    )


@pytest.mark.parametrize("per_image", [0, 19])
def test_more_views_than_there_are_is_refused(per_image):
    said = f"views.per_image is {per_image} and .* 18 views.*1 to 18"
    with pytest.raises(ValueError, match=said):
        view_table(CropFlip(1), torch.arange(3), per_image)


# -------------------------------------------------------------------------------- view order


@pytest.mark.parametrize("columns", [1, 8, 162])
def test_each_pass_shows_each_image_every_column_once(columns):
    order = ViewOrder(columns, torch.arange(30) * 7, seed=1)
    for first in (0, 3 * columns):
        shown = torch.stack([order.columns_at(first + step) for step in range(columns)], dim=1)
        assert shown.dtype == torch.int64
        assert (shown.sort(1).values == torch.arange(columns)).all()


def test_the_next_pass_is_shuffled_again():
    order = ViewOrder(8, torch.arange(50), seed=1)
    passes = [torch.stack([order.columns_at(8 * p + s) for s in range(8)], 1) for p in range(3)]
    assert not torch.equal(passes[0], passes[1])
    assert not torch.equal(passes[1], passes[2])


def test_an_epoch_can_be_worked_out_without_those_before_it():
    indices = torch.arange(40)
    walked = ViewOrder(5, indices, seed=2)
    for epoch in range(23):
        expected = walked.columns_at(epoch)
        assert torch.equal(ViewOrder(5, indices, seed=2).columns_at(epoch), expected)
    assert torch.equal(walked.columns_at(1), ViewOrder(5, indices, seed=2).columns_at(1))


def test_columns_follow_seed_and_index_and_not_the_place():
    indices = torch.tensor([3, 40, 7, 60_000])
    at = ViewOrder(162, indices, seed=2).columns_at(100)
    order = torch.tensor([3, 1])
    assert torch.equal(ViewOrder(162, indices[order], seed=2).columns_at(100), at[order])
    assert not torch.equal(ViewOrder(162, indices, seed=3).columns_at(100), at)


def test_images_do_not_walk_in_step():
    columns = ViewOrder(8, torch.arange(8_000), seed=0).columns_at(0)
    counts = torch.bincount(columns, minlength=8).double()
    assert ((counts - 1000) ** 2 / 1000).sum() < 40


# ------------------------------------------------------------------------------- epoch order


def test_epoch_order_visits_every_position_once_and_differs_by_seed_and_epoch():
    orders = {(s, e): epoch_order(100, s, e) for s in (0, 1) for e in (0, 1)}
    for order in orders.values():
        assert order.dtype == torch.int64
        assert order.sort().values.tolist() == list(range(100))
    assert len({tuple(order.tolist()) for order in orders.values()}) == 4
    assert torch.equal(epoch_order(100, 1, 1), orders[1, 1])


def test_epoch_order_is_uniform_over_permutations():
    counts = {}
    for epoch in range(6_000):
        key = tuple(epoch_order(3, 5, epoch).tolist())
        counts[key] = counts.get(key, 0) + 1
    # Chi-squared with 5 degrees of freedom is below 30 but once in 68,000.
    assert len(counts) == 6
    assert sum((c - 1000) ** 2 / 1000 for c in counts.values()) < 30


def hashed_by_plain_integers(*words):
    """SplitMix64 steps over xored words, in Python's own integers."""
    state = 0
    for word in words:
        state = ((state ^ word) + 0x9E3779B97F4A7C15) % 2**64
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) % 2**64
        state ^= state >> 31
    return state


def test_choices_are_orders_by_a_documented_hash():
    """Words: what is decided (3 table, 4 order, 5 epoch), seeds, index; a change alters models."""

    def ordered(n, *words):
        return sorted(range(n), key=lambda j: hashed_by_plain_integers(*words, j))

    assert epoch_order(50, 7, 3).tolist() == ordered(50, 5, 7, 3)
    indices = torch.tensor([0, 12_345])
    assert view_table(CropFlip(4), indices, 5).tolist() == [
        ordered(162, 3, 162, index)[:5] for index in indices.tolist()
    ]
    assert ViewOrder(8, indices, seed=1).columns_at(19).tolist() == [
        ordered(8, 4, 1, 2, index)[3] for index in indices.tolist()
    ]
