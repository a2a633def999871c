"""Why numbers are undefined: the causes in a reason, without counts, which differ by row."""

from __future__ import annotations

import re

COUNTED = re.compile(r"^\d+ undefined: ")
HOW_MANY = re.compile(r" \(\d+\)$")
NUMBERS = (
    (re.compile(r"denominator [-−]?[\d.]+ is"), "the denominator is"),
    (re.compile(r"denominator [-−]?[\d.]+ begins at [-−]?[\d.]+,"), "the denominator begins"),
    (re.compile(r"^\d+ of \d+ seeds undefined$"), "a seed is undefined"),
)


def split(reason: str) -> list[str]:
    """`3 undefined: a (2); b (1)` -> [`a`, `b`]: causes that rows with other counts share."""
    causes = [HOW_MANY.sub("", cause) for cause in COUNTED.sub("", reason).split("; ")]
    for pattern, words in NUMBERS:
        causes = [pattern.sub(words, cause) for cause in causes]
    return causes
