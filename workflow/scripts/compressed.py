"""Snakemake runs this for rule `compressed`; the work is in distilscope.models.compressed."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.models.compressed:make")
