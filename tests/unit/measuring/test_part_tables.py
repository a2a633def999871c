"""What a comparison says of parts, against loops over images with scipy."""

import numpy as np
import pytest
from scipy import stats

from distilscope import store
from distilscope.analyses.parts import undefined

from .made_models import MODELS
from .made_parts import NAMES, PARTS, PartedStudy

STUDENT = "finer-s1"
KEY = {"method": "integrated-gradients", "variant": "mass_absolute"}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return PartedStudy(tmp_path_factory.mktemp("parted"), MODELS).write().compare_all()


def rows_of(study, name, **key):
    table = study.parts_of(name)
    for column, value in {**KEY, **key}.items():
        table = table[table[column] == value]
    return table.set_index("index")


def by_hand(study, name, position):
    """Masses of the visible parts of one image: (visible, P) of the model and of the teacher."""
    seen = np.flatnonzero(study.shown()[position])
    maps = study.part_maps()[position]
    found = []
    for made in (study.model(name), study.model(study.teacher)):
        image = np.abs(study.signed(made)[position].astype(np.float64))
        found.append([image[maps == part + 1].sum() / image.sum() for part in seen])
    return seen, *found


def usable(study):
    """Positions of the images of the subset with three parts or more."""
    found = [p for p in study.subset_rows if study.shown()[p].sum() >= 3]
    assert found
    return found


def test_part_rho_is_spearmans_over_the_visible_parts_of_each_image(study):
    rows = rows_of(study, STUDENT)
    assert sorted(rows.index) == sorted(study.index[study.subset_rows])
    for position in usable(study):
        _, own, reference = by_hand(study, STUDENT, position)
        expected = stats.spearmanr(own, reference).statistic
        assert rows.loc[study.index[position], "part_rho"] == pytest.approx(expected, abs=1e-6)


def test_focus_is_the_mass_in_the_teachers_two_top_parts(study):
    rows = rows_of(study, STUDENT)
    for position in usable(study):
        _, own, reference = by_hand(study, STUDENT, position)
        top = np.argsort(reference)[-2:]
        row = rows.loc[study.index[position]]
        inside = np.array(own)[top].sum()
        assert row["focus"] == pytest.approx(inside, rel=1e-5)
        assert row["focus_odds"] == pytest.approx(inside / (1 - inside), rel=1e-4)
        assert row["focus_parts"] == pytest.approx(inside / np.sum(own), rel=1e-5)
        assert row["reference_focus"] == pytest.approx(np.array(reference)[top].sum(), rel=1e-5)


def test_faithfulness_sets_a_models_masses_against_what_it_loses_without_each_part(study):
    rows = rows_of(study, STUDENT)
    made, teacher = study.model(STUDENT), study.model(study.teacher)
    right = study.teacher_predictions() == study.labels
    for position in usable(study):
        seen, own, reference = by_hand(study, STUDENT, position)
        row = rows.loc[study.index[position]]
        if not right[position]:  # the explained class loses nothing by construction
            assert np.isnan(row["faithfulness"])
            assert undefined.DROPS_LEVEL in row["reason"]
            continue
        for prefix, masses, model in (("", own, made), ("reference_", reference, teacher)):
            lost = study.costs(model)[position][seen]
            expected = stats.spearmanr(masses, lost).statistic
            assert row[f"{prefix}faithfulness"] == pytest.approx(expected, abs=1e-6)
        areas = [(3 + part) * 5 for part in seen]
        expected = stats.spearmanr(areas, study.costs(made)[position][seen]).statistic
        assert row["faithfulness_areas"] == pytest.approx(expected, abs=1e-6)


def test_recall_counts_the_deciding_parts_among_the_largest(study):
    rows = rows_of(study, STUDENT)
    for position in usable(study):
        seen, own, _ = by_hand(study, STUDENT, position)
        wanted = study.deciding()[study.labels[position]][seen]
        row = rows.loc[study.index[position]]
        if wanted.sum() in (0, len(seen)):
            assert np.isnan(row["deciding_recall"])
            continue
        largest = np.argsort(own)[-int(wanted.sum()) :]
        assert row["deciding_recall"] == pytest.approx(wanted[largest].mean())
        assert row["deciding_recall_chance"] == pytest.approx(wanted.sum() / len(seen))


