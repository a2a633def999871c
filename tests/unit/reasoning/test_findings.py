"""What is said of language models that somebody has, of ones that copy their teacher or don't."""

from __future__ import annotations

import re
from dataclasses import replace

from distilscope.analyses.reasoning import findings

from .made_study import MadeStudy, erring, wrong_facts
from .test_figures import tables_of


def test_a_given_copy_makes_its_teachers_wrong_choices_and_an_equal_one_does_not(tmp_path):
    """Both are right as often; one errs where the teacher does, as it does."""
    made = MadeStudy(tmp_path, ("fact", "sort", "count"), 24)
    reference = [("teacher-s0", "teacher")]
    made.add("teacher-s0", "teacher", erring(0.4, 1, wrong_facts), 0)
    made.add("copy-s0", "student", erring(0.4, 1, wrong_facts), 0, reference)
    made.add("equal-s0", "student", erring(0.4, 2, wrong_facts), 0, reference)
    made.entries[1:] = [replace(entry, source="given") for entry in made.entries[1:]]
    agree, copied = findings.answer(tables_of(made))
    low, high = map(float, re.findall(r"[-\d.]+(?= \()", agree.replace("−", "-")))
    assert agree.startswith("Given students agree with the teacher's choices on ")
    assert "(equal)" in agree and "(copy)" in agree and low < high
    assert re.search(r"Of its wrong choices they make \d+ % \(equal\) to 100 % \(copy\)\.", copied)
