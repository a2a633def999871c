"""Snakemake runs this for rule `further`; the work is in distilscope.observing.further."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.observing.further:observe")
