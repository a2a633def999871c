import pytest


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Plans keep a cache of digests under results/: not in the repository."""
    monkeypatch.chdir(tmp_path)
