"""Scores of choices with the prompt passed once, beside each text alone, by a model of a folder.

    python -m benchmarks.speed.choices data/smollm2/model data/smollm2/tasks/arc-easy.test.jsonl 24

One thread; a pair of runs in turn, twice. It prints processor times, the ratio of their sums, and
the largest difference of a score.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from distilscope.data.tasks.jsonl import read_jsonl
from distilscope.models.language import LanguageModel, library
from distilscope.observing import choices

REPEATS = 2


def main(folder: Path, tasks: Path, count: int) -> None:
    """Print the table."""
    from tokenizers import Tokenizer

    torch.set_num_threads(1)
    network = library().AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model, words = (
        LanguageModel(network.eval()),
        Tokenizer.from_file(str(folder / "tokenizer.json")),
    )
    asked = [item for item in read_jsonl(tasks) if item.choices][:count]
    items = pd.DataFrame(
        {
            "index": range(len(asked)),
            "prompt": [f"Question: {item.question}\nAnswer:" for item in asked],
            "unasked": "Question: \nAnswer:",
            "choices": [item.choices for item in asked],
        }
    )
    shares, seconds, scores = choices.shares, {"shared": [], "alone": []}, {}
    for _ in range(REPEATS):
        for way, answer in (("shared", shares), ("alone", lambda _: False)):
            choices.shares = answer
            began = time.process_time()
            scores[way] = choices.score(model, words, items)
            seconds[way].append(time.process_time() - began)
    for way, own in seconds.items():
        print(f"{way}: {', '.join(f'{each:.1f}' for each in own)} s for {len(asked)} items")
    print(f"ratio {sum(seconds['alone']) / sum(seconds['shared']):.2f}")
    apart = scores["shared"]["logprob"] - scores["alone"]["logprob"]
    print(f"scores differ by {np.abs(apart).max():.1e} at most")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
