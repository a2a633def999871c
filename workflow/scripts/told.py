"""Snakemake runs this for rule `told`; the work is in distilscope.training.retelling."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.training.retelling:retell")
