from dataclasses import replace

import pandas as pd
import pytest

from distilscope import store
from distilscope.analyses.alignment.sections import every_measure
from distilscope.reporting import ceiling, summary
from distilscope.reporting.reading import MissingTable, read
from distilscope.reporting.tables import clean

from . import made_models, made_tables
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


@pytest.mark.parametrize(("depth", "layer"), [(0, "late"), (1, "mid")])
def test_a_depth_is_a_place_in_the_explained_layers_whatever_they_are_called(study, depth, layer):
    """`late` comes before `mid` in the alphabet, and after it in the network."""
    tables, model = study.tables(), "tiny-kd-T4-a0.9-s1"
    before = every_measure.at(tables, "rho", "input", depth).set_index("model")
    own = tables.measures["model"] == model
    names = tables.measures["layer"].replace({"block3": "late", "block2": "mid"})
    measures = tables.measures.assign(layer=tables.measures["layer"].where(~own, names))
    explained = tables.models["explained"].where(tables.models["id"] != model, '["late", "mid"]')
    renamed = replace(tables, measures=measures, models=tables.models.assign(explained=explained))
    found = every_measure.at(renamed, "rho", "input", depth).set_index("model")
    assert (found.at[model, "layer"], found.at[model, "value"]) == (
        layer,
        before.at[model, "value"],
    )


def test_the_reference_s_layer_is_its_own_first_explained_one(study):
    tables = study.tables()
    names = tables.measures["reference_layer"].replace({"layer4": "a-last", "layer3": "z-first"})
    explained = tables.models["explained"].replace(
        {'["layer4", "layer3"]': '["a-last", "z-first"]'}
    )
    renamed = replace(
        tables,
        measures=tables.measures.assign(reference_layer=names),
        models=tables.models.assign(explained=explained),
    )
    found, before = (
        every_measure.at(each, "rho", "input", 0).set_index("model") for each in (renamed, tables)
    )
    assert found.at["tiny-ce-s1", "reference_layer"] == "a-last"
    assert found.at["tiny-ce-s1", "value"] == before.at["tiny-ce-s1", "value"]


def test_without_a_twin_alignment_is_on_each_models_own_images(tmp_path):
    made = build(tmp_path, models=made_models.default_models(twin=False))
    tables = made.tables()
    assert tables.subset == "both-correct"
    assert set(tables.headline("rho")["subset"]) == {"both-correct"}


@pytest.mark.parametrize(
    ("subsets", "expected"),
    [
        (("all", "reference-wrong"), "all"),
        (("all", "both-correct", "common"), "common"),
        (("all", "both-correct"), "all"),
    ],
)
def test_of_several_sets_of_images_the_common_ones_stand_for_a_measure_else_all(
    study, subsets, expected
):
    tables = study.tables()
    every = tables.of("agreement")
    copies = [every.assign(subset=name, value=len(name) / 100) for name in subsets]
    others = tables.measures[tables.measures["measure"] != "agreement"]
    found = replace(tables, measures=pd.concat([others, *copies], ignore_index=True))
    assert set(found.headline("agreement")["value"]) == {len(expected) / 100}


def test_two_rows_for_one_number_are_refused_by_name(study):
    tables = study.tables()
    doubled = pd.concat([tables.measures, tables.headline("ece").head(1)], ignore_index=True)
    twice = replace(tables, measures=doubled)
    with pytest.raises(ValueError, match="2 rows that could stand for ece of model 'teacher-s1'"):
        twice.headline("ece")


def test_a_missing_column_is_named_with_its_file(study, tmp_path):
    for name in ("measures", "conditions", "seeds", "reliability", "divergent", "histories"):
        table = store.read_table(study.folder / "tables" / f"{name}.parquet")
        store.write_table(tmp_path / f"{name}.parquet", table)
    models = study.builder.model_table().drop(columns="parameters")
    store.write_table(tmp_path / "models.parquet", models)
    with pytest.raises(MissingTable, match=r"models\.parquet: .* column\(s\) parameters"):
        read(tmp_path, None, study.settings)


