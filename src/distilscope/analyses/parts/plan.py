"""What parts add to a study: their maps, and what is observed and compared over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distilscope import catalog
from distilscope.analyses.parts.configuration import Parts
from distilscope.analyses.parts.sources import PART_SOURCES, PartSource
from distilscope.planning import fingerprint
from distilscope.planning.artefact import Artefact
from distilscope.planning.hooks import Addition, AnalysisPlan
from distilscope.planning.model import Model

PROBE = "test"
FILLED = "distilscope.data.removal:filled"
REMOVED = "removed.safetensors"
REMOVES = "distilscope.observing.removal:observer"


class Plan(AnalysisPlan):
    """The parts of the test images; models are shown images without them."""

    section: Parts

    @property
    def object_masks(self) -> str | None:
        """The parts together are the object, for some sources."""
        return "parts" if self._source.of_object else None

    @property
    def _source(self) -> PartSource:
        return PART_SOURCES[self.section.source]

    def prepare(self) -> None:
        """Plan the part maps."""
        dataset = self.study.dataset
        removal = [REMOVED] if self.section.removal else []
        self.maps = Artefact(
            kind="parts",
            slug=f"{dataset.slug}-{self.section.source}",
            settings={
                "builder": self._source.builder,
                "settings": self.section.resolved,
                "data": {
                    key: dataset.settings[key] for key in ("reader", "image_size", "fit", "classes")
                },
                "removal": self._removal() if self.section.removal else None,
            },
            source=fingerprint.source(
                "distilscope.data.parts", self._source.builder, dataset.settings["reader"]
            ),
            inputs={"dataset": dataset},
            information=dict(dataset.information),
            files=("maps.safetensors", "findings.json", *removal),
            contents=dataset.contents,
        )
        self.artefacts.append(self.maps)

    def _removal(self) -> dict[str, Any]:
        """How images without a part are made, and of which: those that costly methods explain."""
        configuration = self.study.configuration
        return {"without": self._redraw or FILLED, **configuration.observe.subset.model_dump()}

    @property
    def _redraw(self) -> str | None:
        """What draws an image again without a part. Of regions nothing is drawn again."""
        drawn = catalog.DATASETS[self.study.configuration.data.name].without
        return drawn if self._source.parted else None

    def figures(self) -> list[str]:
        """Which map to believe is known where parts are removed, or where the image was drawn, so
        that the deciding parts are known.
        """
        known = self.section.removal or self._redraw
        return [name for name in super().figures() if known or name != "faithfulness"]

    def observed(self) -> Addition:
        """Logits of the images without a part."""
        if not self.section.removal:
            return Addition()
        return Addition(
            settings={"removal": PROBE},
            inputs={"parts": self.maps},
            modules=(REMOVES,),
            files=(f"{PROBE}/{REMOVED}",),
        )

    def compared(self, model: Model, reference: Model) -> Addition:
        """The measures over parts, for each way of counting a part's importance."""
        section = self.section
        rules = {"top", "minimum_parts", "tolerated_gap", "removal", "shuffles", "seed"}
        return Addition(
            settings={**section.model_dump(include=rules), "variants": sorted(section.variants)},
            inputs={"parts": self.maps},
            files=("parts.parquet", "importances.parquet"),
        )

    def tabulated(self) -> Addition:
        """Which number over parts is the headline."""
        return Addition(settings=self.drawn(), inputs={"parts": self.maps})

    def drawn(self) -> Mapping[str, Any]:
        """The same, and where the parts are from: whether they are regions."""
        section = self.section
        return {
            "source": section.source,
            "regions": not self._source.parted,
            "top": section.top,
            **section.headline.model_dump(),
        }
