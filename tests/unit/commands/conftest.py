"""Commands run in a folder of their own that looks like a clone."""

import pytest

from ...workflow.clone import REPOSITORY


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The present folder of a test: it has the resources and nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "distilscope.store.writing._sync", lambda path: None
    )  # nobody pulls the plug on a test
    (tmp_path / "resources").symlink_to(REPOSITORY / "resources")
    return tmp_path
