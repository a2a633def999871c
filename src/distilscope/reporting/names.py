"""What methods and measures are called where people read of them."""

from __future__ import annotations

from distilscope import catalog, registry


def method(name: str) -> str:
    """A method of the catalogue in words; its own name where it has none here."""
    found = catalog.METHODS.get(name)
    return found.title if found and found.title else name


def measure(name: str) -> str:
    """A measure in the words of its analysis; its own name where it has none."""
    found = registry.measures().get(name)
    return found.words if found and found.words else name


def ascii_only(text: str) -> str:
    """The same for a terminal: Greek letters by name, a question mark for what is left."""
    for char, word in {"ρ": "rho", "α": "alpha", "−": "-", "–": "-"}.items():
        text = text.replace(char, word)
    return text.encode("ascii", "replace").decode("ascii")
