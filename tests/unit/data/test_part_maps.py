import numpy as np
import pytest

from distilscope.data import part_maps
from distilscope.data.part_maps import Findings, PartedSplits, PartMaps
from distilscope.data.raw import BadData

from .data_sources import made_up


def random_maps(n=4, parts=3, size=6, seed=0):
    return np.random.default_rng(seed).integers(0, parts + 1, (n, size, size), dtype=np.uint8)


def test_areas_are_counts_of_pixels():
    maps = random_maps()
    expected = [[sum(int(v) == p for v in each.ravel()) for p in range(4)] for each in maps]
    assert part_maps.areas(maps, 3).tolist() == expected


def test_maps_are_found_by_dataset_index_in_any_order():
    maps = random_maps()
    found = PartMaps(np.array([9, 2, 7, 4]), maps, ("a", "b", "c"))
    assert np.array_equal(found.at(np.array([4, 9])), maps[[3, 0]])
    with pytest.raises(BadData, match=r"no part map of image 3 \(2 of 3 images lack one\)"):
        found.at(np.array([3, 2, 100]))


def test_images_with_few_or_no_parts_are_named():
    maps = np.zeros((3, 2, 2), np.uint8)
    maps[1, 0] = 1, 2
    maps[2] = [[1, 2], [3, 0]]
    found = PartMaps(np.array([5, 6, 7]), maps, ("a", "b", "c")).findings()
    assert found.counts() == {part_maps.NO_PART: 1, part_maps.FEW_PARTS: 1}
    assert found.sentences() == [
        "no part is visible: 1 (image 5)",
        "fewer than 3 parts are visible: 1 (image 6)",
    ]


def test_a_sentence_of_findings_names_the_first_five():
    found = Findings({"fault": tuple("abcdefg"), "other": ()})
    assert found.sentences() == ["fault: 7 (a, b, c, d, e, ...)"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"maps": np.zeros((2, 3, 3), np.int64)}, "part maps are int64"),
        ({"maps": np.zeros((1, 3, 3), np.uint8)}, r"expected uint8 \(2, H, W\)"),
        ({"maps": np.full((2, 3, 3), 4, np.uint8)}, "holds the number 4, there are 3 parts"),
        ({"names": ()}, "0 part names, expected 1 to 255"),
        ({"kind": "things"}, "kind 'things', expected 'parts' or 'regions'"),
        ({"index": np.array([1, 1])}, "an index names two images"),
    ],
)
def test_maps_that_do_not_fit_are_refused(changes, message):
    right = {
        "index": np.array([0, 1]),
        "maps": np.zeros((2, 3, 3), np.uint8),
        "names": ("a", "b", "c"),
    }
    with pytest.raises(BadData, match=message):
        PartMaps(**(right | changes))


def test_splits_refuse_maps_of_another_size():
    raw = made_up()
    with pytest.raises(BadData, match="train: part maps of 5x5 pixels for images of 6x6"):
        PartedSplits(
            **vars(raw),
            train_parts=np.zeros((15, 5, 5), np.uint8),
            test_parts=np.zeros((9, 6, 6), np.uint8),
            parts=("a",),
        )


def test_padding_moves_maps_as_it_moves_images_and_resizing_takes_the_nearest_pixel():
    maps = np.array([[[1, 2], [3, 4]]], np.uint8)
    padded = part_maps.fitted(maps, 4, "pad", "x")
    assert padded[0].tolist() == [[0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 4, 0], [0, 0, 0, 0]]
    resized = part_maps.fitted(maps, 4, "resize", "x")
    assert np.array_equal(resized, maps.repeat(2, axis=1).repeat(2, axis=2))


def test_overlapping_masks_go_to_the_smaller_part_and_are_counted():
    masks = np.random.default_rng(1).random((20, 4, 5, 5)) < 0.3
    masks[0] = False
    masks[1, 2] = masks[1, 0]  # as large: the first has the pixels
    maps, findings = part_maps.from_masks(masks, [f"i{n}" for n in range(20)])
    for n, each in enumerate(masks):
        for r in range(5):
            for c in range(5):
                claims = [p for p in range(4) if each[p, r, c]]
                best = min(claims, key=lambda p: (each[p].sum(), p)) + 1 if claims else 0
                assert maps[n, r, c] == best
    doubly = tuple(f"i{n}" for n in range(20) if (masks[n].sum(axis=0) > 1).any())
    assert findings.faults[part_maps.OVERLAPPING] == doubly
    assert "part 3 of i1" in findings.faults["a part is hidden by others"]


def test_masks_of_another_form_are_refused():
    with pytest.raises(BadData, match="masks are float64"):
        part_maps.from_masks(np.zeros((1, 2, 3, 3)), ["a"])
