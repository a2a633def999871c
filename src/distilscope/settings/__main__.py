"""Print the JSON schema of a configuration."""

import json

from distilscope.settings import schema

print(json.dumps(schema(), indent=2, sort_keys=True))
