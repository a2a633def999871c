"""What an explanation method declares of itself: read while the plan is made, without torch.

A method is a file here, or a module of the user's: a declaration and the functions of its module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PLACES = ("layers", "input")
EVIDENCE = ("positive", "absolute")


@dataclass(frozen=True)
class Method:
    """An explanation method.

    Attributes:
        module: of its code. At layers: `from_gradient(activations, gradients)`, both (M, C, h, w),
            gives maps (M, h, w); and `closed_form(activations, weights)`, where there is one, the
            same behind average pooling and a linear head with the rows (M, C). At the input:
            `attribute(model, inputs, classes, baseline, **settings)` with (M, C, H, W), (M,) and
            (1, C, H, W) gives columns, of which `map` is (M, H, W) float32.
        at: `layers` (a map for each explained layer, at its native grid) or `input`.
        whole_probe: cheap enough for every image of a probe; others run on the stratified subset.
        settings: what it takes of the settings of `observe`.
        title: what it is called where people read of it.
        evidence: what of a map is compared: `positive`, what speaks for the class, or `absolute`.
        repeated: the setting that says how many gradients a map takes; None for one.
    """

    module: str
    at: str
    whole_probe: bool
    settings: tuple[str, ...] = ()
    title: str = ""
    evidence: str = "positive"
    repeated: str | None = None

    def __post_init__(self) -> None:
        """Refuse a declaration that no pass can run.

        Raises:
            ValueError: it explains neither layers nor the input, or none of its maps is compared.
        """
        for key, known in (("at", PLACES), ("evidence", EVIDENCE)):
            if getattr(self, key) not in known:
                raise ValueError(
                    f"the explanation method of {self.module!r}: `{key}` is "
                    f"{getattr(self, key)!r}, expected {' or '.join(known)}"
                )

    def gradients(self, settings: Mapping[str, Any]) -> int:
        """How many gradients a map takes, by the settings of an observation."""
        return settings[self.repeated] if self.repeated else 1
