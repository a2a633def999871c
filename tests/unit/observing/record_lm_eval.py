"""Write down what lm-eval gives a small model's texts, and what it makes of tasks with choices.

`python -m tests.unit.observing.record_lm_eval` in a clone. lm-eval is no dependency of the tests:
it brings forty packages along, of which this needs one (`datasets`).
"""

from __future__ import annotations

import json
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import PreTrainedTokenizerFast

from distilscope.data.tasks import generating, symbols
from tests import hub_folders

from .language import made

TASKS = ("fact", "sort", "reverse", "largest", "bits", "count")
QUESTIONS = hub_folders.QUESTIONS["facts"]


def prompt_of(question: str) -> str:
    """A prompt of a task from a file, as a study has it without `prompt`."""
    return f"Question: {question}\nAnswer:"


def main() -> None:
    """One generated item a task with each of its choices, and a task from a file, whole."""
    made_by = {name: version(name) for name in ("lm_eval", "transformers", "torch")}
    found = {"versions": made_by, "texts": of_symbols(), "questions": of_bytes()}
    place = Path(__file__).with_name("lm_eval.json")
    place.write_text(json.dumps(found, indent=1) + "\n")


def of_symbols() -> list[dict[str, Any]]:
    """Generated items, a symbol a token."""
    counts = {"train": 8, "held-out": 0, "test": 1}
    items = generating.generate(TASKS, counts, seed=9, facts=8)
    pairs = [
        (item.prompt, f" {choice}")
        for item in items
        if item.split == "test"
        for choice in item.choices
    ]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=symbols.tokenizer(),
        pad_token=symbols.PAD,
        unk_token=symbols.UNKNOWN,
        eos_token=".",
    )
    judge = judge_of(made(len(symbols.SYMBOLS)), tokenizer, 64)
    asked = [Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(pairs)]
    said = judge.loglikelihood(asked, disable_tqdm=True)
    return [
        {"context": context, "continuation": continuation.strip(), "log_likelihood": found[0]}
        for (context, continuation), found in zip(pairs, said, strict=True)
    ]


def of_bytes() -> list[dict[str, Any]]:
    """Items of a file by a tokenizer whose tokens are bytes and merges of them: by a task of
    lm-eval's own, with its accuracies.
    """
    from lm_eval import simple_evaluate
    from lm_eval.api.task import ConfigurableTask

    with tempfile.TemporaryDirectory() as folder:
        vocabulary = hub_folders.write_tokenizer(Path(folder))
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=f"{folder}/tokenizer.json", eos_token=hub_folders.END
        )
        lines = Path(folder, "test.jsonl")
        rows = [{**row, "gold": row["choices"].index(row["answer"])} for row in QUESTIONS]
        lines.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        task = ConfigurableTask(
            config={
                "task": "facts",
                "dataset_path": "json",
                "dataset_kwargs": {"data_files": {"test": str(lines)}, "cache_dir": folder},
                "test_split": "test",
                "output_type": "multiple_choice",
                "doc_to_text": prompt_of("{{question}}"),
                "doc_to_choice": "{{choices}}",
                "doc_to_target": "{{gold}}",
                "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
            }
        )
        judge = judge_of(made(vocabulary), tokenizer, 96)
        said = simple_evaluate(judge, tasks=[task], log_samples=True, bootstrap_iters=0)
    return [
        {
            "question": one["doc"]["question"],
            "choices": one["doc"]["choices"],
            "log_likelihoods": [float(each[0]) for each in one["filtered_resps"]],
            "right": one["acc"],
            "right_by_length": one["acc_norm"],
        }
        for one in sorted(said["samples"]["facts"], key=lambda each: each["doc_id"])
    ]


def judge_of(model: Any, tokenizer: PreTrainedTokenizerFast, longest: int) -> HFLM:
    """lm-eval's view of a model."""
    return HFLM(
        pretrained=model.network,
        tokenizer=tokenizer,
        device="cpu",
        batch_size=4,
        max_length=longest,
    )


if __name__ == "__main__":
    main()
