"""Work that is dealt out to processes gives what one process gives."""

from __future__ import annotations

import os

import psutil
import pytest

from distilscope.workflow.forked import side_by_side


def squared(number):
    return number * number


@pytest.mark.parametrize("processes", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_results_are_in_the_order_of_the_items(count, processes):
    assert side_by_side(squared, range(count), processes) == [i * i for i in range(count)]


def test_so_many_processes_work_and_no_more_than_there_are_items():
    where = side_by_side(lambda _: os.getpid(), range(6), 3)
    assert where[0] == os.getpid() and len(set(where)) == 3
    assert where[:3] == where[3:]
    assert len(set(side_by_side(lambda _: os.getpid(), range(2), 8))) == 2


def test_answers_larger_than_a_pipe_arrive():
    found = side_by_side(lambda number: bytes([number]) * 1_000_000, range(4), 4)
    assert found == [bytes([number]) * 1_000_000 for number in range(4)]


class NotOfOneText(Exception):
    """An error that a pickle can't bring back."""

    def __init__(self, path, why):
        super().__init__(f"{path}: {why}")


def test_an_error_is_raised_as_it_is_wherever_it_happens():
    def fail(number):
        if number == 1:
            raise NotOfOneText("file", "damaged")
        return number

    with pytest.raises(NotOfOneText, match="file: damaged"):
        side_by_side(fail, range(4), 2)


def test_an_error_here_leaves_no_process_behind():
    def fail(number):
        if number == 0:
            raise ValueError("of the first")
        return number

    others = set(psutil.Process().children())  # of tests before, in the same process
    with pytest.raises(ValueError, match="of the first"):
        side_by_side(fail, range(4), 4)
    assert set(psutil.Process().children()) <= others


def test_what_a_killed_process_owed_is_done_here():
    here = os.getpid()

    def killed_elsewhere(number):
        if os.getpid() != here:
            os.kill(os.getpid(), 9)
        return number + 1

    assert side_by_side(killed_elsewhere, range(5), 3) == [1, 2, 3, 4, 5]
