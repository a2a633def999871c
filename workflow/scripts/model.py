"""Snakemake runs this for rule `model`; the work is in distilscope.training.train."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.training.train:train", checkpoints="results/checkpoints")
