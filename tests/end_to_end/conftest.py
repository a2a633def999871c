"""How the studies of this folder are made."""

from __future__ import annotations

import pytest

from .making import by_snakemake, in_this_process


@pytest.fixture(
    scope="module",
    params=[in_this_process, pytest.param(by_snakemake, marks=pytest.mark.long(1))],
    ids=lambda made: made.__name__,
)
def made(request):
    """A function that makes the study of a folder, and tells how it ended."""
    return request.param
