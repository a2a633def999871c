"""Compressed models and stand-ins: which there are, and what they stand beside."""

from __future__ import annotations

from dataclasses import replace

import pytest
from safetensors.torch import save_file

from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.patterns import checked
from distilscope.configuration.study import parse
from distilscope.models.build import build
from distilscope.planning.changed import changed
from distilscope.planning.conditions import Condition
from distilscope.planning.sources import Sources
from distilscope.planning.study import Study

from .made_study import REPOSITORY
from .made_teachers import KD, RAW, beside, study

ONE = {
    "teachers": {"a": {**RAW["teachers"]["a"], "twins": [2]}},
    "seeds": [1],
    "grid": [KD],
    "floors": [],
}
TINY = "tiny-kd-T4-a0.9-s1"
NETWORK = {"builder": "distilscope.models.resnet:build", "settings": {"depth": 18, "width": 8}}
FLIPPED = {"of": "a", "noise": 0}


def test_each_value_is_a_model_beside_its_original_and_its_originals_teachers():
    made = study(
        **ONE,
        compress=[
            {"of": "a", "prune": [0.7, 0.3], "dtype": "bf16"},
            {"of": "tiny", "quantise": ["int8-static", "int8-dynamic"]},
        ],
    )
    found = beside(made)
    assert found["a-s1-prune0.3"] == [("a-s1", "original")]
    assert found["a-s1-prune0.7"] == [("a-s1", "original")]
    assert found["a-s1-bf16"] == [("a-s1", "original")]
    assert found[f"{TINY}-int8-static"] == [("a-s1", "teacher"), (TINY, "original")]
    order = [model.id for model in made.models if model.role == "compressed"]
    assert order == [
        *("a-s1-prune0.3", "a-s1-prune0.7", "a-s1-bf16"),
        *(f"{TINY}-int8-dynamic", f"{TINY}-int8-static"),
    ]


def test_every_seed_of_a_name_is_compressed_and_pooled_by_condition():
    made = study(**{**ONE, "seeds": [1, 2]}, compress=[{"of": "tiny", "prune": 0.5}])
    own = [model for model in made.models if model.role == "compressed"]
    assert [model.seed for model in own] == [1, 2]
    assert len({model.condition for model in own}) == 1
    assert own[0].condition.fields["prune"] == 0.5 and own[0].condition.fields["T"] == 4.0
    assert made.names[own[0].condition] == "tiny-kd-T4-a0.9-prune0.5"


def test_one_model_is_named_by_its_id():
    made = study(**{**ONE, "seeds": [1, 2]}, compress=[{"of": TINY, "prune": 0.5}])
    assert [m.id for m in made.models if m.role == "compressed"] == [f"{TINY}-prune0.5"]


def test_a_stand_in_is_beside_its_teacher_alone():
    made = study(**ONE, stand_ins=[{"of": "a", "seeds": [0, 1]}])
    found = {name: own for name, own in beside(made).items() if "noise" in name}
    assert found == {f"a-s1-noise0.1-mirrored-n{seed}": [("a-s1", "stand-in")] for seed in (0, 1)}
    own = next(model for model in made.models if model.role == "stand-in")
    assert own.layers["layer4"] == "model.layer4" and own.head == "model.fc"


def test_heads_that_round_have_no_closed_form():
    made = study(**ONE, compress=[{"of": "a", "prune": 0.5, "quantise": "int8-static"}])
    heads = {model.id: model.head for model in made.models if model.role == "compressed"}
    assert heads == {"a-s1-prune0.5": "fc", "a-s1-int8-static": None}


def test_a_study_without_them_keeps_the_identities_of_its_models():
    plain, more = study(**ONE), study(**ONE, compress=[{"of": "a", "prune": 0.5}])
    for model in plain.models:
        assert more.by_id[model.id].artefact.identity == model.artefact.identity
        seen = more.observations[model.id].identity
        assert seen == plain.observations[model.id].identity


def test_what_is_asked_for_twice_is_made_once():
    twice = [{"of": "a", "prune": [0.3, 0.3]}, {"of": "a-s1", "prune": 0.3}]
    made = study(**ONE, compress=twice)
    assert [m.id for m in made.models if m.role == "compressed"] == ["a-s1-prune0.3"]


def test_a_model_that_is_only_what_it_computes_cannot_be_compressed():
    made = study(**ONE, compress=[{"of": "a", "prune": 0.3}])
    own = made.by_id["a-s1"]
    settings = {name: v for name, v in own.artefact.settings.items() if name != "architecture"}
    program = replace(own, artefact=replace(own.artefact, settings=settings))
    with pytest.raises(ConfigurationError, match=r"compress.of: .* has no architecture of its own"):
        list(
            changed(made.configuration, [program], Sources(made.modality, "fp32", 1, made.dataset))
        )


