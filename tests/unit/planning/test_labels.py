"""What conditions are called: short, and told apart within a study."""

from __future__ import annotations

from dataclasses import replace

from distilscope.planning.conditions import Condition
from distilscope.planning.labels import labels

STRONG = (("T", 4.0), ("alpha", 0.9))
TINY = Condition("student", "tiny", "trained", "kd", STRONG, ("r18",))


def called(*conditions):
    return list(labels(conditions).values())


def test_a_weight_is_in_the_label_only_where_students_have_several():
    mild = replace(TINY, parameters=(("T", 4.0), ("alpha", 0.5)))
    assert called(TINY) == ["tiny T=4"]
    assert called(mild, TINY) == ["tiny T=4 α=0.5", "tiny T=4 α=0.9"]


def test_students_of_several_teachers_are_told_apart():
    other = replace(TINY, teachers=("r34",))
    assert called(TINY, other) == ["tiny T=4 from r18", "tiny T=4 from r34"]


def test_teachers_of_one_entry_need_no_name_and_those_of_several_have_it():
    one, other = (Condition("teacher", name) for name in ("r18", "r34"))
    assert called(one) == ["Teacher"]
    assert called(one, other) == ["Teacher r18", "Teacher r34"]


def test_roles_without_a_teacher_are_said_in_words():
    control, floor = Condition("control", "tiny", objective="ce"), Condition("floor", "tiny")
    assert called(control, floor) == ["tiny, labels only", "tiny, untrained"]


def test_ways_to_combine_the_same_teachers_are_said_only_where_there_are_several():
    both = replace(TINY, teachers=("a", "b"), combine="losses")
    other = replace(both, combine="logits")
    assert called(both, TINY) == ["tiny T=4 from a + b", "tiny T=4 from r18"]
    assert called(both, other, TINY) == [
        "tiny T=4 from a + b by mean losses",
        "tiny T=4 from a + b by mean logits",
        "tiny T=4 from r18",
    ]
    committees = [
        Condition("committee", "committee", "combined", teachers=("a.1", "b.1"), combine=how)
        for how in ("logits", "probabilities")
    ]
    assert called(*committees) == [
        "Committee a.1 + b.1 by mean logits",
        "Committee a.1 + b.1 by mean probabilities",
    ]
