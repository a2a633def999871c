"""What parts, random weights and the choice of a method add to a plan."""

from __future__ import annotations

import re

import pytest
import yaml

from distilscope import catalog
from distilscope.configuration.kinds import ConfigurationError, NotHere
from distilscope.configuration.study import parse
from distilscope.planning.study import Study

from .made_study import RAW, REPOSITORY, asking, identities, study


def derived_of(made):
    """The models with random weights of a study."""
    return made.plans["randomisation"].derived


def test_the_published_study_of_parts_plans_whole(tmp_path):
    path = REPOSITORY / "config/paper/where-models-look.yaml"
    raw = yaml.safe_load(path.read_text())
    with pytest.raises(NotHere, match=r"data\.path.*CUB_200_2011"):
        Study(parse(raw), "bf16", REPOSITORY)
    (tmp_path / raw["data"]["path"]).mkdir(parents=True)
    made = Study(parse(raw), "bf16", REPOSITORY)
    counts = {role: sum(m.role == role for m in made.models) for role in ("student", "control")}
    assert counts == {"student": 4 * 2 * 2 * 3, "control": 3 * 3}
    students = {m.network: m.artefact.settings["init"] for m in made.models if m.role == "student"}
    assert students["R18"] == {"from": "imagenet", "weights": "resnet18"}
    assert parts_of(made).settings["removal"]["without"].endswith(":filled")


PARTED = {
    "data": {
        "name": "composed-parts",
        "path": str(REPOSITORY / "resources/composed-parts/plain.json"),
    },
    "analyses": asking(parts={"source": "annotated", "headline": {"method": "saliency"}, "top": 2}),
}


def parts_of(made):
    """The part maps of a study."""
    return made.plans["parts"].maps


def with_parts(**changes):
    """`PARTED` with other settings of its parts."""
    return {**PARTED, "analyses": asking(parts={**PARTED["analyses"]["parts"], **changes})}


def test_the_method_that_stands_for_all_is_told_to_the_tables_and_no_comparison(monkeypatch):
    other = catalog.METHODS["gradcam"]
    monkeypatch.setitem(catalog.METHODS, "other", other)
    both = {"methods": ["gradcam", "other"]}
    first = study(observe=both)
    named = study(observe=both, analyses=asking(alignment={"method": "other"}))
    told = [made.tables.settings["analyses"]["alignment"]["method"] for made in (first, named)]
    assert told == ["gradcam", "other"]
    assert identities(first) == identities(named)
    of = [[a.identity for a in made.compared.values()] for made in (first, named)]
    assert of[0] == of[1] and first.tables.identity != named.tables.identity


def test_a_method_that_does_not_explain_layers_can_not_stand_for_all():
    with pytest.raises(ConfigurationError, match=r"'saliency' is none of `observe.methods`"):
        study(analyses=asking(alignment={"method": "saliency"}))


def test_observations_are_told_of_other_batches_to_time_and_trainings_are_not():
    usual, timed = study(), study(observe={"latency": [1]})
    told = [made.observations[made.models[0].id].settings for made in (usual, timed)]
    assert "latency" not in told[0] and told[1]["latency"] == [1]
    assert identities(usual) == identities(timed)
    assert study(observe={"latency": [1, 64]}).tables.identity == usual.tables.identity


def test_what_no_analysis_compares_by_image_is_no_job():
    made = study(analyses=["outputs"])
    assert made.comparisons and not made.compared
    rows = [row for row in made.tables.settings["models"] if row["comparisons"]]
    assert rows and all(one["folder"] is None for row in rows for one in row["comparisons"])


def test_parts_are_made_once_and_read_by_observations_and_comparisons():
    made = study(**PARTED)
    assert parts_of(made).inputs == {"dataset": made.dataset}
    assert parts_of(made).settings["removal"]["without"].endswith(":draw_without")
    for artefact in [*made.observations.values(), *made.compared.values(), made.tables]:
        assert artefact.inputs["parts"] is parts_of(made)
    assert all("test/removed.safetensors" in a.files for a in made.observations.values())
    assert all("parts.parquet" in artefact.files for artefact in made.compared.values())
    bare = study(data=PARTED["data"])
    assert "parts" not in bare.plans
    files = {file for artefact in bare.observations.values() for file in artefact.files}
    assert "test/removed.safetensors" not in files
    assert identities(bare) == identities(made)  # no model is trained anew for its parts


