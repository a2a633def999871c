"""Snakemake runs this for rule `perturbed`; the work is in distilscope.models.perturbed."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.models.perturbed:make")
