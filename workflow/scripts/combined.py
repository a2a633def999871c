"""Snakemake runs this for rule `combined`; the work is in distilscope.models.combined."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.models.combined:make")
