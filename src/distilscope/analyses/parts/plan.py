"""What parts add to a study: their maps, and what observations and comparisons are told of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from distilscope import catalog
from distilscope.planning import fingerprint
from distilscope.planning.artefact import Artefact

if TYPE_CHECKING:
    from distilscope.planning.study import Study

PROBE = "test"
FILLED = "distilscope.data.removal:filled"

# Modules that are imported whether or not a study has parts, and of which nothing is asked without.
UNUSED_WITHOUT_REMOVAL = frozenset(
    {"distilscope.observing.removal", "distilscope.data.removal", "distilscope.data.part_maps"}
)
UNUSED_WITHOUT_PARTS = frozenset(
    {"distilscope.analyses.parts.part_tables", "distilscope.analyses.parts.parts_pair"}
)


def plan_parts(study: Study) -> Artefact | None:
    """The parts of the study's test images; None where it asks for none."""
    asked = study.configuration.parts
    if asked is None:
        return None
    source = catalog.PART_SOURCES[asked.source]
    data = study.dataset.settings
    return Artefact(
        kind="parts",
        slug=f"{study.dataset.slug}-{asked.source}",
        settings={
            "builder": source.builder,
            "settings": asked.resolved,
            "data": {key: data[key] for key in ("reader", "image_size", "fit", "classes")},
            "removal": _removal(study) if asked.removal else None,
        },
        source=fingerprint.source("distilscope.data.parts", source.builder, data["reader"]),
        files=("maps.safetensors", "findings.json", *files_of_removal(study)),
        inputs={"dataset": study.dataset},
        information=dict(study.dataset.information),
        contents=study.dataset.contents,
    )


def _removal(study: Study) -> dict[str, Any]:
    """How images without a part are made, and of which images: those that costly methods explain.

    Of regions nothing is drawn again, whatever the data set is.
    """
    asked, subset = study.configuration.parts, study.configuration.observe.subset
    drawn = catalog.DATASETS[study.configuration.data.name].without
    exact = catalog.PART_SOURCES[asked.source].parted and drawn
    return {"without": drawn if exact else FILLED, **subset.model_dump()}


def observed(study: Study) -> tuple[dict[str, Any], dict[str, Artefact]]:
    """Settings and inputs that an observation of a study with removal has besides."""
    asked = study.configuration.parts
    if study.parts is None or not asked.removal:
        return {}, {}
    return {"removal": PROBE}, {"parts": study.parts}


def files_of_removal(study: Study) -> tuple[str, ...]:
    """The file about images without a part, in the parts and in each observation."""
    asked = study.configuration.parts
    return ("removed.safetensors",) if asked and asked.removal else ()


def files_of_comparison(study: Study) -> tuple[str, ...]:
    """The files that a comparison of a study with parts has besides."""
    return ("parts.parquet", "importances.parquet") if study.parts else ()


def unused_by_observation(study: Study) -> frozenset[str]:
    """Modules that the study's observations import and don't use."""
    return frozenset() if observed(study)[0] else UNUSED_WITHOUT_REMOVAL


def unused_by_comparison(study: Study) -> frozenset[str]:
    """Modules that the study's comparisons import and don't use."""
    return UNUSED_WITHOUT_PARTS if study.parts is None else frozenset()


def compared(study: Study) -> tuple[dict[str, Any], dict[str, Artefact]]:
    """Settings and inputs that a comparison of a study with parts has besides."""
    asked = study.configuration.parts
    if study.parts is None:
        return {}, {}
    rules = asked.model_dump(include={"top", "least", "most_gap", "removal"})
    return {"parts": {**rules, "variants": sorted(asked.variants)}}, {"parts": study.parts}


def known_object(study: Study) -> str | None:
    """How a comparison knows the pixels of an image's object (`objects.KINDS`); None: it doesn't.

    Parts of an object come before the ground of the data set.
    """
    asked = study.configuration.parts
    if asked is not None and catalog.PART_SOURCES[asked.source].of_object:
        return "parts"
    known = catalog.DATASETS[study.configuration.data.name].black_ground
    return "foreground" if known else None


def told(study: Study) -> Mapping[str, Any] | None:
    """What tables, figures and report are told: which number over parts is the headline."""
    asked = study.configuration.parts
    if asked is None:
        return None
    return {"source": asked.source, "top": asked.top, **asked.headline.model_dump()}


def importances(study: Study) -> fingerprint.Fingerprint | str:
    """The fingerprint of the importances that a comparison computes; nothing without parts."""
    asked = study.configuration.parts
    if asked is None:
        return ""
    return fingerprint.entries(
        "IMPORTANCES", {name: catalog.IMPORTANCES[name] for name in asked.variants}
    )
