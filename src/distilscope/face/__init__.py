"""`distilscope.compare`: the pipeline for two networks that are at hand in Python."""