def test_a_model_with_the_teachers_maps_agrees_wholly_and_has_the_teachers_focus(study):
    rows = rows_of(study, "copy-s1")
    defined = rows["part_rho"].notna()
    assert defined.sum() == len(usable(study))
    assert rows.loc[defined, "part_rho"].to_numpy() == pytest.approx(1.0)
    assert rows["focus"].to_numpy() == pytest.approx(
        rows["reference_focus"].to_numpy(), nan_ok=True
    )
    # Parts differ in size, so that another image's order is much the same: the null is not 0.
    null = rows["null_part_rho"].dropna()
    assert 0.3 < null.mean() < 0.95
    assert set(null.index) <= set(rows.index[rows["common"]])


def test_images_without_enough_parts_or_completeness_are_nan_with_their_reason(study):
    cam = rows_of(study, "copy-s1", method="gradcam")
    none, two = (cam.loc[study.index[p]] for p in (0, 1))
    assert undefined.NO_PART in none["reason"] and np.isnan(none["focus"])
    assert undefined.FEW_PARTS in two["reason"] and np.isnan(two["part_rho"])
    assert undefined.NOTHING_LEFT in two["reason"] and not np.isnan(two["focus"])
    twin = rows_of(study, "teacher-s2")
    missed = twin.loc[study.index[study.subset_rows[::10]]]
    assert missed["part_rho"].isna().all()
    assert missed["reason"].str.contains(undefined.MODEL_INCOMPLETE).all()
    unseen = cam[~cam.index.isin(study.index[study.subset_rows])]
    assert unseen["faithfulness"].isna().all()
    assert unseen["reason"].str.contains(undefined.NOT_REMOVED).all()


def test_coarse_maps_are_taken_as_evidence_and_brought_to_the_picture(study):
    """GradCAM's negative values count as nothing, before its map is upsampled."""
    rows = rows_of(study, "copy-s1", method="gradcam", variant="sum_signed")
    assert (rows["focus"].dropna() >= 0).all()
    assert (rows["layer"] == "block3").all() and (rows["reference_layer"] == "layer4").all()
    masses = rows_of(study, "copy-s1", method="gradcam", variant="mass_absolute")
    assert np.allclose(masses["part_rho"], rows["part_rho"], equal_nan=True)


def test_the_means_by_part_are_over_the_common_images_that_show_it(study):
    table = store.read_table(study.comparison(STUDENT) / "importances.parquet")
    for column, value in KEY.items():
        table = table[table[column] == value]
    rows = rows_of(study, STUDENT)
    common = [p for p in study.subset_rows if rows.loc[study.index[p], "common"]]
    for part, name in enumerate(NAMES):
        shown = [p for p in common if study.shown()[p, part]]
        masses = []
        for position in shown:
            seen, own, _ = by_hand(study, STUDENT, position)
            masses.append(own[list(seen).index(part)])
        row = table[table["part"] == name].iloc[0]
        assert row["n"] == len(shown)
        assert row["importance"] == pytest.approx(np.mean(masses), rel=1e-5)
        assert row["area"] == pytest.approx((3 + part) * 5 / study.size**2)
        lost = study.costs(study.model(STUDENT))[shown, part]
        assert row["drop"] == pytest.approx(lost.mean(), rel=1e-5)


def test_without_removal_nothing_is_said_of_faithfulness(study):
    from distilscope.measuring.compare import compare

    job = study.compare_job("copy-s1", parts={**PARTS, "removal": False})
    compare(job)
    try:
        found = study.parts_of("copy-s1")
        assert "faithfulness" not in found and "removal_recall" not in found
        assert "deciding_recall" in found
        assert not found["reason"].dropna().str.contains(undefined.NOT_REMOVED).any()
    finally:
        compare(study.compare_job("copy-s1"))
