"""The figures of outputs."""
