"""Items that people write: what stands twice, what can't be told apart, what no rule reads."""

from __future__ import annotations

import json

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from distilscope import store
from distilscope.configuration.texts import FileTexts
from distilscope.data import task_files, texts
from distilscope.data.raw import BadData
from distilscope.planning.job import Job
from tests import hub_folders


def own_items(folder, edit=None, end=None, **parts):
    """The texts of tasks of choices that a test writes, and the facts of the job; `edit` changes
    the tokenizer.
    """
    hub_folders.write_tokenizer(folder / "tokenizer")
    if edit:
        path = str(folder / "tokenizer/tokenizer.json")
        own = Tokenizer.from_file(path)
        edit(own)
        own.save(path)
    tasks = {}
    for key, items in {"a.train": range(100, 104), "a.held_out": [200], **parts}.items():
        task, part = key.replace("__", ".").split(".")
        place = folder / f"{task}.{part}.jsonl"
        if isinstance(items, int):
            tasks[task][part] = items
            continue
        if not isinstance(items, bytes):
            lines = [asks(each) if isinstance(each, int) else each for each in items]
            items = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
        place.write_bytes(items)
        tasks.setdefault(task, {"name": task})[part] = str(place)
    section = {"name": "jsonl-tasks", "tokenizer": str(folder / "tokenizer"), "end": end}
    return made_of(FileTexts(**section, tasks=[*tasks.values()]), folder / "made")


def made_of(section, folder):
    digests = {k: store.digest_file(v) for k, v in section.files.items() if k != "tokenizer"}
    settings = {**section.described, "contents": digests}
    task_files.prepare(Job("texts", "t", "0" * 12, settings, {}, folder, {"files": section.files}))
    return texts.load(folder), store.read_json(folder / "run.json")["facts"]


def asks(number, **changes):
    choices = ["two", "three"]
    return {"question": f"After {number}?", "answer": "two", "choices": choices, **changes}


def test_what_a_test_asks_is_trained_on_in_no_task_however_its_choices_stand(tmp_path):
    parts = {
        "a__train": [1, 2, asks(3, choices=["three", "two"]), asks("  4  "), 5, 6],
        "a__held_out": [1, 7],
        "a__test": [1, 3],
        "b__test": [2, asks(4, question="After   4 ?"), asks(5, choices=["two", "five"])],
    }
    made, facts = own_items(tmp_path, **parts)
    own = made.items[made.items["task"] == "a"].groupby("split")["prompt"].agg(list)
    assert [each.split()[2] for each in own["train"]] == ["5?", "6?"]
    assert [each.split()[2] for each in own["held-out"]] == ["7?"]
    assert facts["notes"] == [
        "task a: 1 held-out items are also asked in a test part and are left out of the held-out "
        "ones",
        "task a: 4 training items are also asked in a test or held-out part and are left out of "
        "the training ones",
    ]


def test_items_kept_for_held_out_are_not_trained_on_under_another_line(tmp_path):
    parts = {"a__train": [1, 2, 3, 1, 2, 3], "a__held_out": 1, "a__test": [9]}
    made, facts = own_items(tmp_path, **parts)
    own = made.items.groupby("split")["prompt"].agg(set)
    assert len(own["held-out"]) == 1 and not own["held-out"] & own["train"]
    assert "1 training items are also asked in a held-out part" in facts["notes"][0]


def test_test_items_that_ask_the_same_are_named_where_intervals_would_take_them_for_more(tmp_path):
    _, facts = own_items(tmp_path, a__test=[1, 1, 2, 1])
    assert facts["notes"] == [
        "task a: 2 of 4 test items ask what another one of them does: intervals over items take "
        "them for different ones"
    ]


def test_a_mark_of_byte_order_and_windows_line_ends_are_no_part_of_an_item(tmp_path):
    lines = "\r\n".join(json.dumps(asks(n)) for n in (1, 2)).encode()
    made, _ = own_items(tmp_path, a__test=b"\xef\xbb\xbf" + lines + b"\r\n")
    asked = made.items[made.items["split"] == "test"]
    assert asked["prompt"].tolist() == [f"Question: After {n}?\nAnswer:" for n in (1, 2)]
    assert asked["answer"].tolist() == ["two", "two"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"question": "a", "question": "b", "answer": "c"}', "the key 'question' occurs twice"),
        ('{"question": "a", "answer": NaN}', "NaN is no number of JSON"),
        ('{"question": "a \\ud800", "answer": "c"}', r"half of a character, '\\ud800'"),
    ],
)
def test_what_json_leaves_open_is_refused_with_its_line(tmp_path, line, said):
    with pytest.raises(BadData, match=rf"a.test.jsonl:1: .*{said}"):
        own_items(tmp_path, a__test=line.encode())


