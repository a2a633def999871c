"""Snakemake runs this for rule `parts`; the work is in distilscope.data.parts."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.data.parts:make")
