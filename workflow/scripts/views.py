"""Snakemake runs this for rule `views`; the work is in distilscope.data.drawn."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.data.drawn:make")
