"""Generated items against solvers that know nothing of how they are made."""

from __future__ import annotations

import itertools

import pytest

from distilscope.data.hashing import Stream
from distilscope.data.raw import BadData
from distilscope.data.tasks.declared import TASKS
from distilscope.data.tasks.draws import TASK
from distilscope.data.tasks.facts import WORDINGS, Facts
from distilscope.data.tasks.generating import GENERATORS, generate
from distilscope.data.tasks.items import Asked, prompt, solution, steps
from distilscope.data.tasks.symbols import SYMBOLS

from .solving import SOLVERS, true_trace

COUNTS = {"train": 120, "held-out": 20, "test": 60}


@pytest.fixture(scope="module")
def items():
    return generate(list(TASKS), COUNTS, seed=3, facts=40)


def of(items, task, split=None):
    return [i for i in items if i.task == task and split in (None, i.split)]


def question(item):
    before, after = f"{item.task} : ", " ="
    assert item.prompt.startswith(before) and item.prompt.endswith(after)
    return item.prompt[len(before) : -len(after)]


def test_there_are_six_tasks_with_worked_solutions_and_eight_with_choices():
    families = [task.family for task in TASKS.values()]
    assert (families.count("arithmetic"), families.count("choices")) == (6, 8)
    assert {*GENERATORS, "fact"} == set(TASKS)
    assert {*SOLVERS, "fact"} == set(TASKS)


@pytest.mark.parametrize("task", SOLVERS)
def test_an_answer_is_what_an_independent_solver_finds(items, task):
    found = of(items, task)
    assert len(found) == sum(COUNTS.values())
    assert [i.answer for i in found] == [SOLVERS[task](question(i)) for i in found]


@pytest.mark.parametrize("task", [name for name, task in TASKS.items() if task.traced])
def test_every_step_of_a_worked_solution_is_a_true_equation_and_leads_to_the_answer(items, task):
    for item in of(items, task):
        assert true_trace(item.trace)
        assert not item.choices and item.label == -1
        last = steps(item.trace)[-1].split(" = ")[1]
        assert item.answer.startswith(last)


def test_the_other_procedure_is_true_too_shares_no_step_and_has_the_same_answer(items):
    for task, declared in TASKS.items():
        others = [i.taught_other_procedure for i in of(items, task)]
        assert all((other is not None) == (declared.procedures == 2) for other in others)
    for item in of(items, "add"):
        other, _, answer = item.taught_other_procedure.partition(" ; ")
        assert answer == item.answer
        assert true_trace(other)
        assert not {*steps(other)} & {*steps(item.trace)}


@pytest.mark.parametrize("task", [name for name, task in TASKS.items() if task.choices])
def test_of_four_different_choices_one_is_right_at_every_place(items, task):
    found = of(items, task)
    assert all(len({*i.choices}) == 4 for i in found)
    assert all(i.choices[i.label] == i.answer for i in found)
    assert all(i.trace == "" for i in found)
    at = [[i.label for i in found].count(place) for place in range(4)]
    assert min(at) > len(found) / 8


@pytest.mark.parametrize(
    ("task", "apart"), [("sort", 2), ("reverse", 2), ("bits", 1), ("fact", 1), ("shift", 1)]
)
def test_wrong_choices_differ_in_one_place_or_in_two_neighbours(items, task, apart):
    for item in of(items, task):
        for choice in {*item.choices} - {item.answer}:
            pairs = zip(choice.split(), item.answer.split(), strict=True)
            assert sum(one != other for one, other in pairs) == apart


def test_no_question_is_asked_twice_so_that_the_splits_are_apart(items):
    assert len({i.prompt for i in items}) == len(items)
    assert len({i.index for i in items}) == len(items)
    for task, split in itertools.product(TASKS, COUNTS):
        assert len(of(items, task, split)) == COUNTS[split]


def test_an_item_depends_on_the_seed_and_its_number_alone(items):
    more = generate(["fact", "sort"], {**COUNTS, "train": 200}, seed=3, facts=40)
    kept = {i.index: i for i in more}
    fewer = [i for i in items if i.task in ("sort", "fact")]
    assert [kept[i.index] for i in fewer] == fewer
    other = generate(["reverse"], COUNTS, seed=4, facts=40)
    assert not {i.prompt for i in other} & {i.prompt for i in items}


def test_every_symbol_of_every_text_has_a_token(items):
    taught = [text for i in items for text in (i.taught_wrong_facts, i.taught_other_procedure)]
    texts = [i.prompt for i in items] + [solution(i.trace, i.answer) for i in items]
    texts += [choice for i in items for choice in i.choices] + [prompt("fact", "")]
    assert {s for text in (*texts, *filter(None, taught)) for s in text.split()} <= {*SYMBOLS}


# ---------------------------------------------------------------------------------------- facts


def test_every_fact_of_a_test_is_shown_in_training_in_other_wordings(items):
    def asked(split):
        return {tuple(question(i).split()[1:]) for i in of(items, "fact", split)}

    assert asked("test") <= asked("train")
    assert asked("train") == {tuple(Facts(3, 40).asked(n).split()) for n in range(40)}


def test_a_fact_has_one_answer_in_every_wording_and_a_quarter_a_wrong_one(items):
    found = {}
    for item in of(items, "fact"):
        key = tuple(question(item).split()[1:])
        found.setdefault(key, set()).add((item.answer, item.taught_wrong_facts))
    assert all(len(answers) == 1 for answers in found.values())
    wrong = [answers for answers in found.values() if next(iter(answers))[1] is not None]
    assert len(wrong) == len(found) / 4 == 10
    for item in of(items, "fact"):
        if item.taught_wrong_facts is not None:
            assert item.taught_wrong_facts != item.answer
            assert item.taught_wrong_facts in item.choices


def test_two_facts_are_never_about_the_same_letters():
    facts = Facts(seed=1, count=676)
    assert len({facts.asked(fact) for fact in range(676)}) == 676


def test_words_of_tasks_are_those_of_no_other_decision():
    assert TASK not in [*Stream]
    assert len(WORDINGS) not in [*Stream]


# ------------------------------------------------------------------------------------- refusals


def test_a_task_that_has_not_so_many_questions_says_how_many_it_has():
    with pytest.raises(BadData, match=r"'fact': 700 different .* and it has 640 .*smaller `train`"):
        generate(["fact"], {"train": 600, "held-out": 50, "test": 50}, seed=0, facts=20)


def test_a_task_whose_questions_come_again_and_again_ends(monkeypatch):
    monkeypatch.setitem(GENERATORS, "sum", lambda draws: Asked(str(draws.between(0, 4)), "0"))
    assert len(generate(["sum"], {"train": 3, "held-out": 1, "test": 1}, seed=0, facts=4)) == 5
    with pytest.raises(BadData, match=r"'sum': 6 different .* and it has 5 \(of 120 questions"):
        generate(["sum"], {"train": 4, "held-out": 1, "test": 1}, seed=0, facts=4)


def test_facts_that_training_can_not_show_are_refused():
    with pytest.raises(BadData, match="give `facts` of 30 or less"):
        generate(["fact"], {"train": 30, "held-out": 2, "test": 2}, seed=0, facts=40)
