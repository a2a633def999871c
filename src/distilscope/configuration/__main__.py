"""Print the JSON schema of a configuration, or say what is wrong with the file that is given."""

import json
import sys
from pathlib import Path

from distilscope.configuration.files import read
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse, schema


def main(arguments: list[str]) -> int:
    """Check the file that is named, or print the schema where none is."""
    if not arguments:
        print(json.dumps(schema(), indent=2, sort_keys=True))
        return 0
    try:
        parse(read(Path(arguments[0])), arguments[0])
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
