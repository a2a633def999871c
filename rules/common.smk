# What all rules share: where an artefact's files are, and what its job is told.

from distilscope import catalog, study


wildcard_constraints:
    source="|".join(catalog.DATASETS),
    dataset=r"[^/]+",
    parts=r"[^/]+",
    teacher=r"[^/]+",
    model=r"[^/]+",
    comparison=r"[^/]+",
    probe=r"[^/]+",
    study=r"[^/]+",


def files(kind, wildcard):
    """The output files of a rule that makes artefacts of that kind."""
    folder = study.STORE / study.FOLDERS[kind] / f"{{{wildcard}}}"
    return [str(folder / name) for name in STUDY.outputs(kind)]


def inputs(kind, wildcard):
    """The files of the artefacts that an artefact is made from; their times play no part."""

    def asked(wildcards):
        artefact = STUDY.artefact(kind, getattr(wildcards, wildcard))
        return [ancient(str(path)) for path in study.asked_for(STUDY, artefact)]

    return asked


def told(kind, wildcard):
    """What the job of an artefact is told, as one JSON text."""
    return lambda wildcards: STUDY.artefact(kind, getattr(wildcards, wildcard)).job()
