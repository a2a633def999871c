"""What a job asks to be observed: the settings of an observation, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distilscope import catalog

CONTENTS = ("logits", "saliency", "features")
REDUCTIONS = ("gap", "flatten")


@dataclass(frozen=True)
class ProbeRequest:
    """A probe: its folder's name, the split its images are of, and which `CONTENTS` are kept."""

    name: str
    split: str
    contents: tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """The settings of an observation.

    Attributes:
        architecture: `builder` and `settings`.
        layers: name -> module path, input to output; their features are kept.
        explained: names out of `layers` whose maps are kept, the last block first.
        head: path of the linear layer behind average pooling over `explained[0]`, or None.
        preprocessing: `mean` and `std` of the model's own normalisation, or None for the dataset's.
        probes: what is observed.
        methods: names out of `catalog.METHODS`.
        subset_images, subset_seed: the stratified part of a probe for methods that aren't
            `whole_probe`.
        ig_steps: quadrature points of integrated gradients.
        ig_maximum_steps: as many where the gap to completeness is too large; None is no more.
        gram_batch: images in a Gram.
        reductions: of the features in Grams.
        threads: of the whole computation.
    """

    architecture: Mapping[str, Any]
    layers: Mapping[str, str]
    explained: tuple[str, ...]
    head: str | None
    preprocessing: Mapping[str, Any] | None
    probes: tuple[ProbeRequest, ...]
    methods: tuple[str, ...]
    subset_images: int
    subset_seed: int
    ig_steps: int
    ig_maximum_steps: int | None
    gram_batch: int
    reductions: tuple[str, ...]
    threads: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Request:
        """The request that a job's settings spell.

        Raises:
            ValueError: a key is missing, or a name is not one of those that are known.
        """
        try:
            paths = settings["layers"]
            # JSON with sorted keys forgets the order of a mapping: the plan gives it beside it.
            order = settings.get("layer_order", list(paths))
            request = cls(
                architecture=settings["architecture"],
                layers={name: paths[name] for name in order},
                explained=tuple(settings["explained"]),
                head=settings["head"],
                preprocessing=settings["preprocessing"],
                probes=tuple(
                    ProbeRequest(p["name"], p["split"], tuple(p["contents"]))
                    for p in settings["probes"]
                ),
                methods=tuple(settings["methods"]),
                subset_images=settings["subset"]["images"],
                subset_seed=settings["subset"]["seed"],
                ig_steps=settings["ig_steps"],
                ig_maximum_steps=settings.get("ig_maximum_steps"),
                gram_batch=settings["gram_batch"],
                reductions=tuple(settings["reductions"]),
                threads=settings["threads"],
            )
        except KeyError as error:
            raise ValueError(f"the settings of an observation lack the key {error}") from None
        request._check()
        return request

    def closed(self) -> str | None:
        """The layer whose maps need no gradient: `explained[0]`, where a head is declared and every
        method at layers has a closed form.
        """
        from distilscope.observing.layer_maps import all_closed

        closed = self.head and all_closed(self.methods_at("layers"))
        return self.explained[0] if closed else None

    def methods_at(self, place: str) -> tuple[str, ...]:
        """The methods that explain at `layers` or at the `input`."""
        return tuple(name for name in self.methods if catalog.METHODS[name].at == place)

    def _check(self) -> None:
        known = [(CONTENTS, probe.contents, "content of a probe") for probe in self.probes]
        known += [
            (self.layers, self.explained, "explained layer"),
            (catalog.METHODS, self.methods, "explanation method"),
            (REDUCTIONS, self.reductions, "reduction"),
        ]
        for table, names, what in known:
            for name in names:
                catalog.lookup(dict.fromkeys(table), name, what)
        if self.methods_at("layers") and not self.explained:
            raise ValueError("`explained` is empty; name the layers whose maps are wanted")
        if self.gram_batch < 4:
            raise ValueError(f"`gram_batch` is {self.gram_batch}; debiased CKA needs 4 or more")
