"""Snakemake runs this for rule `texts`; the work is in distilscope.data.texts."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.data.texts:prepare")
