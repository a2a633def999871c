"""Snakemake runs this for rule `generations`; the work is in distilscope.training.generations."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.training.generations:generate")
