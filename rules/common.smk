# What all rules share: which files an artefact is made from, which it has, and what its job is.
#
# A rule's one wildcard is named as the kind of artefact that it makes: {model}, {observation} ...

import re

from distilscope import catalog
from distilscope.planning import memory
from distilscope.planning.artefact import FOLDERS, STORE


wildcard_constraints:
    **dict.fromkeys(FOLDERS, r"[^/]+"),
    source="|".join(catalog.DATASETS),


def artefact_of(wildcards):
    """The artefact of the study that a rule's wildcard names."""
    ((kind, name),) = wildcards.items()
    return STUDY.artefact(kind, name)


def input_of(role):
    """The files of an artefact's inputs in that role; their times play no part.

    An input is asked for by its run.json, which is written last, or by a file that it has lost.
    """

    def files(wildcards):
        found = STATE.inputs_of(artefact_of(wildcards), role)
        return [ancient(path) for path in found]

    return files


def other_inputs(*roles):
    """The files of an artefact's inputs in any other role: what analyses read besides."""

    def files(wildcards):
        artefact = artefact_of(wildcards)
        others = [role for role in artefact.inputs if role not in roles]
        found = [STATE.inputs_of(artefact, role) for role in others]
        return [ancient(path) for paths in found for path in paths]

    return files


def published_input(artefact):
    """The files of an artefact that is copied into the folder that people open."""
    return lambda wildcards: [
        ancient(path) for path in STATE.inputs_of_published(artefact)
    ]


def job_of(wildcards):
    """The job of an artefact: settings, inputs and folder, as the text that its script reads."""
    return artefact_of(wildcards).job()


def memory_of(wildcards, attempt):
    """The MB that the job of an artefact asks for: by the size of its networks."""
    return memory.megabytes(artefact_of(wildcards)) * attempt


def of_kind(kind, wanted=lambda artefact: True):
    """The artefacts of the study that are of a kind, and wanted."""
    return [a for a in STUDY.of_kind(kind) if wanted(a)]


def outputs_of(kind, artefacts=None):
    """The files of an artefact of a kind that has other files in another study."""
    artefacts = of_kind(kind) if artefacts is None else artefacts
    names = artefacts[0].outputs if artefacts else ["run.json"]
    return [f"{STORE}/{FOLDERS[kind]}/{{{kind}}}/{name}" for name in names]


def keeping(what):
    """Whether a table of a teacher keeps that of it; None is all logits."""
    return lambda table: table.settings.get("keeps") == what


def named(artefacts):
    """A pattern of the names of these artefacts, as a wildcard's constraint."""
    return "|".join(re.escape(artefact.name) for artefact in artefacts) or "(?!)"
