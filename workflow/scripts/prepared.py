"""Snakemake runs this for rule `prepared`; the work is in distilscope.training.prepared."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.training.prepared:prepare")
