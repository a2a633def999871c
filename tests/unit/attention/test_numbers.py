"""The rows of attention from a made-up study, against loops over images and pixels."""

import itertools
import math

import numpy as np
import pytest
from torch import tensor
from torch.nn import functional as F

from distilscope import store
from distilscope.analyses.attention.figures.cells import arranged
from distilscope.analyses.attention.measure import conclude, measure
from distilscope.analyses.attention.teacher_rows import PAIRS

from .made_study import SIZE, MadeStudy

MEMBERS = ("weak-a-s1", "strong-a-s1")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    study = MadeStudy(tmp_path_factory.mktemp("study"))
    study.committee()
    return study


@pytest.fixture(scope="module")
def measured(made):
    study = made.sets().study
    tables = measure(study, made.settings)
    frame = study.rows.frame()
    return frame, {**tables, **conclude(study, made.settings, frame)}


@pytest.fixture
def rows(measured):
    return measured[0]


def value(rows, model, measure, reference=None, **place):
    """The one number there, on test images by the published map if nothing else is said."""
    wanted = {"probe": "test", **place}
    found = rows[(rows["model"] == model) & (rows["measure"] == measure)]
    found = found[
        found["reference"].isna() if reference is None else found["reference"] == reference
    ]
    for column, each in wanted.items():
        found = found[found[column] == each]
    assert len(found) == 1, found
    return found.iloc[0]["value"]


def region(maps, resolution, method="attention"):
    """Sets of attended pixels: torch's upsampling, a pixel at a time."""
    maps = tensor(maps).double()
    if method == "gradcam":
        maps = maps.clamp_min(0)
    if resolution == "input":
        maps = F.interpolate(maps[:, None], size=(SIZE, SIZE), mode="bilinear")[:, 0]
    found = []
    for one in maps.numpy():
        low, high = one.min(), one.max()
        found.append({tuple(at) for at in np.argwhere((one - low) / (high - low) > 0.4)})
    return found


@pytest.mark.parametrize("resolution", ["input", "native"])
@pytest.mark.parametrize("method", ["attention", "gradcam"])
@pytest.mark.parametrize("probe", ["test", "strong-train"])
def test_overlap_with_a_teacher(made, rows, method, resolution, probe):
    first, second = (
        region(made.said[name, probe][method], resolution, method)
        for name in ("student-s1", "weak-a-s1")
    )
    ratios = [len(a & b) / len(a | b) for a, b in zip(first, second, strict=True)]
    place = {"probe": probe, "method": method, "resolution": resolution}
    found = value(rows, "student-s1", "overlap", "weak-a-s1", **place)
    assert found == pytest.approx(np.mean(ratios))
    null = value(rows, "student-s1", "overlap_null", "weak-a-s1", **place)
    specific = value(rows, "student-s1", "overlap_specific", "weak-a-s1", **place)
    assert specific == pytest.approx(found - null)
    total, n = 0.0, len(first)
    for start in range(0, n, 8):
        pairs = list(zip(first[start : start + 8], second[start : start + 8], strict=True))
        total += len(pairs) * sum(len(a & b) for a, b in pairs) / sum(len(a | b) for a, b in pairs)
    assert value(rows, "student-s1", "overlap_batch", "weak-a-s1", **place) == pytest.approx(
        total / n
    )


def test_overlap_with_a_committee_is_the_mean_over_its_members(rows):
    place = {"method": "attention", "resolution": "input"}
    members = [
        value(rows, "student-s1", "overlap", name, **place) for name in ("weak-a-s1", "strong-a-s1")
    ]
    found = value(rows, "student-s1", "overlap", "both-s0", **place)
    assert found == pytest.approx(np.mean(members))


def softmax(row):
    return [math.exp(x) / sum(map(math.exp, row)) for x in row]


