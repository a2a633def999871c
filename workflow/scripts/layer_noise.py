"""Snakemake runs this for rule `layer_noise`; the work is in distilscope.analyses.compression."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.analyses.compression.noise:measure")
