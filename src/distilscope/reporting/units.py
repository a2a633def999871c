"""What a study's examples are called in its report, which is written of images."""

from __future__ import annotations

import re

_KEPT = re.compile(r"(<script\b.*?</script>|<style\b.*?</style>|<[^>]*>)", re.DOTALL)
_IMAGES = re.compile(r"\b([Ii])mage(s?)\b")


def in_units(text: str, unit: str) -> str:
    """The text with its images called by another name; tags, scripts and styles stay as they are.

    Args:
        text: plain, or a page of HTML.
        unit: what examples are called, in the plural: `images` changes nothing.
    """
    if unit == "images":
        return text
    parts = _KEPT.split(text)
    return "".join(part if _KEPT.fullmatch(part) else _renamed(part, unit) for part in parts)


def _renamed(text: str, unit: str) -> str:
    def name(found: re.Match[str]) -> str:
        word = unit if found[2] else unit.removesuffix("s")
        return word.capitalize() if found[1] == "I" else word

    return _IMAGES.sub(name, text)
