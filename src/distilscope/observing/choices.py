"""Log-likelihoods of choices: what a language model thinks of each text that could follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from distilscope.data.encoding import encode
from distilscope.observing import shared_prompts
from distilscope.observing.shared_prompts import Shared
from distilscope.training.rows import Projected, is_large, shares
from distilscope.workflow import progress

if TYPE_CHECKING:
    import pandas as pd
    from tokenizers import Tokenizer

BATCH = 256
"""Texts that go through a model together."""


@torch.no_grad()
def log_likelihoods(
    model: nn.Module, encoded: Mapping[str, np.ndarray], batch: int = BATCH
) -> np.ndarray:
    """The logarithm of the probability of each target behind its prompt, in nats.

    It is the sum over the target's tokens, as lm-eval's `loglikelihood`; the token that ends a text
    is none of them unless the target has it. The stage that is under way advances by the texts.

    Args:
        model: tokens (B, L) to logits (B, L, V), in evaluation mode.
        encoded: `tokens`, `start` and `length` as `data.encoding.encode` makes them.
        batch: texts at once, those of like length together.

    Returns:
        float64 (N,).
    """
    device = next(model.parameters()).device
    tokens, start, length = (encoded[name] for name in ("tokens", "start", "length"))
    found = np.empty(len(tokens))
    by_length = np.argsort(length, kind="stable")
    for first in range(0, len(tokens), batch):
        rows = by_length[first : first + batch]
        shown = torch.from_numpy(tokens[rows, : length[rows].max()].astype(np.int64)).to(device)
        places = np.arange(1, shown.shape[1])
        counted = (places >= start[rows, None]) & (places < length[rows, None])
        if is_large(model):
            likely = _of_some(model, shown, torch.from_numpy(counted).to(device))
        else:
            likely = of_tokens(model(shown), shown)
        found[rows] = np.where(counted, likely.cpu().double().numpy(), 0.0).sum(axis=1)
        progress.advance(len(rows))
    return found


def _of_some(model: nn.Module, tokens: Tensor, counted: Tensor) -> Tensor:
    """As `of_tokens`, of a large vocabulary: 0 but where it is `counted` (B, L - 1)."""
    states, labels = model.hidden(tokens)[:, :-1][counted], tokens[:, 1:][counted]
    likely = torch.zeros(counted.shape, device=tokens.device)
    likely[counted] = _projected(model, states, labels)
    return likely


def _projected(model: nn.Module, states: Tensor, labels: Tensor) -> Tensor:
    """Log-probabilities (P,), fp32, of tokens by the final hidden states (P, H) before them."""
    logits = Projected.of(states, model.head, model.vocabulary)
    parts = [
        logits.piece(rows).float().log_softmax(dim=1).gather(1, labels[rows, None])[:, 0]
        for rows in logits.pieces
    ]
    return torch.cat(parts)


@torch.no_grad()
def behind_prompts(
    model: nn.Module, encoded: Mapping[str, np.ndarray], item: np.ndarray, batch: int = BATCH
) -> np.ndarray:
    """As `log_likelihoods`, and the prompt that texts of an item share goes through the model once.

    That is so where the network `shares`; of generated tasks a prompt is hardly longer than its
    choices.

    Args:
        item: (N,), of each text; those of one item stand together, behind the same prompt.
    """
    start, length = encoded["start"], encoded["length"]
    firsts = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
    counts = np.diff(np.r_[firsts, len(item)])
    sizes = start[firsts] + np.add.reduceat(length - start, firsts)
    context = getattr(model, "context", None) or np.inf
    if not shares(model) or sizes.max() > context:
        return log_likelihoods(model, encoded, batch)
    device = next(model.parameters()).device
    found = np.zeros(len(item))
    for rows in shared_prompts.batches(sizes, counts, batch):
        own = [np.arange(firsts[row], firsts[row] + counts[row]) for row in rows]
        shared = Shared.of(
            [encoded["tokens"][texts[0], : start[texts[0]]] for texts in own],
            [[encoded["tokens"][t, start[t] : length[t]] for t in texts] for texts in own],
        ).to(device)
        states = model.hidden(shared.tokens, shared.position, shared.hidden_from)
        labels = shared.tokens[shared.row, shared.place]
        likely = _projected(model, states[shared.row, shared.before], labels)
        owner = np.concatenate(own)[shared.owner.cpu().numpy()]
        np.add.at(found, owner, likely.cpu().double().numpy())
        progress.advance(int(counts[rows].sum()))
    return found


def of_tokens(logits: Tensor, tokens: Tensor) -> Tensor:
    """Log-probabilities (B, L - 1), fp32, of the tokens (B, L) but the first, by the logits before
    each.
    """
    following = tokens[:, 1:, None]
    return torch.log_softmax(logits[:, :-1].float(), dim=-1).gather(2, following)[:, :, 0]


def score(
    model: nn.Module,
    tokenizer: Tokenizer,
    items: pd.DataFrame,
    batch: int = BATCH,
    end: int | None = None,
) -> pd.DataFrame:
    """What a model thinks of the choices of items, with their questions and without.

    Args:
        model: as in `log_likelihoods`.
        tokenizer: the model's.
        items: those with choices; columns `index`, `prompt`, `unasked`, `choices`.
        batch: texts at once.
        end: the token that ends a text, which a choice stands behind where its prompt is empty: as
            in lm-eval.

    Returns:
        A row a choice: `index`; `choice`, its position; `logprob`; `characters` of its text;
        `logprob_no_question`, behind the prompt that asks nothing.
    """
    import pandas as pd

    rows = [
        (row.index, row.unasked, row.prompt, place, choice)
        for row in items[["index", "unasked", "prompt", "choices"]].itertuples(
            index=False, name="Row"
        )
        for place, choice in enumerate(row.choices)
    ]
    index, blank, prompts, places, choices = zip(*rows, strict=True)
    asked, unasked = (
        behind_prompts(
            model, _begun(encode(tokenizer, before, choices), end), np.array(index), batch
        )
        for before in (prompts, blank)
    )
    return pd.DataFrame(
        {
            "index": np.array(index, np.int64),
            "choice": np.array(places, np.int64),
            "logprob": asked,
            "characters": np.array([len(choice) for choice in choices], np.int64),
            "logprob_no_question": unasked,
        }
    )


def _begun(encoded: dict[str, np.ndarray], end: int | None) -> dict[str, np.ndarray]:
    """With a token before each target that stands behind nothing, so that its first has a place.

    Raises:
        ValueError: a prompt is empty and there is no such token.
    """
    empty = encoded["start"] == 0
    if not empty.any():
        return encoded
    if end is None:
        raise ValueError("a prompt has no tokens: give `end`, the token that it begins behind")
    tokens = np.pad(encoded["tokens"], ((0, 0), (0, 1)))
    tokens[empty] = np.roll(tokens[empty], 1, axis=1)
    tokens[empty, 0] = end
    more = empty.astype(np.int32)
    return {"tokens": tokens, "start": encoded["start"] + more, "length": encoded["length"] + more}
