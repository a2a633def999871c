"""The typed configuration of a study: every key, its kind, its range and its default.

`read` reads a YAML file as it was typed. `parse` turns what YAML gave into a `Configuration` or
raises `ConfigurationError`, whose message names each key that is wrong, the value, and what would
be accepted. The JSON schema in workflow/schemas/ is generated from these classes.
"""

from distilscope.settings.configuration import Configuration, parse, schema
from distilscope.settings.files import read
from distilscope.settings.kinds import ConfigurationError, NotHere, expanded
from distilscope.settings.measured import Observe, Sanity
from distilscope.settings.networks import Network, Recipe
from distilscope.settings.shortcuts import LEAST_TWINS, Planting

__all__ = [
    "LEAST_TWINS",
    "Configuration",
    "ConfigurationError",
    "Network",
    "NotHere",
    "Observe",
    "Planting",
    "Recipe",
    "Sanity",
    "expanded",
    "parse",
    "read",
    "schema",
]
