"""Snakemake runs this for rule `probe`; the work is in analyses.shortcuts.probes.make."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.analyses.shortcuts.probes.make:make")