def answers(made, how, probe="test"):
    """A committee's probabilities, an image at a time."""
    members = [made.said[name, probe]["logits"].tolist() for name in ("weak-a-s1", "strong-a-s1")]
    if how == "logits":
        return [
            softmax([(a + b) / 2 for a, b in zip(*both, strict=True)])
            for both in zip(*members, strict=True)
        ]
    return [
        [(p + q) / 2 for p, q in zip(softmax(a), softmax(b), strict=True)]
        for a, b in zip(*members, strict=True)
    ]


@pytest.mark.parametrize("how", ["logits", "probabilities"])
def test_fidelity_to_a_committee_by_each_combination(made, rows, how):
    said = [softmax(row) for row in made.said["student-s1", "test"]["logits"].tolist()]
    wanted, n = answers(made, how), len(said)
    labels = made.said["student-s1", "test"]["label"]
    top = [(np.argmax(p), np.argmax(q)) for p, q in zip(said, wanted, strict=True)]
    both_wrong = [a == b for (a, b), y in zip(top, labels, strict=True) if a != y and b != y]
    forward = sum(q * math.log(q / p) for a, b in zip(said, wanted, strict=True)
                  for p, q in zip(a, b, strict=True)) / n  # fmt: skip
    reverse = sum(p * math.log(p / q) for a, b in zip(said, wanted, strict=True)
                  for p, q in zip(a, b, strict=True)) / n  # fmt: skip
    for name, expected in {
        "fidelity": np.mean([a == b for a, b in top]),
        "fidelity_errors": np.mean(both_wrong),
        "kl_from_reference": forward,
        "kl_from_model": reverse,
        "published_kl_times_10": 10 * reverse,
        "published_fidelity": np.mean(
            [np.mean([a == b for a, b in top[s : s + 8]]) for s in (0, 8, 16)]
        ),
    }.items():
        found = value(rows, "student-s1", name, "both-s0", combined=how)
        assert found == pytest.approx(expected, rel=1e-5), name


def test_only_the_published_combination_stands_for_fidelity(rows):
    own = rows[(rows["measure"] == "fidelity") & rows["headline"]]
    assert set(own[own["relation"] == "committee"]["combined"]) == {"logits"}
    assert set(own["probe"]) == {"test"}
    assert not own.duplicated(["model", "reference"]).any()


def test_gaps_affinity_and_entropy_by_hand(made, rows):
    def accuracy(model, probe):
        own = made.said[model, probe]
        return np.mean(
            [np.argmax(z) == y for z, y in zip(own["logits"], own["label"], strict=True)]
        )

    gap = accuracy("student-s1", "train") - accuracy("student-s1", "test")
    assert value(rows, "student-s1", "overfitting_gap") == pytest.approx(gap)
    own = accuracy("student-s1", "strong-train") - accuracy("student-s1", "strong-test")
    assert value(rows, "student-s1", "overfitting_gap_own_views") == pytest.approx(own)
    at = value(rows, "student-s1", "overfitting_gap", probe="strong-test")
    assert at == pytest.approx(own)
    published = 0.75 - accuracy("student-s1", "test")
    assert value(rows, "student-s1", "published_gap") == pytest.approx(published)
    affinity = accuracy("weak-a-s1", "strong-test") / accuracy("weak-a-s1", "weak-test")
    found = value(rows, "weak-a-s1", "affinity", probe="strong-test")
    assert found == pytest.approx(affinity)
    said = [softmax(row) for row in made.said["weak-a-s1", "test"]["logits"].tolist()]
    entropy = -np.mean([sum(p * math.log(p) for p in row) for row in said])
    assert value(rows, "weak-a-s1", "prediction_entropy") == pytest.approx(entropy)


def test_a_model_that_was_observed_without_maps_has_the_reason(rows):
    own = rows[(rows["model"] == "both-s0") & (rows["measure"] == "attention_area")]
    assert own["value"].isna().all() and len(own) == 6 * 4
    assert set(own["reason"]) == {
        "the network has no linear head behind average pooling over its last block"
    }


