"""The figures of parts."""
