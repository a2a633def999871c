"""Snakemake runs this for rule `comparison`; the work is in distilscope.measuring.compare."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.measuring.compare:compare")
