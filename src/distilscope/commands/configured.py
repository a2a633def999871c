"""Configurations on disk, and the studies they describe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from distilscope.configuration import files
from distilscope.configuration.study import Configuration, parse
from distilscope.planning.study import Study
from distilscope.workflow.machine import resolve_device
from distilscope.workflow.settled import PRECISIONS, settle


def read(path: Path) -> Configuration:
    """The configuration in a YAML file.

    Raises:
        ConfigurationError: there is no such file, or it can't be used.
    """
    return parse(files.read(path), str(path))


def study_of(path: Path, root: Path) -> Study:
    """The study of a configuration as the Snakefile makes it, the workflow being in `root`."""
    configuration = read(path)
    asked = configuration.device
    device = resolve_device(asked) if asked == "auto" else asked  # a cluster may have the GPU
    return settle(configuration, device, root)


def possible_studies(path: Path, root: Path) -> Iterator[Study]:
    """Every study that a configuration can mean here, resolving nothing: one a precision."""
    configuration = read(path)
    precisions: list[str] = [configuration.precision]
    if configuration.precision == "auto":
        precisions = list(PRECISIONS)
    for precision in precisions:
        yield Study(configuration, precision, root)
