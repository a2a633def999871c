"""Snakemake runs this for rule `derived`; the work is in distilscope.models.randomised."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.models.randomised:make")
