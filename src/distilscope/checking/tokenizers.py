"""Whether a model of a folder means by its tokens what the study's texts mean by theirs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distilscope.data.texts import Texts
from distilscope.models.build import ModelError

FOLDERS = ("weights_file", "init_file")
"""Of a job's information: where weights come from."""


def check(information: Mapping[str, Any], texts: Texts) -> list[str]:
    """Refuse a model whose tokens are others than those of the texts.

    Tokens of the model alone, behind the last one of the texts, are cut with their rows: nothing
    of the study is lost by that. All else would be: one token that means another text, or one text
    that has other tokens.

    Returns:
        what was found, in words; nothing where no folder of a model is read.

    Raises:
        ModelError: naming the first token or text that differs.
    """
    folder = next((Path(information[key]) for key in FOLDERS if key in information), None)
    if folder is None or not folder.is_dir():
        return []
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(
            f"there is no {path}: without it nobody knows whether its tokens are those of the texts"
        )
    own = Tokenizer.from_file(str(path))
    own.no_truncation()
    own.no_padding()
    other = next(
        (
            token
            for token in range(texts.vocabulary)
            if own.id_to_token(token) != texts.tokenizer.id_to_token(token)
        ),
        None,
    )
    if other is not None:
        raise ModelError(
            f"token {other} is {own.id_to_token(other)!r} in {path} and "
            f"{texts.tokenizer.id_to_token(other)!r} in the texts' tokenizer: logits of one can't "
            "be learnt by the other; take models of one tokenizer, and its folder as "
            "`data.tokenizer`"
        )
    items = texts.items
    written = [*items["prompt"] + " " + items["answer"], *items["trace"][items["trace"] != ""]]
    pairs = zip(
        written, texts.tokenizer.encode_batch(written), own.encode_batch(written), strict=True
    )
    strange = next((text for text, one, two in pairs if one.ids != two.ids), None)
    if strange is not None:
        raise ModelError(
            f"{path} makes other tokens than the texts' tokenizer of {strange!r:.60}: they share a "
            "vocabulary and not how text is split"
        )
    cut = own.get_vocab_size() - texts.vocabulary
    return [f"the same tokens{f', {cut} more of its own are cut' if cut > 0 else ''}"]
