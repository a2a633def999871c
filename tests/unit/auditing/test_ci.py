"""The example for continuous integration is a command that this version understands."""

import shlex
from pathlib import Path

import yaml

from distilscope import registry
from distilscope.__main__ import _parser
from distilscope.analyses.gate import requirements
from distilscope.auditing import asking, request

EXAMPLE = Path(__file__).resolve().parents[3] / "docs/ci/distilscope.yml"


def test_the_example_asks_for_an_audit_with_bounds_that_can_be_read():
    steps = yaml.safe_load(EXAMPLE.read_text())["jobs"]["audit"]["steps"]
    (command,) = (step["run"] for step in steps if step.get("name") == "Audit")
    program, *typed = shlex.split(command.replace("\\\n", " "))
    assert program == "distilscope"
    given = _parser().parse_args(typed)
    asking.check(given)
    teacher, students = request.models(given.teacher, given.student)
    names = [model.name for model in (teacher, *students)]
    assert [request.compression(text, names, names[0])["of"] for text in given.compress] == [
        students[0].name
    ]
    required = [requirements.parse(text) for text in given.require]
    assert {each.measure for each in required} <= set(registry.measures())
    assert given.fail_on_fall and given.earlier
