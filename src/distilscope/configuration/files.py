"""YAML files as people type them: what YAML would read as something else is refused by its line.

YAML keeps the last of two equal keys without a word, and version 1.1, which Python's parsers read,
takes `010` for 8, `1:30` for 90 and the key `no` for false. Snakemake parses a configuration by
itself, so that its file is read again here before a study starts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from distilscope.configuration.kinds import ConfigurationError

LARGEST_BYTES = 2**20
MAX_VALUES = 100_000
"""The most values of a file once its aliases are written out."""
MAX_LEVELS = 50
OCTAL = re.compile(r"[-+]?0[0-9_]+")
KINDS = ("int", "float", "str", "merge")
INTEGER, FLOAT, TEXT, MERGE = (f"tag:yaml.org,2002:{kind}" for kind in KINDS)


def read(path: Path) -> Any:
    """The value of a YAML (or JSON) file.

    Raises:
        ConfigurationError: it can't be read, is no UTF-8 or no YAML, has a key twice in one
            mapping, a key or number that is not read as it looks, or grows without end by aliases.
    """
    text = _text(Path(path))
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        if node is None:
            return None
        _check_size(node)
        faults = list(_faults(node))
        if faults:
            lines = "\n".join(f"  {fault}" for fault in faults)
            raise ConfigurationError(f"{path} can't be used:\n{lines}")
        return yaml.safe_load(text)
    except _Refused as error:
        raise ConfigurationError(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not YAML: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{path}: its values are nested too deeply") from None


class _Refused(Exception):
    """What is wrong with a file, without its name."""


def _text(path: Path) -> str:
    """The file as text; a JSON file may be indented by tabs, which YAML refuses."""
    try:
        with open(path, "rb") as handle:
            data = handle.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from None
    if len(data) > LARGEST_BYTES:
        raise ConfigurationError(f"{path} is larger than {LARGEST_BYTES // 2**20} MiB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            f"{path} is not UTF-8 text (line {line}: {error.reason}); save it as UTF-8"
        ) from None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text.expandtabs()


def _check_size(root: yaml.Node) -> None:
    """Refuse aliases that make a small file a huge or endless value; each node is seen once."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, level: int) -> int:
        known = sizes.get(id(node))
        if known == 0:
            raise _Refused(f"line {_line(node)}: a value holds itself by an alias")
        if known is not None:
            return known
        if level > MAX_LEVELS:
            raise _Refused(f"line {_line(node)}: values are nested over {MAX_LEVELS} deep")
        sizes[id(node)] = 0
        found = 1 + sum(size(child, level + 1) for child in _children(node))
        if found > MAX_VALUES:
            raise _Refused(
                f"line {_line(node)}: its aliases stand for over {MAX_VALUES} values; write out "
                "what is meant"
            )
        sizes[id(node)] = found
        return found

    size(root, 0)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _faults(root: yaml.Node) -> Iterator[str]:
    """A sentence for each key or number that is not read as it looks, in the order of the file."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield from _keys(node)
            waiting += [value for _, value in reversed(node.value)]
        elif isinstance(node, yaml.SequenceNode):
            waiting += reversed(node.value)
        else:
            yield from _number(node)


def _keys(mapping: yaml.MappingNode) -> Iterator[str]:
    first: dict[str, int] = {}
    for key, _ in mapping.value:
        if not isinstance(key, yaml.ScalarNode):
            yield f"line {_line(key)}: a key must be text"
        elif key.tag not in (TEXT, MERGE):
            read_as = yaml.safe_load(key.value) if key.value else None
            yield (
                f"line {_line(key)}: the key {key.value} is read as {read_as!r}; put it in "
                f'quotes: "{key.value}"'
            )
        elif key.value in first:
            yield f"{key.value!r} is given twice, in lines {first[key.value]} and {_line(key)}"
        else:
            first[key.value] = _line(key)


def _number(node: yaml.ScalarNode) -> Iterator[str]:
    """YAML 1.1 has octal and sexagesimal numbers, which nobody means here."""
    number = node.tag in (INTEGER, FLOAT) and node.style is None
    octal = node.tag == INTEGER and OCTAL.fullmatch(node.value) and node.value.strip("+-0_")
    if number and (octal or ":" in node.value):
        yield (
            f"line {_line(node)}: {node.value} is read as {yaml.safe_load(node.value)}; write the "
            f'number without leading zeros or colons, or text in quotes: "{node.value}"'
        )


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1
