"""What torch says of a network, in words that tell what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from distilscope.configuration.measured import FEWEST_IN_A_GRAM as FEWEST
from distilscope.models.build import ModelError
from distilscope.words import count

IN_PLACE = (
    "write `x = x - 0.5` for `x -= 0.5`: an input or a feature that is to have a gradient must not "
    "be changed in place"
)
HINTS = {
    "view size is not compatible": "the images lie channels last in memory, and so does what "
    "convolutions make of them: write `x.flatten(1)` or `x.reshape(...)` for `x.view(...)`",
    "more than 1 value per channel": "batch normalisation needs more than one number a channel: "
    "give the recipe a larger `batch`, or the network larger images",
    "does not require grad": "the logits don't follow from the images, or the weights, by "
    "operations that have a gradient: look for `detach()`, `no_grad`, `argmax`, or "
    "`requires_grad` set to False",
    "in-place operation": IN_PLACE,
    "inplace operation": IN_PLACE,
}
"""What to do, by a part of torch's message."""


@contextlib.contextmanager
def said(what: str) -> Iterator[None]:
    """An error of torch's as one of the network's, with what to do where that is known."""
    try:
        yield
    except (ModelError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise ModelError(f"{what}: {first_line(error).rstrip('.')}{cure(error)}") from error


def cure(error: Exception) -> str:
    """What to do, as a clause; empty where that isn't known."""
    hints = [hint for part, hint in HINTS.items() if part in str(error)]
    return f"; {hints[0]}" if hints else ""


def too_few(batch: int, number: int, one: str, many: str | None = None) -> str:
    """What to say where there are fewer examples of a kind than a Gram has."""
    way = f"give {number} or less" if number >= FEWEST else f"debiased CKA needs {FEWEST} or more"
    return (
        f"`observe.gram_batch` is {batch} and there {'is' if number == 1 else 'are'} "
        f"{count(number, one, many)}: no Gram is made and no CKA measured; {way}"
    )


def first_line(error: Exception) -> str:
    """The first line of an error, or its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
