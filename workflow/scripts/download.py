"""Snakemake runs this for rule `download`; the work is in distilscope.data.downloaded."""

import pkgutil
from pathlib import Path

from distilscope import catalog
from distilscope.workflow.script import reported

with reported(snakemake):
    entry = catalog.DATASETS[snakemake.wildcards.source]
    pkgutil.resolve_name(entry.downloader)(Path(snakemake.params.folder))
