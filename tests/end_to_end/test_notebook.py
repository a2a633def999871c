"""The notebook of docs/ is what its code gives."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs/notebook.ipynb"
KILOBYTES = 200
ROW = re.compile(r"^([a-z].*?)  +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+)$", re.MULTILINE)


def cells(path: Path) -> list:
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def said(found: list) -> str:
    """Every text that the cells gave."""
    outputs = [output for cell in found for output in cell.outputs]
    return "\n".join(each.get("text") or each["data"]["text/plain"] for each in outputs)


def table(found: list) -> dict[str, list[float]]:
    """Network -> accuracy, agreement, rho, image-specific rho."""
    return {name: [float(each) for each in numbers] for name, *numbers in ROW.findall(said(found))}


def test_the_notebook_was_executed_in_order_and_is_small():
    found = cells(NOTEBOOK)
    assert [cell.execution_count for cell in found] == list(range(1, len(found) + 1))
    kinds = {output.output_type for cell in found for output in cell.outputs}
    assert kinds == {"execute_result", "stream"}  # no errors
    assert all(each.get("name", "stdout") == "stdout" for cell in found for each in cell.outputs)
    assert any("image/png" in each.get("data", {}) for cell in found for each in cell.outputs)
    assert NOTEBOOK.stat().st_size < 1024 * KILOBYTES
    assert list(table(found)) == ["teacher, 30 % pruned", "distilled", "labels only"]


@pytest.mark.long(3, minutes=2)
def test_executing_it_again_gives_its_numbers(monkeypatch):
    """Up to what another processor makes of a training: the order of the networks stays."""
    from nbclient import NotebookClient

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    fresh = nbformat.read(NOTEBOOK, 4)
    NotebookClient(fresh, timeout=500, resources={"metadata": {"path": NOTEBOOK.parent}}).execute()
    again = [cell for cell in fresh.cells if cell.cell_type == "code"]
    former, now = table(cells(NOTEBOOK)), table(again)
    assert list(now) == list(former)
    for name, numbers in former.items():
        assert now[name] == pytest.approx(numbers, abs=0.1), name
    pruned, distilled = now["teacher, 30 % pruned"], now["distilled"]
    assert pruned[-1] > distilled[-1]
