"""Snakemake runs this for rule `tables`; the work is in distilscope.measuring.tables."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.measuring.tables:measure")
