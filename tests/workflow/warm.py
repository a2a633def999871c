"""Snakemake by a process that has loaded it already, and forks for each run.

Half of a dry run is spent on loading Snakemake and what it needs, and tests make scores of them.
Each is a process of its own as ever; of this program's modules nothing is loaded before. Plugins
of Snakemake's are found once, so that a test with plugins of its own needs a fresh one.

As a program: reads a `Request` a line, as JSON, and answers each with the exit status.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

LOADED = (
    *("snakemake.cli", "snakemake.workflow", "snakemake.dag", "snakemake.script"),
    *("snakemake.report", "snakemake.notebook", "snakemake.scheduling.greedy"),
    *("numpy", "numpy.random", "PIL.Image", "pydantic", "requests", "nbformat", "docutils.core"),
    *("jinja2", "jsonschema", "smart_open", "yte", "dpath", "http.cookies", "pygments.lexers"),
)


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `snakemake` in a folder, as `subprocess.run` would, with these variables besides."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as scratch:
        request = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": environment | variables,
            "said": [f"{scratch}/out", f"{scratch}/err"],
        }
        try:
            print(json.dumps(request), file=_server().stdin, flush=True)
            status = int(_server().stdout.readline())
        except BaseException:
            _server().kill()  # it may still be at work, and would answer somebody else
            _server.cache_clear()
            raise
        out, err = (Path(path).read_text() for path in request["said"])
    return subprocess.CompletedProcess(arguments, status, out, err)


@functools.cache
def _server() -> subprocess.Popen:
    """The process that has loaded Snakemake; it ends with this one, whose pipe it reads."""
    return subprocess.Popen(
        [sys.executable, "-P", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )


def _serve() -> None:
    for name in LOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _become_snakemake(**json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become_snakemake(
    arguments: list[str], folder: str, environment: dict[str, str], said: list[str]
) -> None:
    """What `python -m snakemake` is in that folder, from its first line to its end."""
    status = 1
    try:
        for descriptor, path in zip((1, 2), said, strict=True):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        searched = environment.get("PYTHONPATH", "").split(os.pathsep)
        sys.path[:0] = [folder, *filter(None, searched)]
        importlib.invalidate_caches()
        cli = importlib.import_module("snakemake.cli")
        sys.argv = [str(Path(cli.__file__).with_name("__main__.py")), *arguments]
        cli.main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()
