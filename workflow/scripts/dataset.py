"""Snakemake runs this for rule `dataset`; the work is in distilscope.data.prepare."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.data.prepare:prepare")
