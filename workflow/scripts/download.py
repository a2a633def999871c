"""Snakemake runs this for rule `download`; the work is in distilscope.data.downloaded."""

from pathlib import Path

from distilscope import catalog
from distilscope.workflow.script import call, reported

with reported(snakemake):
    entry = catalog.DATASETS[snakemake.wildcards.source]
    call(entry.downloader, Path(snakemake.params.folder))
