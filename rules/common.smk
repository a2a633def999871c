# What all rules share: where an artefact's files are, and what its job is told.

from distilscope import catalog
from distilscope.planning.artefact import FOLDERS, STORE
from distilscope.workflow.planning import Told


wildcard_constraints:
    source="|".join(catalog.DATASETS),
    dataset=r"[^/]+",
    parts=r"[^/]+",
    networks=r"[^/]+",
    teacher=r"[^/]+",
    model=r"[^/]+",
    comparison=r"[^/]+",
    probe=r"[^/]+",
    study=r"[^/]+",


def files(kind, wildcard):
    """The files of an artefact of that kind."""
    folder = STORE / FOLDERS[kind] / f"{{{wildcard}}}"
    return [str(folder / name) for name in STUDY.outputs(kind)]


# Of what there is one of for each model a rule declares the file that is written last, since every
# file takes Snakemake time, memory and a record; a rule of its own, `..._again`, declares the
# others, for an artefact that lost one of them.


def last_file(kind, wildcard):
    """The file of an artefact that says that the others are there."""
    return files(kind, wildcard)[-1]


def other_files(kind, wildcard):
    """The files of an artefact that were there when its last one was written."""
    return files(kind, wildcard)[:-1]


def inputs(kind, wildcard):
    """The files of the artefacts that an artefact is made from; their times play no part."""

    def asked(wildcards):
        artefact = STUDY.artefact(kind, getattr(wildcards, wildcard))
        return [ancient(path) for path in STANDING.asked_for(artefact)]

    return asked


def told(kind, wildcard):
    """What the job of an artefact is told: a `Job`."""
    return lambda wildcards: Told(
        STUDY.artefact(kind, getattr(wildcards, wildcard))
    )
