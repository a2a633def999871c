import pytest

from distilscope.workflow import gpu


@pytest.fixture
def no_gpu_but_listed_ones(monkeypatch):
    """Whatever the machine has: a study starts as on one with the GPUs that a test lists."""
    monkeypatch.delenv(gpu.VISIBLE, raising=False)
    monkeypatch.delenv(gpu.CLUSTER_JOB, raising=False)
    monkeypatch.setenv(gpu.LISTED, "")
