"""The questions that a study may put to its models: one folder a question."""
