"""The rows on disk, and as text: a file for each family, from which the tables are put together."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from distilscope import store
from distilscope.workflow import provenance
from distilscope.workflow.machine import bf16_units

from .timing import Row

PEERS = ("torchdistill", "grad-cam", "torch-cka", "captum", "scipy")
HEADINGS = ("goal", "what", "against", "precision", "ours", "theirs", "unit", "ratio", "range")


def circumstances() -> dict[str, Any]:
    """The machine, the versions and how busy it is."""
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": provenance.machine(),
        "versions": {**provenance.versions(), **{name: _version(name) for name in PEERS}},
        "threads": torch.get_num_threads(),
        "bf16_units": bf16_units(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "load": os.getloadavg()[0],
    }


def _version(name: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def write_family(folder: Path, name: str, rows: Sequence[Row], seconds: float, text: str) -> None:
    """Keep what a family of rows gave, with where and when it was measured."""
    content = {
        "rows": [{k: _plain(v) for k, v in row.record().items()} for row in rows],
        "seconds": round(seconds, 1),
        "text": text,
        **circumstances(),
    }
    store.write_json(folder / "families" / f"{name}.json", content)


def write_tables(folder: Path, names: Sequence[str]) -> str:
    """`table.parquet`, `table.csv`, `table.txt` and `table.md` of all families measured so far.

    Returns:
        the printed table, with the arithmetic that families tell.
    """
    found = {
        name: store.read_json(folder / "families" / f"{name}.json")
        for name in names
        if (folder / "families" / f"{name}.json").is_file()
    }
    if not found:
        return "nothing was measured"
    table = pd.DataFrame(
        [{"family": name, **row} for name, family in found.items() for row in family["rows"]]
    )
    table = table.sort_values("number", kind="stable", ignore_index=True)
    store.write_table(folder / "table.parquet", table, _last(found))
    store.write_text(folder / "table.csv", table.to_csv(index=False))
    texts = [family["text"] for family in found.values() if family["text"]]
    text = "\n\n".join([_as_text(table), *texts, _footer(found)]) + "\n"
    store.write_text(folder / "table.txt", text)
    blocks = [f"```\n{block}\n```" for block in texts]
    markdown = "\n\n".join([_as_markdown(table), *blocks, _footer(found)]) + "\n"
    store.write_text(folder / "table.md", markdown)
    return text


def _last(found: Mapping[str, Any]) -> dict[str, Any]:
    """The circumstances of the family that was measured last."""
    last = max(found.values(), key=lambda family: family["finished"])
    kept = ("finished", "machine", "versions", "threads", "bf16_units", "instructions")
    return {key: last[key] for key in kept}


def _footer(found: Mapping[str, Any]) -> str:
    last = _last(found)
    machine, versions = last["machine"], last["versions"]
    named = ", ".join(f"{name} {versions[name]}" for name in ("python", "torch", *PEERS))
    seconds = sum(family["seconds"] for family in found.values())
    loads = [family["load"] for family in found.values()]
    units = ", ".join(last["bf16_units"]) or "none"
    return (
        f"{machine['processor']}, {machine['cores']} cores, {last['instructions']}, bf16 units: "
        f"{units}; one thread unless a row says otherwise; load while measuring "
        f"{min(loads):.1f} to {max(loads):.1f}.\n"
        f"{named}.\n{last['finished']}; {seconds:.0f} s in all."
    )


def _cells(row: Mapping[str, Any]) -> list[str]:
    bounds = [row["low"], row["high"]]
    ranged = "" if any(map(_absent, bounds)) else "–".join(_number(bound) for bound in bounds)
    goal = row["goal"]
    if row["met"] is not None and not _absent(row["met"]):
        goal += " met" if row["met"] else " MISSED"
    return [
        str(row["number"]),
        *(row[key] for key in ("what", "against", "precision")),
        *(_number(row[key]) for key in ("ours", "theirs")),
        row["unit"],
        _number(row["ratio"]),
        ranged,
        goal,
        row["note"],
    ]


def _as_text(table: pd.DataFrame) -> str:
    lines = [[*HEADINGS, "asked", "note"], *(_cells(row) for row in table.to_dict("records"))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    widths[-1] = 0
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _as_markdown(table: pd.DataFrame) -> str:
    lines = [[*HEADINGS, "asked", "note"], ["---"] * (len(HEADINGS) + 2)]
    lines += [_cells(row) for row in table.to_dict("records")]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(value: Any) -> Any:
    return None if _absent(value) else value


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _number(value: Any) -> str:
    return "" if _absent(value) else f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