def lower(tokenizer):
    tokenizer.normalizer = normalizers.Lowercase()


def test_choices_that_no_model_can_tell_apart_are_refused(tmp_path):
    other = [asks(1, choices=["Two", "three", "two"])]
    made, _ = own_items(tmp_path / "told", a__test=other)
    assert len(made.classes) == 3
    with pytest.raises(BadData, match="item 0: choices 'Two' and 'two' are the same tokens"):
        own_items(tmp_path / "lowered", edit=lower, a__test=other)


def test_a_tokenizer_that_ends_every_text_is_refused_and_one_that_begins_it_is_not(tmp_path):
    def around(template):
        def edit(tokenizer):
            special = [(hub_folders.END, tokenizer.token_to_id(hub_folders.END))]
            tokenizer.post_processor = processors.TemplateProcessing(
                single=template, special_tokens=special
            )

        return edit

    made, _ = own_items(tmp_path / "before", edit=around(f"{hub_folders.END} $A"), a__test=[1])
    assert (made.split("test").tokens[:, 0] == made.end).all()
    with pytest.raises(BadData, match="its tokenizer puts a token behind every text"):
        own_items(tmp_path / "behind", edit=around(f"$A {hub_folders.END}"), a__test=[1])


def test_what_a_tokenizer_does_not_know_is_said(tmp_path):
    def of_words(tokenizer):
        words = ["<unk>", hub_folders.END, "Question", ":", "After", "?", "Answer", "two", "three"]
        vocabulary = {word: number for number, word in enumerate([*words, "1", "100", "200"])}
        tokenizer.model = models.WordLevel(vocabulary, unk_token="<unk>")
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()

    _, facts = own_items(tmp_path, edit=of_words, a__train=[100, 101], a__test=[1])
    assert facts["notes"] == [
        "1 of 4 items hold what the tokenizer does not know, which is one token '<unk>' to every "
        "model: the first is 'Question: After 101?\\nAnswer: two two three'"
    ]


def test_an_end_that_becomes_a_part_of_another_token_is_refused(tmp_path):
    made, _ = own_items(tmp_path / "apart", end="teen", a__test=[1])
    assert made.tokenizer.id_to_token(made.end) == "teen"
    with pytest.raises(BadData, match="behind its answer 'elf' the end 'teen' is a part of anot"):
        own_items(
            tmp_path / "joined", end="teen", a__test=[asks(1, choices=["elf", "a"], answer="elf")]
        )


def test_right_answers_longer_than_any_that_is_trained_are_named(tmp_path):
    long = [
        asks(1, choices=["a b c d e f", "b"], answer="B"),
        asks(2, choices=["a b c d e f", "b"], answer="A"),
    ]
    _, facts = own_items(tmp_path, a__test=long)
    assert facts["notes"] == [
        "1 test items have right answers of up to 12 tokens, and answers stop at 3, the longest of "
        "the training items: none of these can be given whole"
    ]


def test_a_wrong_choice_that_holds_the_end_is_refused_as_a_right_one_is(tmp_path):
    with pytest.raises(BadData, match=r"item 0: it holds '<\|end\|>', which ends a text"):
        own_items(tmp_path, a__test=[asks(1, choices=["two", f"{hub_folders.END} no"])])


def test_a_rule_that_reads_another_answer_out_of_what_is_taught_is_named(tmp_path):
    solved = {"question": "How many?", "rationale": "There are 3 of {answer}."}
    parts = {
        "a__test": [asks(1)],
        "sums__train": [{**solved, "answer": "1,234"}],
        "sums__test": [
            {"question": "One?", "answer": "$1,234", "rationale": "1,000 and 234"},
            {"question": "Two?", "answer": "\N{MINUS SIGN}5", "rationale": "0 less 5"},
            {"question": "Three?", "answer": "many", "rationale": "more than 2"},
        ],
    }
    made, facts = own_items(tmp_path, **parts)
    row = int((made.items["answer"] == "1,234").argmax())
    tokens = made.split("train").tokens[(made.split("train").indices == made.items["index"][row])]
    assert "There are 3 of {answer}.\nThe answer is 1,234" in made.decode(tokens[0].tolist())
    assert len(facts["notes"]) == 1
    assert facts["notes"][0].startswith(
        "task sums: of 1 of 3 test items `parse: last-number` reads another answer than the right "
        "one out of what is taught, so that it counts as wrong: of item 10000002 '2' for 'many'"
    )
