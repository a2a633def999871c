"""Which versions a job's record names."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest


@pytest.mark.parametrize("used", [True, False])
def test_a_library_of_an_extra_is_recorded_by_the_jobs_that_use_it(used):
    """In a process of its own, where nothing is imported yet."""
    code = f"""
import sys
from distilscope.workflow.provenance import versions
if {used}:
    import tokenizers
found = versions()
print(found.get("tokenizers"), found.get("transformers"), found["numpy"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    tokenizers, transformers, numpy = done.stdout.split()
    assert tokenizers == (version("tokenizers") if used else "None")
    assert transformers == "None"
    assert numpy == version("numpy")
