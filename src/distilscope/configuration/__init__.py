"""The typed configuration of a study: every key, its kind, its range and its default.

`files.read` reads a YAML file as it was typed. `study.parse` turns what YAML gave into a
`Configuration` or raises `ConfigurationError`, whose message names each key that is wrong, the
value, and what would be accepted. The JSON schema in workflow/schemas/ is generated from these
classes.
"""
