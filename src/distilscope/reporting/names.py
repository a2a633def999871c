"""What methods and measures are called where people read of them."""

from __future__ import annotations

import unicodedata
from html.entities import codepoint2name

from distilscope import catalog, registry

OTHERS = {"−": "-", "–": "-", "×": "x", "≥": ">=", "≤": "<="}


def method(name: str) -> str:
    """A method of the catalogue in words; its own name where it has none here."""
    found = catalog.METHODS.get(name)
    return found.title if found and found.title else name


def measure(name: str) -> str:
    """A measure in the words of its analysis; its own name where it has none."""
    found = registry.measure(name)
    return found.words if found and found.words else name


def ascii_only(text: str) -> str:
    """The same for a terminal: Greek letters by name, a question mark for what is left."""
    text = unicodedata.normalize("NFKC", text)  # subscripts are digits
    for char in {char for char in text if not char.isascii()}:
        greek = codepoint2name.get(ord(char)) if "α" <= char <= "ω" else None
        text = text.replace(char, greek or OTHERS.get(char, "?"))
    return text
