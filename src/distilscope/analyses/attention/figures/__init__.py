"""The figures of attention and fidelity."""
