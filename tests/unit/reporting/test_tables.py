from dataclasses import replace

import pandas as pd
import pytest

from distilscope import store
from distilscope.reporting import ceiling
from distilscope.reporting.reading import MissingTable, read
from distilscope.reporting.tables import clean

from . import made_tables
from .conftest import build


def test_headline_rho_is_that_of_the_last_block_at_input_resolution_on_common_images(study):
    tables = study.tables()
    found = tables.headline("rho").set_index("model")["value"]
    every = tables.measures[(tables.measures["measure"] == "rho") & tables.measures["class"].isna()]
    for model, layer in (("medium-kd-T4-a0.9-s1", "block5"), ("tiny-ce-s1", "block3")):
        by_hand = every[
            (every["model"] == model)
            & (every["layer"] == layer)
            & (every["reference_layer"] == "layer4")
            & (every["resolution"] == "input")
            & (every["subset"] == "common")
        ]
        assert len(by_hand) == 1
        assert found[model] == by_hand["value"].item()


@pytest.mark.parametrize("architecture", ["somebody.else:net", "plain-tiny"])
def test_the_headline_layer_is_the_first_of_the_explained_whatever_it_is_called(
    study, architecture
):
    """`late` comes before `mid` in the alphabet, and after it in the network."""
    tables, model = study.tables(), "tiny-kd-T4-a0.9-s1"
    expected = tables.headline("rho").set_index("model").at[model, "value"]
    own = tables.measures["model"] == model
    names = tables.measures["layer"].replace({"block3": "late", "block2": "mid"})
    measures = tables.measures.assign(
        layer=tables.measures["layer"].where(~own, names),
        architecture=tables.measures["architecture"].where(~own, architecture),
    )
    told = tables.models["explained"].where(tables.models["id"] != model, '["late", "mid"]')
    renamed = replace(tables, measures=measures, models=tables.models.assign(explained=told))
    found = renamed.headline("rho").set_index("model")
    assert (found.at[model, "layer"], found.at[model, "value"]) == ("late", expected)


def test_the_reference_s_layer_is_its_own_first_explained_one(study):
    tables = study.tables()
    names = tables.measures["reference_layer"].replace({"layer4": "a-last", "layer3": "z-first"})
    told = tables.models["explained"].replace({'["layer4", "layer3"]': '["a-last", "z-first"]'})
    renamed = replace(
        tables,
        measures=tables.measures.assign(reference_layer=names, architecture="some.net:build"),
        models=tables.models.assign(explained=told),
    )
    found, before = (each.headline("rho").set_index("model") for each in (renamed, tables))
    assert found.at["tiny-ce-s1", "reference_layer"] == "a-last"
    assert found.at["tiny-ce-s1", "value"] == before.at["tiny-ce-s1", "value"]


def test_without_a_twin_alignment_is_on_each_models_own_images(tmp_path):
    made = build(tmp_path, models=made_tables.default_models(twin=False))
    tables = made.tables()
    assert tables.subset == "both-correct"
    assert set(tables.headline("rho")["subset"]) == {"both-correct"}


def test_two_rows_for_one_number_are_refused_by_name(study):
    tables = study.tables()
    doubled = pd.concat([tables.measures, tables.headline("ece").head(1)])
    twice = replace(tables, measures=doubled)
    with pytest.raises(ValueError, match="2 rows that could stand for ece of model 'teacher-s1'"):
        twice.headline("ece")


def test_a_missing_column_is_named_with_its_file(study, tmp_path):
    for name in ("measures", "reliability", "divergent", "histories"):
        table = store.read_table(study.folder / "tables" / f"{name}.parquet")
        store.write_table(tmp_path / f"{name}.parquet", table)
    models = study.builder.model_table().drop(columns="parameters")
    store.write_table(tmp_path / "models.parquet", models)
    with pytest.raises(MissingTable, match=r"models\.parquet: .* column\(s\) parameters"):
        read(tmp_path, None, {"scale": "laptop"})


def test_an_unknown_scale_is_refused(study):
    with pytest.raises(ValueError, match="laptop or paper, not 'huge'"):
        read(study.folder / "tables", None, {"scale": "huge"})