def test_a_table_of_an_analysis_that_lacks_a_column_is_refused(study, tmp_path):
    for path in (study.folder / "tables").glob("*.parquet"):
        table = store.read_table(path)
        table = table.drop(columns="loss") if path.stem == "histories" else table
        store.write_table(tmp_path / path.name, table)
    with pytest.raises(MissingTable, match=r"histories\.parquet: .* column\(s\) loss"):
        read(tmp_path, None, study.settings)


def test_a_study_has_the_tables_of_its_analyses_and_empty_ones_for_the_rest(study):
    only = study.tables({"analyses": {"outputs": {}}})
    assert set(only.own) == {"reliability", "histories"}
    assert only["divergent"].empty and "rho" in only["divergent"]
    assert only.images == {}


def test_an_unknown_scale_is_refused(study):
    with pytest.raises(ValueError, match="laptop or paper or audit, not 'huge'"):
        read(study.folder / "tables", None, {"scale": "huge", "analyses": {}})


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


def test_a_model_is_read_against_its_own_reference_of_several(study):
    """Each control is compared with two teachers; which one stands for it `models` says."""
    tables = study.tables()
    other = tables.models.iloc[[0]].assign(id="teacher-s9")
    compared = tables.measures["model"].isin(["tiny-ce-s1"]) & tables.measures["reference"].notna()
    twice = tables.measures[compared].assign(reference="teacher-s9", value=0.125)
    own = tables.models["reference"].where(tables.models["id"] != "tiny-ce-s1", "teacher-s9")
    two = replace(
        tables,
        models=pd.concat([tables.models.assign(reference=own), other], ignore_index=True),
        measures=pd.concat([tables.measures, twice], ignore_index=True),
    )
    found = two.headline("agreement").set_index("model")
    assert found["reference"]["tiny-ce-s1"] == "teacher-s9"
    assert found["value"]["tiny-ce-s1"] == 0.125
    assert found["reference"]["small-ce-s1"] == "teacher-s1"


FAMILY, TEACHERS = dict.fromkeys("abc", "b"), {"a", "b"}


def pairs_of(values):
    rows = [
        {"model": own, "reference": other}
        | {"class": pd.NA, "value": value, "low": 0.0, "high": 1.0, "interval": "images"}
        | {"n": 10, "n_undefined": 0, "reason": None}
        for (own, other), value in values.items()
    ]
    student = {**rows[0], "model": "s", "reference": "a", "value": 0.3}
    return pd.DataFrame([student, *rows])


def test_the_ceiling_of_several_teachers_is_the_mean_over_their_pairs():
    """Pairs ab (both ways) 0.5 and 0.6, ac 0.7, bc 0.9: the mean of 0.55, 0.7 and 0.9."""
    rows = pairs_of({("a", "b"): 0.5, ("b", "a"): 0.6, ("c", "a"): 0.7, ("c", "b"): 0.9})
    found = ceiling.over_pairs(rows, FAMILY, TEACHERS).set_index("model")
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
    assert ceiling.over_pairs(rows, FAMILY, TEACHERS) is rows


def test_two_teachers_are_one_pair_without_an_interval_over_teachers():
    rows = pairs_of({("a", "b"): 0.5, ("b", "a"): 0.6})
    found = ceiling.over_pairs(rows, FAMILY, TEACHERS).set_index("model").loc["b"]
    assert found["value"] == pytest.approx(0.55)
    assert pd.isna(found["low"])
    assert "one pair" in found["reason"]


def test_teachers_of_two_families_are_no_pair_of_one():
    rows = pairs_of({("a", "b"): 0.5, ("b", "a"): 0.6, ("d", "a"): 0.1})
    found = ceiling.over_pairs(rows, {**FAMILY, "d": "d"}, {*TEACHERS, "d"}).set_index("model")
    assert found.at["b", "value"] == pytest.approx(0.55)
    assert found.at["d", "value"] == 0.1


