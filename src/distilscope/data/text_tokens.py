"""The tokenizer of a folder that somebody has, and the token that ends its texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distilscope.data.raw import BadData

if TYPE_CHECKING:
    from tokenizers import Tokenizer


LETTER = "a"
"""A text whose tokens show what is put around it."""


@dataclass(frozen=True, eq=False)
class Words:
    """A tokenizer, and its token that ends a text.

    Attributes:
        text: of that token. end, pad: numbers of tokens; `pad` fills up and is never looked at.
    """

    tokenizer: Tokenizer
    text: str
    end: int
    pad: int

    @classmethod
    def of(cls, folder: Path, end: str | None) -> Words:
        """That of a folder of the Hugging Face hub: `tokenizer.json`, `tokenizer_config.json`.

        Args:
            end: the text of the token that ends a text; None for the folder's own.

        Raises:
            BadData: a file can't be read, there is no such token, or the tokenizer puts one behind
                every text.
        """
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # the library has no class of its own
            raise BadData(f"{folder / 'tokenizer.json'} can't be read ({error})") from None
        tokenizer.no_truncation()
        tokenizer.no_padding()
        alone = tokenizer.encode(LETTER, add_special_tokens=False).ids
        if alone and tokenizer.encode(LETTER).ids[-len(alone) :] != alone:
            raise BadData(
                f"{folder}: its tokenizer puts a token behind every text, and a prompt goes on: "
                "take the tokenizer of a causal language model, or what stands behind `$A` out of "
                "`post_processor` in tokenizer.json"
            )
        text = end or _own_end(folder)
        token = tokenizer.token_to_id(text)
        if token is None:
            raise BadData(f"{folder}: its tokenizer has no token {text!r}; give `data.end`")
        return cls(tokenizer, text, token, token)

    @property
    def unknown(self) -> int | None:
        """The token that stands for all that the tokenizer does not know; None where it has none,
        as one of bytes.
        """
        model = json.loads(self.tokenizer.to_str())["model"]
        text = model.get("unk_token")
        return model.get("unk_id") if text is None else self.tokenizer.token_to_id(text)

    def ended(self, text: str) -> str:
        """A text with its end."""
        return f"{text}{self.text}"

    def of_each(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """The tokens of each text."""
        return [tuple(each.ids) for each in self.tokenizer.encode_batch(list(texts))]


def _own_end(folder: Path) -> str:
    path = folder / "tokenizer_config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("eos_token")
    except (OSError, ValueError) as error:
        raise BadData(
            f"{path} can't be read ({error}); give `data.end`, the token that ends a text"
        ) from None
    text = found.get("content") if isinstance(found, Mapping) else found
    if not isinstance(text, str):
        raise BadData(f"{path} has no `eos_token`; give `data.end`, the token that ends a text")
    return text
