"""The figures of dark knowledge."""
