"""The figures of alignment."""
