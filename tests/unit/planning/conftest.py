import pytest

from distilscope.planning import fingerprint


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Plans keep a cache of digests under results/: not in the repository."""
    monkeypatch.chdir(tmp_path)


def source(*modules):
    """A fingerprint of files as they are now."""
    for name in ("source", "_file", "_syntax", "_covered"):
        getattr(fingerprint, name).cache_clear()
    return fingerprint.source(*modules)
