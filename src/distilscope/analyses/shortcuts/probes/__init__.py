"""Inputs that are made on purpose: a patch drawn, a part masked. Models are observed on them."""
