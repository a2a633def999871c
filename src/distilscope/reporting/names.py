"""What methods, importances and parts are called where people read of them."""

from __future__ import annotations

import re

METHODS = {
    "gradcam": "GradCAM",
    "saliency": "Saliency",
    "integrated-gradients": "Integrated gradients",
}
IMPORTANCES = {
    "mass_absolute": "mass of |map|",
    "mass_positive": "mass of the positive map",
    "density_absolute": "density of |map|",
    "density_positive": "density of the positive map",
    "sum_signed": "signed sum",
}


def method(name: str) -> str:
    """A method of the catalogue in words; its own name where it has none here."""
    return METHODS.get(name, name)


def importance(variant: str) -> str:
    """How a part's importance is counted."""
    return IMPORTANCES.get(variant, variant.replace("_", " "))


def ascii_only(text: str) -> str:
    """The same for a terminal: Greek letters by name, a question mark for what is left."""
    for char, word in {"ρ": "rho", "α": "alpha", "−": "-"}.items():
        text = text.replace(char, word)
    return text.encode("ascii", "replace").decode("ascii")


def of_regions(text: str) -> str:
    """A text about parts for data whose parts nobody named: they are regions."""
    return re.sub(r"\bPart(?=s?\b)", "Region", re.sub(r"\bpart(?=s?\b)", "region", text))