def test_numbers_of_a_students_teachers(made, rows, measured):
    place = {"method": "attention", "resolution": "native"}
    first, second = (
        region(made.said[name, "test"]["attention"], "native")
        for name in ("weak-a-s1", "strong-a-s1")
    )
    ratios = [len(a & b) / len(a | b) for a, b in zip(first, second, strict=True)]
    found = value(rows, "student-s1", "teachers_overlap", **place)
    assert found == pytest.approx(np.mean(ratios))
    by_batch = value(rows, "student-s1", "teachers_overlap_batch", **place)
    assert value(rows, "student-s1", "teachers_overlap_together", **place) == by_batch
    area = np.mean([len(a) / 9 for a in (*first, *second)])
    assert value(rows, "student-s1", "teachers_area", **place) == pytest.approx(area)


def test_each_pair_of_teachers_and_of_controls_is_in_the_table(made, measured):
    pairs = measured[1]["attention_pairs"]
    assert list(pairs.columns) == list(PAIRS)
    kinds = (
        pairs[["model", "reference", "kind"]].drop_duplicates().set_index(["model", "reference"])
    )
    assert len(kinds) == len(list(itertools.combinations(range(4), 2)))
    assert kinds.loc[("weak-a-s1", "weak-b-s1"), "kind"] == "same views"
    assert kinds.loc[("weak-a-s1", "strong-b-s1"), "kind"] == "other views"
    row = pairs[(pairs["model"] == "weak-a-s1") & (pairs["reference"] == "strong-a-s1")].iloc[0]
    label = made.said["weak-a-s1", "test"]["label"]
    right = np.mean(
        [np.argmax(p) == y for p, y in zip(answers(made, "probabilities"), label, strict=True)]
    )
    assert row["committee_accuracy"] == pytest.approx(right)
    assert row["committee_gain"] == pytest.approx(right - row["accuracy"])


def test_a_cell_has_the_numbers_beside_the_committee(rows, measured):
    cells = measured[1]["attention_cells"].set_index("condition")
    assert list(cells.index) == ["student", "alone"]
    assert cells.loc["student", "teacher_views"] == "strong + weak"
    fidelity = value(rows, "student-s1", "fidelity", "both-s0", combined="logits")
    assert cells.loc["student", "fidelity"] == fidelity
    assert np.isnan(cells.loc["alone", "fidelity"])
    assert np.isnan(cells.loc["alone", "teachers_overlap_batch"])


def test_students_of_teachers_in_training_mode_have_cells_with_a_name_of_their_own(tmp_path):
    """As any student of a committee, and told from it in tables and figures."""
    made = MadeStudy(tmp_path)
    made.committee()
    references = (*((name, "teacher") for name in MEMBERS), ("both-s0", "committee"))
    own = {"objective": "kd", "parameters": (("T", 3.0),), "combine": "losses"}
    made.add("wrong-s1", "training-mode-taught", "strong", 1, MEMBERS, references, **own)
    study = made.sets().study
    measure(study, made.settings)
    cells = conclude(study, made.settings, study.rows.frame())["attention_cells"]
    row = cells.set_index("condition").loc["wrong"]
    assert row["role"] == "training-mode-taught"
    assert row[["fidelity", "overlap_batch", "teachers_overlap_batch"]].notna().all()
    words = arranged(cells).set_index("condition")["words"]
    assert words["student"] == "strong from strong + weak, kd T=3"
    assert words["wrong"] == "strong from strong + weak, kd T=3, teachers in training mode"


def test_models_that_were_observed_on_other_images_are_refused(tmp_path):
    study = MadeStudy(tmp_path)
    study.add("first-s1", "teacher", "weak")
    study.add("second-s1", "teacher", "weak")
    other = {**study.said["second-s1", "test"]}
    other["index"] = other["index"] + 1
    store.write_tensors(tmp_path / "second-s1" / "attention" / "test.safetensors", other)
    with pytest.raises(ValueError, match="different images of test"):
        study.sets().said("second-s1", "test")
