"""Snakemake runs this for rule `publish`; the work is in distilscope.store.publishing."""

import json
from pathlib import Path

from distilscope.store.publishing import publish
from distilscope.workflow.script import reported

with reported(snakemake):
    folders = {kind: Path(folder) for kind, folder in snakemake.params.folders.items()}
    publish(
        folders,
        Path(snakemake.params.published),
        Path(snakemake.output.marker),
        json.loads(snakemake.params.record),
    )
