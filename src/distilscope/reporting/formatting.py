"""How numbers and words of a configuration are written where people read them."""

from __future__ import annotations

import math
import re
from typing import Any

from markupsafe import Markup, escape

from distilscope.reporting.conditions import Estimate
from distilscope.workflow.progress import duration

NOTHING = "–"


def number(value: Any, form: str = "{:.3f}") -> str:
    """A number with a true minus sign, or an en dash where there is none."""
    try:
        if not math.isfinite(value):
            return NOTHING
    except TypeError:  # None, pandas' NA
        return NOTHING
    return form.format(value).replace("-", "−")


def with_interval(found: Estimate, form: str = "{:.3f}", times: float = 1.0) -> str:
    """`0.431 [0.417, 0.445]`, or the value alone where there is no interval."""
    text = number(times * found.value, form)
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return text
    return f"{text} [{number(times * found.low, form)}, {number(times * found.high, form)}]"


def between(low: Any, high: Any) -> str:
    """`0.417 to 0.445`."""
    return f"{number(low)} to {number(high)}"


def seconds(value: float) -> str:
    """`0.4 s`, `48 s`, `12 min 05 s` or `3 h 20 min`."""
    return f"{value:.1f} s" if value < 10 else duration(value)


def short_count(count: float) -> str:
    """94762 -> 95k, 23520842 -> 23.5M; a dash where the count is unknown."""
    if not count or not math.isfinite(count):
        return "-"
    if count >= 1e6:
        return f"{count / 1e6:.1f}M"
    return f"{count / 1e3:.0f}k" if count >= 1e3 else f"{count:.0f}"


def code_set_off(value: Any) -> Any:
    """Words of a configuration stand between backticks in sentences: an element on the page."""
    if not isinstance(value, str) or isinstance(value, Markup) or "`" not in value:
        return value
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(value))))
