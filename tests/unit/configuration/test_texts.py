"""What a study of texts accepts, and what of one kind of examples is refused with the other."""

import copy
from pathlib import Path

import pytest
import yaml

from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse
from distilscope.configuration.texts import FileTexts

TESTS = Path(__file__).parents[2]
TEXTS = yaml.safe_load((TESTS / "end_to_end/reasoning.yaml").read_text())
IMAGES = yaml.safe_load((TESTS / "end_to_end/tiny.yaml").read_text())


def changed(raw, **changes):
    """A configuration with `a__b=value` set at a.b."""
    made = copy.deepcopy(raw)
    for place, value in changes.items():
        *way, last = place.split("__")
        target = made
        for step in way:
            target = target[step]
        target[last] = value
    return made


def test_tasks_are_those_that_there_are_in_their_own_order():
    data = parse(changed(TEXTS, data__tasks=["sort", "fact", "add"])).data
    assert data.chosen == ["add", "fact", "sort"]
    assert len(parse(changed(TEXTS, data__tasks="all")).data.chosen) == 14


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data__tasks": ["add", "srot"]}, "did you mean 'sort'"),
        ({"data__tasks": []}, "the list is empty"),
        ({"data__tasks": ["sort", "sort"]}, "'sort' occurs twice"),
        ({"data__tasks": ["add", "sum"]}, "none with choices.*fact, sort"),
        ({"data__facts": 65}, "`facts` is 65 and there are 64 items"),
        ({"data__image_size": 32}, "unknown key 'image_size'"),
        ({"recipes__student__views": {"policy": "none"}}, "`views` is for images.*`taught`"),
        ({"recipes__student__taught": "wrong"}, "'wrong' is none of"),
        ({"students__small__override": {"views": {"pad": 2}}}, "override of small: `views`"),
        ({"students__small__architecture": "resnet18", "students__small__settings": {}}, "images"),
        ({"students__small__settings": {"tied": 1}}, "expected true or false"),
        ({"students__small__settings": {"mlp": 0}}, "expected a number above 0"),
        ({"analyses": {"alignment": {}}}, "analyses.alignment is for images.*outputs"),
        ({"compress": [{"of": "expert", "prune": 0.3}]}, "`compress` is for images"),
    ],
)  # fmt: skip
def test_what_a_study_of_texts_has_no_use_for_is_refused(changes, said):
    with pytest.raises(ConfigurationError, match=f"(?s){said}"):
        parse(changed(TEXTS, **changes))


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"columns": {"question": "{q}", "answer": "a"}}, "data.tasks.0.repository: this key is"),
        ({"repository": "a/b", "columns": {"answer": "a"}}, "data.tasks.0.columns.question: this"),
        ({"tset": "a.jsonl"}, "data.tasks.0: unknown key 'tset'; did you mean 'test'"),
    ],
)
def test_a_fault_of_a_task_of_the_hub_or_beside_it_is_told_with_its_place(task, said):
    own = {"name": "x", "test": "test", **task}
    data = {"name": "hub-tasks", "tokenizer": "models/x", "tasks": [own]}
    with pytest.raises(ConfigurationError, match=said):
        parse(changed(TEXTS, data=data))


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"train": "a.jsonl"}, "data.tasks: no task has `held_out`, items that .* or the number"),
        ({"held_out": "b.jsonl"}, "data.tasks: no task has `train`"),
    ],
)
def test_tasks_without_a_part_that_every_study_needs_are_refused_by_the_plan(task, said):
    data = {"name": "jsonl-tasks", "tokenizer": "x", "tasks": [{"name": "x", "test": "c", **task}]}
    with pytest.raises(ConfigurationError, match=said):
        parse(changed(TEXTS, data=data))
    given = {"architecture": "transformers", "settings": {"folder": "m"}, "weights": "m"}
    only = {"teachers": {"large": given}, "students": {"small": given}, "analyses": {"outputs": {}}}
    own = {**data, "tasks": [{"name": "x", "test": "c"}]}
    assert not parse({"study": "x", "title": "x", "data": own, **only}).trains
    whole = [{**data["tasks"][0], "train": "a.jsonl", "held_out": 10}]
    assert FileTexts(**{**data, "tasks": whole}).chosen == ["x"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recipes__student__taught": "wrong-facts"}, "`taught` is for texts.*`views`"),
        ({"recipes__student__positions": "all"}, "`positions` is for texts"),
        ({"students__tiny__architecture": "qwen2", "students__tiny__settings": {}}, "takes texts"),
        ({"grid": [{"objective": "seq-kd", "students": ["tiny"]}]}, "what a teacher writes"),
    ],
)
def test_what_is_for_texts_is_refused_of_images(changes, said):
    with pytest.raises(ConfigurationError, match=f"(?s){said}"):
        parse(changed(IMAGES, **changes))


@pytest.mark.parametrize(
    ("name", "said"), [([], r"data.name: expected text, got \[\]"), ("texts", "unknown dataset")]
)
def test_a_name_that_is_of_no_data_set_chooses_no_section(name, said):
    with pytest.raises(ConfigurationError, match=said):
        parse(changed(IMAGES, data__name=name))


def test_what_a_study_records_of_itself_is_read_again():
    for raw in (TEXTS, IMAGES):
        made = parse(raw)
        assert parse(made.model_dump(exclude_none=True), recorded=True) == made
