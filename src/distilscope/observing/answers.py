"""What a language model answers when it always takes the likeliest token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distilscope.data.tasks import parsing
from distilscope.models.continuing import BATCH, continuations
from distilscope.models.language import LanguageModel
from distilscope.training.rows import shares

if TYPE_CHECKING:
    import pandas as pd

    from distilscope.data.texts import Texts


def answer(
    model: LanguageModel, texts: Texts, items: pd.DataFrame, batch: int = BATCH
) -> pd.DataFrame:
    """The greedy answers to items, read by the rule of each task.

    A continuation may be as long as the longest target of the texts, whatever is taught: what is
    longer is no answer.

    Args:
        model, texts, batch: as in `continuations`.
        items: columns `index`, `task`, `prompt`, `answer`, `choices`.

    Returns:
        A row an item: `index`, `task`; `text`, with its end sign; `trace`; `answer`, None where
        none could be read; `right`.
    """
    import pandas as pd

    encoded = [each.ids for each in texts.tokenizer.encode_batch(items["prompt"].tolist())]
    most = texts.longest_target
    told = continuations(model, texts, encoded, most, batch, filled=shares(model))
    said = [texts.decode(tokens) for tokens in told]
    parsed = [
        parsing.read(text, texts.tasks[task]["rule"], texts.tasks[task]["traced"], list(choices))
        for text, task, choices in zip(said, items["task"], items["choices"], strict=True)
    ]
    return pd.DataFrame(
        {
            "index": items["index"].to_numpy(),
            "task": items["task"].to_numpy(),
            "text": said,
            "trace": [each.trace for each in parsed],
            "answer": pd.Series([each.answer for each in parsed], dtype=object),
            "right": [
                parsing.right(each.answer, gold, texts.tasks[task]["rule"])
                for each, gold, task in zip(parsed, items["answer"], items["task"], strict=True)
            ],
        }
    )
