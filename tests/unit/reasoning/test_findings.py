"""What is said of language models that somebody has, of ones that copy their teacher or don't."""

from __future__ import annotations

import re

from distilscope.analyses.reasoning import findings

from .made_study import MadeStudy, erring, wrong_facts
from .test_figures import tables_of


def test_a_given_copy_makes_its_teachers_wrong_choices_and_an_equal_one_does_not(tmp_path):
    """Both are right as often; one errs where the teacher does, as it does."""
    made = MadeStudy(tmp_path, ("fact", "sort", "count"), 24)
    reference = [("teacher-s0", "teacher")]
    made.add("teacher-s0", "teacher", erring(0.4, 1, wrong_facts), 0)
    for name, seed in (("copy", 1), ("equal", 2)):
        answers = erring(0.4, seed, wrong_facts)
        made.add(f"{name}-s0", "student", answers, 0, reference, source="given")
    agree, copied, *planted = findings.answer(tables_of(made))
    low, high = map(float, re.findall(r"[-\d.]+(?= \()", agree.replace("−", "-")))
    assert agree.startswith("Given students agree with the teacher's choices on ")
    assert "(equal)" in agree and "(copy)" in agree and low < high
    assert planted and all("copied: given students" in said for said in planted)
    assert re.search(r"Of its wrong choices they make \d+ % \(equal\) to 100 % \(copy\)\.", copied)
