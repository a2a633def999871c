"""The made-up study with parts: quarters of the picture, some hidden, and what losing one costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from distilscope import store
from distilscope.data.part_maps import FINDINGS_FILE, MAPS_FILE, REMOVED_FILE, PartMaps
from distilscope.planning.job import Job

from .made_models import Made
from .made_study import MadeStudy

NAMES = ("upper left", "upper right", "lower left", "lower right")
VARIANTS = ("mass_absolute", "sum_signed")
PARTS = {
    "variants": list(VARIANTS),
    "top": 2,
    "minimum_parts": 3,
    "tolerated_gap": 0.05,
    "removal": True,
    "shuffles": 20,
    "seed": 0,
}
HEADLINE = {
    "source": "annotated",
    "top": 2,
    "method": "integrated-gradients",
    "variant": "mass_absolute",
}
FINDING = "no part is visible: 1 (image 5000)"


@dataclass
class PartedStudy(MadeStudy):
    """A part is hidden in a quarter of the images; image 0 has none, image 1 has two."""

    @property
    def parts(self) -> Path:
        return self.folder / "store" / "parts" / "made-up"

    def shown(self) -> np.ndarray:
        """bool (images, 4)."""
        shown = np.ones((self.images, len(NAMES)), bool)
        rows = np.arange(self.images)
        hidden = rows % 4 == 3
        shown[rows[hidden], (rows[hidden] // 4) % 4] = False
        shown[0], shown[1] = False, (True, False, False, True)
        return shown

    def part_maps(self) -> np.ndarray:
        """uint8 (images, size, size); part p + 1 is a block of (3 + p) rows in its quarter."""
        maps, half = np.zeros((self.images, self.size, self.size), np.uint8), self.size // 2
        for part in range(len(NAMES)):
            row, column = divmod(part, 2)
            rows = slice(row * half, row * half + 3 + part)
            maps[self.shown()[:, part], rows, column * half : column * half + 5] = part + 1
        return maps

    def deciding(self) -> np.ndarray:
        """bool (classes, 4): class c is decided by part c and the next."""
        wanted = np.zeros((self.classes, len(NAMES)), bool)
        for number in range(self.classes):
            wanted[number, [number % 4, (number + 1) % 4]] = True
        return wanted

    def write(self) -> PartedStudy:
        super().write()
        maps = PartMaps(self.index, self.part_maps(), NAMES, "parts", self.deciding())
        maps.save(self.parts / MAPS_FILE)
        store.write_json(
            self.parts / FINDINGS_FILE,
            {"faults": {"no part is visible": ["image 5000"]}, "sentences": [FINDING]},
        )
        return self

    def _write_more(self, folder: Path, made: Made) -> None:
        self._write_signed_maps(folder, made)
        rows, parts = np.nonzero(self.shown()[self.subset_rows])
        rows = self.subset_rows[rows]
        whole = store.read_table(folder / "logits.parquet")
        logits = np.stack(whole["logits"].to_numpy())[rows].astype(np.float32)
        logits[np.arange(len(rows)), self.labels[rows]] -= self.costs(made)[rows, parts]
        store.write_tensors(
            folder / REMOVED_FILE,
            {
                "logits": logits,
                "indices": self.index[rows].astype(np.int64),
                "parts": parts.astype(np.int64) + 1,
            },
        )

    def costs(self, made: Made) -> np.ndarray:
        """(images, 4) what the label's logit loses without each part."""
        return np.random.default_rng(len(made.id)).normal(0, 2, (self.images, len(NAMES)))

    def signed(self, made: Made) -> np.ndarray:
        """(images, size, size) signed maps; those of the same seed are alike."""
        own = np.random.default_rng(8).standard_normal((self.images, self.size, self.size))
        noise = np.random.default_rng([9, len(made.id)]).standard_normal(own.shape)
        return (own + made.noise * noise).astype(np.float32)

    def gaps(self, made: Made) -> np.ndarray:
        """(images,) gaps to completeness: every tenth image of the twin misses it."""
        gap = np.full(self.images, 0.01, np.float32)
        if made.role == "twin":
            gap[self.subset_rows[::10]] = 0.5
        return gap

    def _write_signed_maps(self, folder: Path, made: Made) -> None:
        rows = self.subset_rows
        table = self._map_rows(
            rows, self.teacher_predictions()[rows], "input", self.signed(made)[rows]
        )
        table["completeness_gap"] = self.gaps(made)[rows]
        self._write_map_table(
            folder, "integrated-gradients", [table], {"input": [self.size, self.size]}
        )

    def compare_job(self, name: str, **changes) -> Job:
        methods = {"methods": ["gradcam", "integrated-gradients", "saliency"], "parts": PARTS}
        job = super().compare_job(name, **{**methods, **changes})
        return replace(job, inputs={**job.inputs, "parts": str(self.parts)})

    def tables_job(self, **changes) -> Job:
        methods = ["gradcam", "integrated-gradients", "saliency"]
        job = super().tables_job(**{"methods": methods, "parts": HEADLINE, **changes})
        return replace(job, inputs={**job.inputs, "parts": str(self.parts)})

    def parts_of(self, name: str):
        return store.read_table(self.comparison(name) / "parts.parquet")
