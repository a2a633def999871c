"""Whether a model of a folder means by its tokens what the study's texts mean by theirs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilscope.data.texts import Texts
from distilscope.models.build import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CONFIGURED = "tokenizer_config.json"
AT_ONCE = 4096
"""Texts that are split into tokens together."""
FOLDERS = ("weights_file", "init_file")
"""Of a job's information: where weights come from."""


def check(information: Mapping[str, Any], texts: Texts) -> list[str]:
    """Refuse a model whose tokens are others than those of the texts.

    Tokens of the model alone, behind the last one of the texts, are cut with their rows: nothing
    of the study is lost by that. All else would be: one token that means another text, or one text
    that has other tokens.

    Returns:
        what was found, in words; nothing where weights come from no folder with a tokenizer.

    Raises:
        ModelError: naming the first token or text that differs.
    """
    folder = next((_folder(information[key]) for key in FOLDERS if key in information), None)
    if folder is None:
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
    strange = _split_otherwise(texts, own)
    if strange is not None:
        raise ModelError(
            f"{path} makes other tokens than the texts' tokenizer of {strange!r:.60}: they share a "
            "vocabulary and not how text is split, or what is put before and behind it"
        )
    cut = own.get_vocab_size() - texts.vocabulary
    return [f"the same tokens{f', {cut} more of its own are cut' if cut > 0 else ''}"]


def _folder(place: str) -> Path | None:
    """The folder of a model; of a file of weights that in which it lies beside a tokenizer."""
    path = Path(place)
    if path.is_dir():
        return path
    return path.parent if (path.parent / "tokenizer.json").is_file() else None


def _split_otherwise(texts: Texts, own: Tokenizer) -> str | None:
    """The first text that a model is asked of, or learns, of which this tokenizer makes other
    tokens: prompts with the right answer, with a worked solution and with each choice, the same
    choices behind the prompt that asks nothing, and all that is taught, with its end.
    """
    items = texts.items
    rows = items[["prompt", "unasked", "trace", "answer", "choices"]].itertuples(index=False)
    asked = (
        f"{prompt} {text}" if prompt else text
        for question, unasked, trace, answer, choices in rows
        for prompt, text in (
            (question, answer),
            *([(question, trace)] if trace else []),
            *((prompt, choice) for prompt in (question, unasked) for choice in choices),
        )
    )
    taught = (
        texts.tokenizer.decode(tokens[:length].tolist(), skip_special_tokens=False)
        for version in texts.versions.values()
        for split in version.values()
        for tokens, length in zip(split.tokens.cpu(), split.length.tolist(), strict=True)
    )
    written = itertools.chain(asked, taught)
    while some := list(itertools.islice(written, AT_ONCE)):
        pairs = zip(some, texts.tokenizer.encode_batch(some), own.encode_batch(some), strict=True)
        for text, theirs, here in pairs:
            if theirs.ids != here.ids:
                return text
    return None


def ends_otherwise(information: Mapping[str, Any], texts: Texts) -> str | None:
    """A sentence where a model that is compared as it is ends its texts with another token than
    the study: it may write on behind its answers. One that is trained here learns the study's.
    """
    folder = _folder(information["weights_file"]) if "weights_file" in information else None
    if folder is None:
        return None
    try:
        found = json.loads((folder / CONFIGURED).read_text(encoding="utf-8"))["eos_token"]
    except (KeyError, OSError, TypeError, ValueError):
        return None  # nothing is known of its end
    own = found.get("content") if isinstance(found, Mapping) else found
    end = texts.tokenizer.id_to_token(texts.end)
    if own in (None, end):
        return None
    return (
        f"its texts end with {own!r} ({folder / CONFIGURED}) and those of the study with {end!r}: "
        f"as it is not trained here, it may write on behind its answers; `data.end: {own!r}` lets "
        "all models end as it does"
    )
