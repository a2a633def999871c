"""Images without labels: the reference's predictions stand in; what needs a label is missing."""

import shutil

import numpy as np
import pandas as pd
import pytest

from distilscope import store
from distilscope.analyses.outputs.output_rows import OF_LABELS
from distilscope.measuring.observations import UNLABELLED
from distilscope.measuring.rows import by_class

from .made_models import STUDENT, TEACHER, Made
from .made_study import MadeStudy

MODELS = (
    Made("teacher-s1", "teacher", TEACHER, accuracy=1.0, parameters=10_000),
    Made("copy-s1", "student", STUDENT, own=0.8, noise=0.5, T=4.0, alpha=0.9),
)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A study whose labels are the teacher's predictions, and the same without labels."""
    folder = tmp_path_factory.mktemp("unlabelled")
    labelled = MadeStudy(folder / "labelled", MODELS, images=120, gram_batch=40).write()
    bare = MadeStudy(folder / "bare", MODELS, images=120, gram_batch=40)
    shutil.copytree(labelled.folder, bare.folder)
    for path in bare.folder.rglob("logits.parquet"):
        table = store.read_table(path).assign(label=-1)
        store.write_table(path, table, {})
    return [study.compare_all() for study in (labelled, bare)]


def test_maps_are_compared_as_if_the_reference_were_right(both):
    labelled, bare = (study.images_of("copy-s1") for study in both)
    pd.testing.assert_frame_equal(labelled, bare)
    assert bare["common"].all() and 0 < bare["correct"].mean() < 1


def test_what_needs_a_label_is_missing_with_that_reason_and_the_rest_is_the_same(both):
    for study in both:
        study.measure()
    labelled, bare = (store.read_table(study.tables / "measures.parquet") for study in both)
    own = bare[bare["measure"].isin(OF_LABELS)]
    assert set(own["measure"]) == set(OF_LABELS) and own["value"].isna().all()
    assert set(own["reason"]) == {UNLABELLED}
    for measure in ("agreement", "kl_teacher_student", "kappa", "image_specific_rho", "rho"):
        parts = [
            table[(table["measure"] == measure) & table["headline"] & table["class"].isna()]
            for table in (labelled, bare)
        ]
        parts = [part[part["subset"] != "reference-wrong"]["value"].to_numpy() for part in parts]
        assert len(parts[0]) and parts[0] == pytest.approx(parts[1], nan_ok=True), measure
    models = store.read_table(both[1].tables / "models.parquet")
    assert models["accuracy"].isna().all()


def test_images_are_grouped_by_the_classes_that_there_are():
    found = by_class(np.array([7, 2, -1, 7, 900, 2]))
    assert {number: rows.tolist() for number, rows in found.items()} == {
        2: [1, 5],
        7: [0, 3],
        900: [4],
    }


def test_a_class_without_an_image_has_no_row(both):
    labelled = both[0]
    labelled.measure()
    measures = store.read_table(labelled.tables / "measures.parquet")
    label = store.read_table(next(labelled.folder.rglob("copy-s1*/test/logits.parquet")))["label"]
    for measure in ("accuracy", "image_specific_rho"):
        rows = measures[(measures["measure"] == measure) & measures["class"].notna()]
        assert set(rows["class"]) == set(label), measure