def test_pictures_are_found_by_index_not_by_position(study):
    images, _, indices = made_tables.Builder(study.builder.models).pictures()
    tables = study.tables()
    for index in list(tables.images)[:5]:
        position = list(indices).index(index)
        assert (tables.images[index] == images[position].transpose(1, 2, 0)).all()


def test_the_main_student_is_the_largest_at_the_temperature_that_sizes_share(study):
    assert study.tables().main_student.label == "medium T=4"


def test_cleaned_text_is_one_line_that_utf8_can_hold():
    assert clean("a\nb\ud800\x00c") == "a b��c"


def test_a_model_without_a_teacher_is_read_against_the_one_it_is_compared_with(study):
    tables = study.tables()
    other = tables.models.iloc[[0]].assign(id="teacher-s9")
    compared = tables.measures["model"].isin(["tiny-ce-s1"]) & tables.measures["reference"].notna()
    measures = tables.measures.assign(
        reference=tables.measures["reference"].where(~compared, "teacher-s9")
    )
    two = replace(tables, models=pd.concat([tables.models, other]), measures=measures)
    found = two.headline("agreement").set_index("model")["reference"]
    assert found["tiny-ce-s1"] == "teacher-s9" and found["small-ce-s1"] == "teacher-s1"


FAMILY = dict.fromkeys("abc", "b")


def pairs_of(values):
    rows = [
        {"model": own, "role": "teacher" if own != "c" else "twin", "reference": other}
        | {"class": pd.NA, "value": value, "low": 0.0, "high": 1.0, "interval": "images"}
        | {"n": 10, "n_undefined": 0, "reason": None}
        for (own, other), value in values.items()
    ]
    student = {**rows[0], "model": "s", "role": "student", "reference": "a", "value": 0.3}
    return pd.DataFrame([student, *rows])


def test_the_ceiling_of_several_teachers_is_the_mean_over_their_pairs():
    """Pairs ab (both ways) 0.5 and 0.6, ac 0.7, bc 0.9: the mean of 0.55, 0.7 and 0.9."""
    rows = pairs_of({("a", "b"): 0.5, ("b", "a"): 0.6, ("c", "a"): 0.7, ("c", "b"): 0.9})
    found = ceiling.over_pairs(rows, FAMILY).set_index("model")
    assert list(found.index) == ["s", "b"]
    assert found.at["s", "value"] == 0.3
    assert found.at["b", "value"] == pytest.approx((0.55 + 0.7 + 0.9) / 3)
    # pseudo-values 3 * mean - 2 * the pair without the member, t with two degrees of freedom
    own = 2.15 - 2 * pd.Series([0.9, 0.7, 0.55])
    half = 4.302653 * own.std() / 3**0.5
    assert found.at["b", "high"] - found.at["b", "value"] == pytest.approx(half, rel=1e-6)
    assert (found.at["b", "interval"], found.at["b", "n"]) == ("teachers", 3)


def test_a_single_teacher_keeps_its_twins_as_they_are():
    rows = pairs_of({("c", "a"): 0.7})
    assert ceiling.over_pairs(rows, FAMILY) is rows


def test_two_teachers_are_one_pair_without_an_interval_over_teachers():
    rows = pairs_of({("a", "b"): 0.5, ("b", "a"): 0.6})
    found = ceiling.over_pairs(rows, FAMILY).set_index("model").loc["b"]
    assert found["value"] == pytest.approx(0.55)
    assert pd.isna(found["low"])
    assert "one pair" in found["reason"]


def test_a_student_of_the_twin_is_read_against_the_teacher_that_it_is_compared_with(study):
    """Its own teacher is the twin, with which it is not compared."""
    tables = study.tables()
    stranger = "medium-kd-T4-a0.9-s1"
    measures = tables.measures.assign(
        role=tables.measures["role"].where(tables.measures["model"] != stranger, "twin-taught"),
        teacher=tables.measures["teacher"].where(tables.measures["model"] != stranger, "twin-s2"),
    )
    models = tables.models.assign(
        role=tables.models["role"].where(tables.models["id"] != stranger, "twin-taught")
    )
    own = replace(tables, measures=measures, models=models)
    assert stranger in set(own.headline("rho")["model"])
    (cell,) = [cell for cell in own.cells if cell.role == "twin-taught"]
    assert cell.label == "medium T=4, by twin"
