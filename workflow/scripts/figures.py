"""Snakemake runs this for rule `figures`; the work is in distilscope.reporting.figures."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.reporting.figures:make")
