"""Snakemake runs this for rule `planted`; the work is in distilscope.analyses.shortcuts.planted."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.analyses.shortcuts.planted:plant")
