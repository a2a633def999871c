"""Snakemake runs this for rule `networks`; the work is in distilscope.checking.networks."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.checking.networks:check")