def test_what_is_edited_about_parts_reaches_what_depends_on_it_and_no_more():
    before = study(**PARTED)

    def changed(**parts):
        after = study(**with_parts(**parts))
        kinds = {}
        for name, artefact in before.artefacts.items():
            kinds.setdefault(artefact.kind, set()).add(name in after.artefacts)
        return {kind for kind, same in kinds.items() if same != {True}}

    aggregated = {"tables", "figures", "report"}
    assert changed(headline={"method": "gradcam"}) == aggregated
    assert changed(top=3) == {"comparison", *aggregated}
    assert changed(variants=["sum_signed", "mass_absolute"]) == {"comparison", *aggregated}
    assert changed(removal=False) == {"parts", "observation", "comparison", *aggregated}
    regions = changed(source="grid", settings={"rows": 2})
    assert regions == {"parts", "observation", "comparison", *aggregated}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "grids"}, "unknown source of parts 'grids'; did you mean 'grid'"),
        ({"variants": ["mass"]}, "unknown part importance 'mass'"),
        ({"variants": ["sum_signed"]}, "headline.variant 'mass_absolute' is none of `variants`"),
        ({"headline": {"method": "lime"}}, "headline.method 'lime' is none of `observe.methods`"),
        ({"source": "grid", "settings": {"row": 3}}, "unknown setting of grid 'row'"),
        ({"source": "grid", "settings": {"rows": 300}}, "expected a whole number from 0 to 255"),
        ({"top": 0}, "top"),
        ({"minimum_parts": 1}, "minimum_parts"),
        ({"least": 1}, "minimum_parts"),
    ],
)
def test_parts_that_can_not_be_measured_are_refused_by_their_key(changes, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        study(**with_parts(**changes))


def test_annotated_parts_need_data_that_know_them():
    with pytest.raises(ConfigurationError, match="composed-parts, annotated-parts"):
        study(analyses=PARTED["analyses"])


def test_randomised_models_are_cascades_from_the_output_and_single_layers():
    made = study(analyses=asking(randomisation={"model": "big"}))
    found = {d.model.id: d for d in derived_of(made)}
    assert len(found) == 5 + 4  # the head alone begins both sequences
    modules = {
        name: d.model.artefact.settings["randomised"]["modules"] for name, d in found.items()
    }
    assert modules["big-s10-random-head"] == ["fc"]
    assert found["big-s10-random-head"].steps == (("cascade", 1), ("independent", 1))
    assert modules["big-s10-random-to-layer3"] == ["fc", "layer4", "layer3"]
    assert modules["big-s10-random-layer3"] == ["layer3"]
    assert found["big-s10-random-layer1"].steps == (("independent", 5),)
    assert {d.model.reference for d in derived_of(made)} == {"big-s10"}


def test_randomised_models_change_no_other_artefact_but_the_tables():
    plain, checked = (
        study(),
        study(analyses=asking(randomisation={"model": "tiny", "modes": ["cascade"]})),
    )
    assert [d.model.reference for d in derived_of(checked)] == ["tiny-kd-T2-a0.9-s1"] * 4
    added = checked.artefacts.keys() - plain.artefacts.keys()
    kinds = sorted(name.split("/")[0] for name in added)
    expected = ["derived"] * 4 + ["figures", "networks"] + ["observation"] * 4
    expected += ["report", "tables"]
    assert kinds == expected


def test_a_check_that_names_nothing_is_refused():
    with pytest.raises(ConfigurationError, match=r"analyses\.randomisation\.model.*'bigg'.*'big'"):
        study(analyses=asking(randomisation={"model": "bigg"}))
    with pytest.raises(
        ConfigurationError, match=r"analyses\.randomisation\.layers.*'layer5'.*layer4"
    ):
        study(analyses=asking(randomisation={"model": "big", "layers": ["layer5"]}))
    with pytest.raises(ConfigurationError, match=r"analyses\.randomisation\.seed.*10.*big-s10"):
        study(analyses=asking(randomisation={"model": "big", "seed": 10}))
    named = study(analyses=asking(randomisation={"model": "big-s30", "layers": ["head", "layer4"]}))
    assert len(derived_of(named)) == 3


def test_a_given_model_that_has_the_name_of_a_random_one_is_refused(tmp_path):
    (tmp_path / "w.pt").write_bytes(b"weights")
    given = {"architecture": "plain-tiny", "weights": "w.pt"}
    with pytest.raises(ConfigurationError, match="with random layers and student 'big-s10-random-"):
        study(
            students={**RAW["students"], "big-s10-random-head": given},
            analyses=asking(
                randomisation={"model": "big", "modes": ["independent"], "layers": ["head"]}
            ),
        )
