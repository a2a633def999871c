"""Snakemake runs this for rule `probe`; the work is in distilscope.probing.make."""

from distilscope.script import run

run(snakemake, "distilscope.probing.make:make")
