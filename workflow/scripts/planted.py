"""Snakemake runs this for rule `planted`; the work is in distilscope.data.planted."""

from distilscope.script import run

run(snakemake, "distilscope.data.planted:plant")