def planned(raw) -> Study:
    return Study(parse(raw), "fp32", REPOSITORY)


def test_int8_static_wants_held_out_pictures_before_anything_runs(tmp_path):
    (tmp_path / "pictures" / "one").mkdir(parents=True)
    save_file(build(NETWORK, 2).state_dict(), tmp_path / "a.safetensors")
    own = {"mean": [0.5] * 3, "std": [0.25] * 3, "size": 32, "resize": 32}
    given = {"architecture": "resnet18", "settings": {"width": 8}, "preprocessing": own}
    raw = {
        "study": "x",
        "title": "t",
        "data": {"name": "pictures", "path": str(tmp_path / "pictures"), "classes": ["one", "two"]},
        "teachers": {"a": {**given, "weights": str(tmp_path / "a.safetensors")}},
    }
    with pytest.raises(ConfigurationError, match=r"int8-static takes ranges .* `data.held_out`"):
        planned({**raw, "compress": [{"of": "a", "quantise": "int8-static"}]})
    assert planned({**raw, "compress": [{"of": "a", "quantise": "int8-dynamic"}]}).by_id
    raw["data"] |= {"labels": "none", "held_out": str(tmp_path / "pictures")}
    made = planned({**raw, "compress": [{"of": "a", "quantise": "int8-static"}]})
    # Nothing is fitted on held-out pictures without labels, so that no model is asked about them.
    assert [p["name"] for p in made.observations["a"].settings["probes"]] == ["test"]


def test_the_value_is_in_the_identity():
    made = study(**ONE, compress=[{"of": "a", "prune": [0.3, 0.30001]}])
    own = [m.artefact.identity for m in made.models if m.role == "compressed"]
    assert len(set(own)) == 2


def test_a_condition_comes_back_from_its_row():
    made = study(
        **ONE,
        compress=[{"of": "tiny", "prune": 0.5, "quantise": "int8-static"}],
        stand_ins=[{"of": "a"}],
    )
    for condition in made.names:
        assert Condition.of(condition.record()) == condition


def test_patterns_address_them_by_role_and_by_what_was_done():
    made = study(**ONE, compress=[{"of": "a", "prune": [0.3, 0.7]}, {"of": "tiny", "prune": 0.3}])

    def names(**pattern):
        found = checked(pattern)
        return {name for condition, name in made.names.items() if condition.matches(found)}

    assert names(role="compressed", prune=0.3) == {"a-prune0.3", "tiny-kd-T4-a0.9-prune0.3"}
    assert names(role="compressed", network="a") == {"a-prune0.3", "a-prune0.7"}
    assert names(network="tiny") == {"tiny-kd-T4-a0.9"}, "without a role: students and controls"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"compress": [{"of": "tny", "prune": 0.5}]}, "compress.of: no model 'tny'; did you mean"),
        *(
            ({"compress": [{"of": "a", way: share}]}, f"{share} is no number between 0 and 1")
            for way in ("prune", "low_rank")
            for share in (0, -0.1, 1.0, 1.5)
        ),
        *(
            ({"compress": [{"of": "a", "prune": wrong}]}, "number")
            for wrong in (float("nan"), True)
        ),
        (
            {"compress": [{"of": "a", "prune": 0.3}, {"of": "a-s1-prune0.3", "dtype": "bf16"}]},
            "'a-s1-prune0.3' is made of another model itself; .* entries of a-s1",
        ),
        (
            {"compress": [{"of": "a-s1-mirrored", "prune": 0.3}], "stand_ins": [FLIPPED]},
            "'a-s1-mirrored' is made of another model itself",
        ),
        ({"compress": [{"of": "a", "prun": 0.5}]}, "unknown key 'prun'; did you mean 'prune'"),
        ({"compress": [{"of": "a", "quantise": "int4"}]}, "'int4' is none of int8-dynamic"),
        ({"compress": [{"of": "a"}]}, "say how 'a' is compressed: prune, low_rank"),
        ({"stand_ins": [{"of": "tiny"}]}, "is no teacher"),
        ({"stand_ins": [{"of": "a", "noise": 0, "flip": False}]}, "is the model itself"),
        ({"stand_ins": [{"of": "a", "noise": 0, "seeds": [1, 2]}]}, "all would be one model"),
        ({"analyses": {"compression": {}}}, "nothing is compressed; name a model and how"),
    ],
)
def test_what_cannot_be_made_is_refused_with_what_would_be_accepted(changes, said):
    with pytest.raises(ConfigurationError, match=said):
        study(**{**ONE, **changes})
