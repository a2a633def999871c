"""What every script of the workflow does around its one call into the library.

It settles the number of threads and the job's GPUs before any numerical library is loaded, sends
the progress lines to the job's log and to the terminal, ends a failed job with a sentence instead
of a traceback (which goes to the log), and ends a job whose Snakemake is gone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import logging
import os
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distilscope import registry, store
from distilscope.planning.job import Job
from distilscope.workflow import collecting, gpu, interrupt, progress, supervision
from distilscope.workflow.unchanged import Watch

logger = logging.getLogger("distilscope")

VIEWED = "DISTILSCOPE_VIEWED"
"""Set where a view of the whole study shows what the jobs' lines of progress say."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

HUGE_PAGES = "THP_MEM_ALLOC_ENABLE"
"""torch's switch for large pages of memory. It gives activations back to the system after each
layer, and asks for them anew: at 224 pixels that is half of the processor's time by small pages."""


def run(snakemake: Any, function: str, **arguments: Any) -> None:
    """Call `function` (`module:name`) with the rule's `params.job`.

    Args:
        snakemake: the object that Snakemake gives to a script.
        function: dotted path of a function that takes a `Job`, where the job does not name one.
        arguments: passed on by name.
    """
    device = snakemake.resources.get("device", "cpu")
    job = Job.from_json(snakemake.params.job, device)
    job = dataclasses.replace(job, processes=snakemake.threads)
    set_threads(int(job.settings.get("threads", 1)))
    os.environ.setdefault(HUGE_PAGES, "1")  # read at torch's first tensor; it changes no number
    with reported(snakemake), _gpus(job.device, snakemake.resources):
        store.remove_parts(job.folder)
        with collecting.held_back():
            registry.load_of_study()
            # before it is looked at what was imported
            make = pkgutil.resolve_name(job.made_by or function)
        make(dataclasses.replace(job, watch=Watch.begin(job)), **arguments)
    gc.freeze()  # what is left goes with the process: no circles are looked for in it


def _gpus(device: str, resources: Any) -> contextlib.AbstractContextManager[Any]:
    """The GPUs that the rule asks for, held for as long as the job runs."""
    if device != "cuda":
        return contextlib.nullcontext()
    return gpu.held(int(resources.get("gpu", 0)))


def set_threads(threads: int) -> None:
    """Bound every numerical library's threads. They are a setting of the study, not of --cores."""
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)


@contextlib.contextmanager
def reported(snakemake: Any) -> Iterator[None]:
    """Log to the job's file and to the terminal; a failure becomes one sentence and exit code 1."""
    log = Path(str(snakemake.log[0]))
    with _logged(log) as to_file, progress.reported(*_job_of(log)) as job:
        try:
            with supervision.ended_with_parent(), interrupt.leaving():
                yield
        except interrupt.Interrupted as stopped:
            if not stopped.sentence:
                stopped.sentence = f"{job.name}: stopped by {stopped.by.name}"
                logger.warning("%s", stopped.sentence)
            job.end("stopped", stopped.sentence)
            raise
        except Exception as error:
            with contextlib.suppress(OSError):  # a full disk: the terminal has the sentence
                to_file.stream.write(traceback.format_exc())
                to_file.flush()
            sentence = f"{snakemake.rule} failed: {error} (details in {log})"
            logger.error("%s", sentence)
            job.end("failed", sentence)
            sys.exit(1)


@contextlib.contextmanager
def _logged(log: Path) -> Iterator[logging.FileHandler]:
    """What the library logs goes to the file and to the terminal; gives the file's handler."""
    log.parent.mkdir(parents=True, exist_ok=True)
    logger.setLevel(logging.INFO)
    to_file = logging.FileHandler(log, mode="w", encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    to_terminal = logging.StreamHandler(sys.stderr)
    to_terminal.setFormatter(logging.Formatter("%(message)s"))
    if os.environ.get(VIEWED):
        to_terminal.addFilter(lambda record: not hasattr(record, "progress"))
    logger.handlers = [to_file, to_terminal]
    try:
        yield to_file
    finally:
        logging.shutdown()
        logger.handlers = []


def _job_of(log: Path) -> tuple[str, Path]:
    """A job's name for people, and the file that says how it is, by its log's path."""
    kind, slug = log.parent.name, re.sub(r"\.[0-9a-f]{12}$", "", log.stem)
    name = slug if kind == "model" else f"{kind} {slug}"
    return name, progress.FOLDER / kind / f"{log.stem}.json"
