"""What Snakemake and its jobs need: start, job, script, GPU slots, progress, provenance."""
