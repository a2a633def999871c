"""Snakemake runs this for rule `probe_observation`; the work is in observing.made_probes."""

from distilscope.workflow.script import run

run(snakemake, "distilscope.observing.made_probes:observe")
