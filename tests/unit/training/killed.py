"""A training that kills itself with SIGKILL as it renames a file for the given time.

Usage: python killed.py JOB CHECKPOINTS NUMBER
"""

import os
import signal
import sys
from pathlib import Path

from distilscope.planning.job import Job
from distilscope.training.checkpoint import Keeper
from distilscope.training.train import train


def main(job, checkpoints, number):
    """Train, with a checkpoint at every step, until death."""
    replace, renamed = os.replace, []

    def dying(source, target):
        renamed.append(target)
        if len(renamed) == int(number):
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    os.replace = dying
    Keeper.due = lambda self, *, epoch_ended: True
    train(Job.from_json(job), Path(checkpoints))


if __name__ == "__main__":
    main(*sys.argv[1:])
