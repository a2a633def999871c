"""Which models are compared, and what a reference is to a model."""

from __future__ import annotations

import pytest

from distilscope.configuration.kinds import ConfigurationError

from .made_teachers import CE, KD, beside, study

BOTH = [{**KD, "teachers": "each"}, {**KD, "committee": [["a", "b"]]}, CE]


def pairs(relations, **changes):
    """(model, reference, relation) of every comparison of a study of two rungs and a committee."""
    made = study(grid=BOTH, compare=relations, **changes)
    return {(each.model.id, each.reference.id, each.relation) for each in made.comparisons}


def test_each_relation_adds_what_it_says_and_nothing_else():
    own = pairs(["teacher"])
    assert {relation for *_, relation in own} == {"teacher"}
    for relation in ("committee", "other-teacher", "twin", "peer"):
        more = pairs(["teacher", relation])
        assert own <= more
        assert {added[2] for added in more - own} == {relation}
    everything = ["teacher", "other-teacher", "committee", "twin", "peer"]
    assert pairs(everything) == pairs(everything[::-1])
    assert pairs(everything) == own.union(*(pairs(["teacher", name]) for name in everything))


def test_other_teachers_are_those_that_a_model_did_not_learn_from():
    found = {pair for pair in pairs(["other-teacher"]) if pair[2] == "other-teacher"}
    assert {(m, r) for m, r, _ in found if m == "tiny-kd-T4-a0.9-a-s1"} == {
        ("tiny-kd-T4-a0.9-a-s1", "b-s1"),
        ("tiny-kd-T4-a0.9-a-s1", "b-s2"),
    }
    assert {r for m, r, _ in found if m == "tiny-ce-s1"} == {"b-s2"}
    assert {r for m, r, _ in found if m == "tiny-kd-T4-a0.9-a_b-s1"} == {"b-s2"}
    assert not [m for m, _, _ in found if m.startswith(("a-s", "b-s", "a+b"))]


def test_twins_are_models_of_one_entry():
    found = {pair for pair in pairs(["twin"]) if pair[2] == "twin"}
    assert found == {("b-s1", "b-s2", "twin"), ("b-s2", "b-s1", "twin")}


def test_peers_are_seeds_of_one_condition_and_teachers_of_other_entries():
    found = {pair[:2] for pair in pairs(["peer"]) if pair[2] == "peer"}
    assert {(m, r) for m, r in found if m.startswith("tiny-ce")} == {
        ("tiny-ce-s2", "tiny-ce-s1"),
        ("tiny-ce-s3", "tiny-ce-s1"),
        ("tiny-ce-s3", "tiny-ce-s2"),
    }
    assert {(m, r) for m, r in found if m.startswith(("a-", "b-"))} == {
        ("b-s1", "a-s1"),
        ("b-s2", "a-s1"),
    }
    assert ("tiny-kd-T4-a0.9-b-s1", "tiny-kd-T4-a0.9-a-s1") not in found


def test_a_pair_is_compared_once_and_has_the_nearest_relation():
    found = pairs(["teacher", "other-teacher", "committee", "twin", "peer"])
    assert len({pair[:2] for pair in found}) == len(found)


def test_a_models_own_teachers_stand_first():
    made = study(grid=BOTH, compare=["peer", "other-teacher", "twin", "teacher"])
    order = {"committee": 0, "teacher": 0, "twin": 1, "other-teacher": 2, "peer": 3}
    for compared in beside(made).values():
        ranks = [order[relation] for _, relation in compared]
        assert ranks == sorted(ranks)


def test_an_unknown_relation_is_refused():
    with pytest.raises(ConfigurationError, match=r"compare\.0: 'rival' is none of 'teacher'"):
        study(compare=["rival"])


@pytest.mark.parametrize(
    "relations", [["teacher", "twin"], ["teacher", "other-teacher", "committee", "twin", "peer"]]
)
def test_observations_refer_to_one_another_without_a_circle(relations):
    """And a model explains what each of its references says that comes before it."""
    made = study(grid=BOTH, compare=relations)
    seen: dict[str, bool] = {}

    def visit(artefact):
        assert seen.get(artefact.name) is not False, f"{artefact.name} waits for itself"
        if artefact.name not in seen:
            seen[artefact.name] = False
            for needed in artefact.direct_inputs():
                visit(needed)
            seen[artefact.name] = True

    for artefact in made.observations.values():
        visit(artefact)
    order = {model.id: place for place, model in enumerate(made.models)}
    for model in made.models:
        asked = [r for r, _ in beside(made)[model.id] if order[r] < order[model.id]]
        references = made.observations[model.id].inputs["references"]
        assert {a.name for a in references} == {made.observations[r].name for r in asked}


def test_a_control_is_compared_with_the_committees_of_the_students_like_it():
    """A student of a committee and its control are read against one reference."""
    made = study(grid=[{**KD, "committee": [["a", "b"]]}, CE])
    assert beside(made)["tiny-ce-s1"] == [
        ("a-s1", "teacher"),
        ("b-s1", "teacher"),
        ("committee-probabilities-a-b.1", "committee"),
    ]
