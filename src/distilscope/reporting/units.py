"""What a study's examples are called in its report, which is written of images."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from markupsafe import escape

from distilscope.reporting.tables import Tables

_KEPT = re.compile(r"(<script\b.*?</script>|<style\b.*?</style>|<[^>]*>)", re.DOTALL)
_IMAGES = r"(?<!\w)([Ii])mage(s?)(?!\w)"
NAMED = ("teachers", "students", "recipes")
"""Sections of a configuration whose keys are names of the user's."""
OF_CLAIMS = ("sentence", "source", "scope", "note")


def in_units(text: str, unit: str, own: Collection[str] = ()) -> str:
    """The text with its images called by another name; tags, scripts and styles stay as they are.

    Args:
        text: plain, or a page of HTML.
        unit: what examples are called, in the plural: `images` changes nothing.
        own: names and sentences of the user's, which stand as they are wherever they occur.
    """
    if unit == "images":
        return text
    found = _pattern(own)
    parts = _KEPT.split(text)
    return "".join(part if _KEPT.fullmatch(part) else _renamed(part, unit, found) for part in parts)


def _pattern(own: Collection[str]) -> re.Pattern[str]:
    """The user's words, the longest first, as plain text and as HTML has them; else the word."""
    about = {text.strip() for text in own if re.search(_IMAGES, text)}
    both = about | {str(escape(text)) for text in about}
    kept = [r"\s+".join(map(re.escape, text.split())) for text in sorted(both, key=len)[::-1]]
    words = rf"(?<!\w)(?:{'|'.join(kept)})(?!\w)|" if kept else ""
    return re.compile(words + _IMAGES)


def _renamed(text: str, unit: str, words: re.Pattern[str]) -> str:
    def name(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        word = unit if found[2] else unit.removesuffix("s")
        return word.capitalize() if found[1] == "I" else word

    return words.sub(name, text)


def own_words(tables: Tables, recorded: Collection[Mapping[str, Any]], title: str) -> set[str]:
    """What of a report the user wrote, or is said of the user's texts where they are prepared."""
    configured = tables.settings.get("configuration", {})
    sections = (configured.get(name) for name in NAMED)
    names = {key for section in sections if isinstance(section, Mapping) for key in section}
    claims = tables.claims[[each for each in OF_CLAIMS if each in tables.claims]]
    told = {text for text in claims.to_numpy().ravel() if isinstance(text, str)}
    notes = {str(n) for run in recorded if run["kind"] == "texts" for n in run.get("notes", [])}
    return {title, *names, *_texts(configured), *told, *notes}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)
