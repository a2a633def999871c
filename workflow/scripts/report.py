"""Snakemake runs this for rule `report`; the work is in distilscope.reporting.report."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.reporting.report:make_report")
