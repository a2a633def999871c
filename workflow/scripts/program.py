"""Snakemake runs this for rule `program`; the work is in distilscope.models.programs."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.models.programs:make")
