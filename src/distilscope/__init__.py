"""distilscope: does a compressed model get the right answer for the right reasons?

The Python face: `compare` puts two models beside each other, `measures` are the measures as
functions on arrays. Each is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distilscope import measures
    from distilscope.face.compare import compare
    from distilscope.face.result import Comparison

__version__ = "0.1.0"
__all__ = ["Comparison", "__version__", "compare", "measures"]

_PLACES = {
    "Comparison": "distilscope.face.result:Comparison",
    "compare": "distilscope.face.compare:compare",
    "measures": "distilscope.measures",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(":")
    found = importlib.import_module(module)
    return getattr(found, attribute) if attribute else found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
