"""Measures our speed beside that of what people use instead, and writes the table.

    python -m benchmarks.speed [--only FAMILY ...] [--images N] [--out FOLDER] [--results FOLDER]

Each family of rows is kept by itself, so that one can be measured again; the tables hold all that
were measured so far. A family that fails is named at the end, with exit code 1. Peers come with
`pip install -e '.[bench]'`; rows of those that can't be imported say so. Everything computes on
one thread, unless a row says otherwise.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
import traceback
from pathlib import Path

from distilscope.workflow.script import set_threads

FAMILIES = {
    "students": "steps:students",
    "grid": "grid:grid",
    "targets": "steps:targets",
    "gradcam": "maps:gradcam",
    "pairs": "maps:pairs",
    "cka": "layers:cka",
    "workflow": "workflow:workflow",
    "cores": "growth:cores",
    "growth": "growth:growth",
    "planning": "planning:planning",
    "face": "face:face",
}
IMAGES = 200
OPTIONAL = {"ceilings": "ceilings:ceilings", "tried": "tried:tried"}


def main() -> int:
    """Run the families that are asked for."""
    known = {**FAMILIES, **OPTIONAL}
    parser = argparse.ArgumentParser(prog="benchmarks.speed", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=known, default=list(FAMILIES))
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--images", type=int, default=IMAGES, help="of the family `face`")
    asked = parser.parse_args()
    set_threads(1)  # before any numerical library is loaded
    from distilscope.training import runtime

    from . import table

    runtime.prepare(1, "cpu")
    failed = []
    for name in asked.only:
        module, _, function = known[name].partition(":")
        started = time.perf_counter()
        print(f"{name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="distilscope-bench-") as place:
            measure = getattr(importlib.import_module(f"benchmarks.speed.{module}"), function)
            try:
                rows, text = measure(_given(name, asked, Path(place)))
            except Exception:  # the other families are worth having; the exit code tells
                traceback.print_exc()
                failed.append(name)
                continue
        seconds = time.perf_counter() - started
        print(f"{name}: {seconds:.0f} s", file=sys.stderr, flush=True)
        table.write_family(asked.out, name, rows, seconds, text)
    print(table.write_tables(asked.out, list(known)))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _given(name: str, asked: argparse.Namespace, place: Path) -> Path | int:
    """What a family measures: results that are there, so many images, or what it makes itself."""
    return {"workflow": asked.results, "face": asked.images}.get(name, place)


if __name__ == "__main__":
    sys.exit(main())
