"""What a language model answers when it always takes the likeliest token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from distilscope.data.tasks import parsing
from distilscope.data.tasks.declared import TASKS
from distilscope.models.language import LanguageModel

if TYPE_CHECKING:
    import pandas as pd

    from distilscope.data.texts import Texts

BATCH = 512
"""Prompts that are continued together."""


def continuations(
    model: LanguageModel, texts: Texts, prompts: Sequence[str], most: int, batch: int = BATCH
) -> list[str]:
    """The greedy continuation of each prompt, up to its end sign, which belongs to it.

    Prompts of one length go together, so that none is filled up and an answer doesn't depend on
    those beside it.

    Args:
        model: in evaluation mode.
        texts: whose tokenizer and end sign are the model's.
        prompts: texts. most: tokens of a continuation at most.
        batch: prompts at once.

    Returns:
        a text for each prompt, without an end sign where `most` tokens had none.
    """
    device = next(model.parameters()).device
    encoded = [each.ids for each in texts.tokenizer.encode_batch(list(prompts))]
    lengths = np.array([len(ids) for ids in encoded])
    found = [""] * len(prompts)
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        for first in range(0, len(rows), batch):
            some = rows[first : first + batch]
            shown = torch.tensor([encoded[row] for row in some], device=device)
            made = model.continued(shown, most, texts.end, texts.pad).cpu().tolist()
            for row, tokens in zip(some, made, strict=True):
                ended = tokens.index(texts.end) + 1 if texts.end in tokens else len(tokens)
                found[row] = texts.decode(tokens[:ended])
    return found


def answer(
    model: LanguageModel, texts: Texts, items: pd.DataFrame, batch: int = BATCH
) -> pd.DataFrame:
    """The greedy answers to generated items.

    A continuation may be as long as the longest target of the texts: what is longer is no answer.

    Args:
        model, texts, batch: as in `continuations`.
        items: columns `index`, `task`, `prompt`, `answer`.

    Returns:
        A row an item: `index`, `task`; `text`, with its end sign; `trace`; `answer`, None where
        none could be read; `right`.
    """
    import pandas as pd

    split = texts.split("train")
    most = int((split.length - split.start).max())
    said = continuations(model, texts, items["prompt"].tolist(), most, batch)
    parsed = [
        parsing.symbols(text, TASKS[task].traced)
        for text, task in zip(said, items["task"], strict=True)
    ]
    return pd.DataFrame(
        {
            "index": items["index"].to_numpy(),
            "task": items["task"].to_numpy(),
            "text": said,
            "trace": [each.trace for each in parsed],
            "answer": pd.Series([each.answer for each in parsed], dtype=object),
            "right": [
                parsing.same(each.answer, gold)
                for each, gold in zip(parsed, items["answer"], strict=True)
            ],
        }
    )
