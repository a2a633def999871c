"""Snakemake runs this for rule `targets`; the work is in distilscope.training.targets."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.training.targets:tabulate")
