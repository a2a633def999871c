import pytest

from .made_study import MadeStudy


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """The made-up study with its comparisons."""
    return MadeStudy(tmp_path_factory.mktemp("study")).write().compare_all()
