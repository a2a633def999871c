"""Which process of pytest-xdist tests what: stretches of one file, in the order of the collection.

xdist's own `--dist loadfile` does much the same, but after the death of a process it hands on files
that are finished already, whose receiver then waits for ever, and the test that killed the first
process, which kills the next one. It also loses what it gives to a process that still collects.
"""

from __future__ import annotations

import itertools

from xdist.scheduler import LoadFileScheduling

ENOUGH = 2
"""Tests that a process must have: it begins one when it knows which is next."""


class ByFile(LoadFileScheduling):
    """Hands on the tests that a dead process had not begun, and never the one that killed it."""

    def __init__(self, config, log=None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False
        self._stretches: dict[str, str] = {}

    def _split_scope(self, nodeid: str) -> str:
        """The stretch of a test: a file may come twice, at two ranks."""
        if not self._stretches:
            tests = next(iter(self.registered_collections.values()))
            stretches = itertools.groupby(tests, super()._split_scope)
            for number, (file, stretch) in enumerate(stretches):
                self._stretches |= dict.fromkeys(stretch, f"{number} {file}")
        return self._stretches[nodeid]

    def remove_node(self, node) -> str | None:
        """Take a process out, dead or at its end: the test that it died of, or None."""
        left = [
            (stretch, test)
            for stretch, tests in self.assigned_work.pop(node).items()
            for test, done in tests.items()
            if not done
        ]
        for stretch, test in left[1:]:
            self.workqueue.setdefault(stretch, {})[test] = False
        for stretch, _ in reversed(left[1:]):
            self.workqueue.move_to_end(stretch, last=False)
        for other in self.nodes if left else ():
            self._reschedule(other)
        return left[0][1] if left else None

    def _reschedule(self, node) -> None:
        """Give a process stretches until it has enough; let it end where there are none."""
        while not node.shutting_down and node in self.registered_collections:  # it has collected
            if self._pending_of(self.assigned_work[node]) > ENOUGH:
                return
            if not self.workqueue:
                node.shutdown()
                return
            self._assign_work_unit(node)
