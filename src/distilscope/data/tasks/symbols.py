"""The symbols of the generated tasks and their tokenizer: one token a symbol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distilscope.data.tasks.choosing import LETTERS, OPERATIONS
from distilscope.data.tasks.declared import TASKS
from distilscope.data.tasks.facts import WORDINGS
from distilscope.data.tasks.items import BEFORE_ANSWER, END, STEP

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, UNKNOWN = "<pad>", "<unknown>"
SYMBOLS = tuple(
    dict.fromkeys(
        (
            *(PAD, UNKNOWN, END, STEP, BEFORE_ANSWER),
            *(":", "=", "+", "-", "*", "/", *OPERATIONS),
            *(*map(str, range(10)), *LETTERS, *WORDINGS, *TASKS),
        )
    )
)
"""The vocabulary, by token: the same whichever tasks a study has."""


def tokenizer() -> Tokenizer:
    """A tokenizer of these symbols, which splits at white space."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(
        models.WordLevel({symbol: token for token, symbol in enumerate(SYMBOLS)}, unk_token=UNKNOWN)
    )
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made
