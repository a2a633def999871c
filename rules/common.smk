# What all rules share: which files an artefact is made from, which it has, and what its job is.
#
# A rule's one wildcard is named as the kind of artefact that it makes: {model}, {observation} ...

import re

from distilscope import catalog
from distilscope.planning.artefact import FOLDERS, STORE


wildcard_constraints:
    **dict.fromkeys(FOLDERS, r"[^/]+"),
    source="|".join(catalog.DATASETS),


def artefact_of(wildcards):
    """The artefact of the study that a rule's wildcard names."""
    ((kind, name),) = wildcards.items()
    return STUDY.artefact(kind, name)


def input_of(*roles):
    """The files of an artefact's inputs in these roles; their times play no part.

    An input is asked for by its run.json, which is written last, or by a file that it has lost.
    """

    def files(wildcards):
        artefact = artefact_of(wildcards)
        found = [path for role in roles for path in STATE.inputs_of(artefact, role)]
        return [ancient(path) for path in found]

    return files


def input_beside(*roles):
    """The files of an artefact's inputs in all other roles: those that analyses add."""

    def files(wildcards):
        added = [role for role in artefact_of(wildcards).inputs if role not in roles]
        return input_of(*added)(wildcards)

    return files


def published_input(artefact):
    """The files of an artefact that is copied into the folder that people open."""
    return lambda wildcards: [
        ancient(path) for path in STATE.inputs_of_published(artefact)
    ]


def job_of(wildcards):
    """The job of an artefact: settings, inputs and folder, as the text that its script reads."""
    return artefact_of(wildcards).job()


# ------------------------------------------------------------------ artefacts that are alike


def of_kind(kind):
    """The artefacts of a kind."""
    return [made for made in STUDY.artefacts.values() if made.kind == kind]


def of_committee(artefact):
    """Whether it is a committee, or is made of one: it has no layers, and so fewer files."""
    models = [
        made
        for role in ("model", "observation", "reference")
        for made in artefact.inputs_of(role)
    ]
    return artefact.kind == "combined" or any(map(of_committee, models))


def outputs_of(kind, committee=False):
    """The files of the artefacts of a kind that has other files in another study."""
    found = {tuple(a.outputs) for a in of_kind(kind) if of_committee(a) == committee}
    if len(found) > 1:
        raise WorkflowError(f"these {kind}s have different files: {sorted(found)}")
    names = found.pop() if found else ["run.json"]
    return [f"{STORE}/{FOLDERS[kind]}/{{{kind}}}/{name}" for name in names]


def named(artefacts):
    """A pattern of the names of these artefacts, as a wildcard's constraint."""
    return "|".join(re.escape(made.name) for made in artefacts) or "(?!)"
