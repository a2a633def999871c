"""Snakemake runs this for rule `observation`; the work is in distilscope.observing.observe."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.observing.observe:observe")
