import pytest

from distilscope.data import composed_tree

from .made_ladder import MadeLadder


@pytest.fixture
def made(tmp_path):
    found = MadeLadder(tmp_path)
    found.teachers(related=composed_tree.relations().astype(float))
    return found