def test_the_mean_over_all_pairs_is_the_headline_of_the_twin(study):
    """Two teachers and a twin, all pairs of them measured."""
    tables, models = study.tables(), study.tables().models
    other = models.iloc[[0]].assign(id="teacher-s9", reference="teacher-s1")
    twin = tables.measures[tables.measures["model"] == "twin-s2"]
    pairs = [
        twin.assign(reference="teacher-s9", value=twin["value"] + 0.2),
        twin.assign(model="teacher-s9", value=twin["value"] + 0.4),
    ]
    several = replace(
        tables,
        models=pd.concat([models, other], ignore_index=True),
        measures=pd.concat([tables.measures, *pairs], ignore_index=True),
    )
    alone = tables.headline("rho").set_index("model").at["twin-s2", "value"]
    found = several.headline("rho").set_index("model")
    assert found.at["twin-s2", "value"] == pytest.approx(alone + 0.2)
    assert "teacher-s9" not in found.index


def test_a_student_of_the_twin_is_read_against_the_teacher_that_it_is_compared_with(study):
    """Its own teacher is the twin, with which it is not compared."""
    tables = study.tables()
    twin_taught = "medium-kd-T4-a0.9-s1"
    at = tables.condition_rows["condition"] == "medium-kd-T4-a0.9"
    role = tables.condition_rows["role"].where(~at, "twin-taught")
    own = replace(
        tables, condition_rows=tables.condition_rows.assign(role=role, teachers='["resnet18.2"]')
    )
    assert twin_taught in set(own.headline("rho")["model"])
    (condition,) = own.of_role("twin-taught")
    assert condition.models == (twin_taught,)


OF_BOTH = "medium-kd-T4-a0.9-s1"


def with_a_committee(tables, **agreements):
    """A student learned from two teachers, and its agreement is also beside a committee of both."""
    at = tables.condition_rows["condition"] == "medium-kd-T4-a0.9"
    teachers = tables.condition_rows["teachers"].where(~at, '["resnet18.1", "resnet18.2"]')
    row = tables.models[tables.models["role"] == "teacher"].iloc[[0]]
    committee = row.assign(id="both", role="committee", condition="committee", reference=None)
    own = tables.measures[tables.measures["model"] == OF_BOTH]
    more = [
        own[own["measure"] == measure].assign(reference="both", relation="committee", value=value)
        for measure, value in agreements.items()
    ]
    return replace(
        tables,
        condition_rows=tables.condition_rows.assign(teachers=teachers),
        models=pd.concat([tables.models, committee], ignore_index=True),
        measures=pd.concat([tables.measures, *more], ignore_index=True),
    )


def test_a_student_of_a_committee_is_read_beside_the_committee(study):
    before = study.tables()
    tables = with_a_committee(before, agreement=0.125)
    found = tables.headline("agreement").set_index("model")
    assert (found.at[OF_BOTH, "reference"], found.at[OF_BOTH, "value"]) == ("both", 0.125)
    others = found.index != OF_BOTH
    known = before.headline("agreement").set_index("model")
    pd.testing.assert_series_equal(found["value"][others], known["value"].drop(OF_BOTH))


def test_what_a_committee_has_not_is_beside_its_first_member_and_the_summary_says_so(study):
    before = study.tables()
    tables = with_a_committee(before, agreement=0.125, kl_teacher_student=0.5)
    first = before.headline("rho").set_index("model")["value"]
    assert tables.headline("rho").set_index("model").at[OF_BOTH, "value"] == first[OF_BOTH]
    text = " ".join(summary.text(tables).split())
    assert "Of a student of a committee: Agreement and KL beside the committee; " in text
    assert "beside its first member." in text
    assert "12.5" in text
    caption = summary.grid(tables, summary.summarise(tables), ()).caption
    assert "Of a student of a committee: Agreement and KL beside the committee" in caption
    assert "committee" not in summary.text(before)
