"""What a job does not use it doesn't import: each import is paid once a job."""

from __future__ import annotations

import subprocess
import sys

import pytest

UNUSED = {
    "distilscope": {"torch", "numpy", "pandas", "scipy", "matplotlib", "pydantic"},
    "distilscope.measures": {"torch", "matplotlib", "snakemake"},
    "distilscope.checking.networks": {"torchvision", "torch._dynamo", "matplotlib", "captum"},
    "distilscope.data.prepare": {"torch", "pandas", "scipy"},
    "distilscope.analyses.shortcuts.planted": {"torch", "pandas", "scipy"},
    "distilscope.measuring.compare": {"torch", "scipy.stats", "matplotlib"},
    "distilscope.measuring.tables": {"torch", "matplotlib"},
    "distilscope.reporting.figures": {"torch", "matplotlib.pyplot"},
    "distilscope.reporting.report": {"torch", "matplotlib.pyplot"},
    "distilscope.training.train": {"torchvision", "torch._dynamo", "matplotlib", "captum"},
    "distilscope.observing.observe": {"torchvision", "torch._dynamo", "matplotlib", "captum"},
}


@pytest.mark.parametrize("module", UNUSED)
def test_a_job_starts_without(module):
    """In a process of its own, where nothing is imported yet."""
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not UNUSED[module] & set(done.stdout.split())


def test_the_package_says_what_it_offers_before_any_of_it_is_imported():
    """`python -m benchmarks.speed --only face` has the seconds."""
    code = "import sys, distilscope as ds; print(*sys.modules, '|', *dir(ds))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, offered = (part.split() for part in done.stdout.split("|"))
    assert {each for each in loaded if each.startswith("distilscope")} == {"distilscope"}
    assert {"compare", "measures", "Comparison"} <= set(offered)
