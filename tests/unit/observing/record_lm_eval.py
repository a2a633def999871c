"""Write down what lm-eval gives a small model's texts.

`python -m tests.unit.observing.record_lm_eval` in a clone. lm-eval is no dependency of the tests:
it brings forty packages along.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import PreTrainedTokenizerFast

from distilscope.data.tasks import generating, symbols

from .language import made

TASKS = ("fact", "sort", "reverse", "largest", "bits", "count")


def main() -> None:
    """One item a task, with each of its choices."""
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
    judge = HFLM(
        pretrained=made(len(symbols.SYMBOLS)).network, tokenizer=tokenizer, device="cpu",
        batch_size=4, max_length=64,
    )  # fmt: skip
    asked = [Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(pairs)]
    said = judge.loglikelihood(asked, disable_tqdm=True)
    texts = [
        {"context": context, "continuation": continuation.strip(), "log_likelihood": found[0]}
        for (context, continuation), found in zip(pairs, said, strict=True)
    ]
    made_by = {name: version(name) for name in ("lm_eval", "transformers", "torch")}
    place = Path(__file__).with_name("lm_eval.json")
    place.write_text(json.dumps({"versions": made_by, "texts": texts}, indent=1) + "\n")


if __name__ == "__main__":
    main()
