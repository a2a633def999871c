"""What a study does not have is not planned: tables and figures without a row or a mark."""

from __future__ import annotations

import pytest

from .made_study import REPOSITORY
from .made_teachers import CE, KD, study

GRID = {"source": "grid", "settings": {"rows": 2, "columns": 2}}
PLAIN = REPOSITORY / "resources/composed-parts/plain.json"
DRAWN = {"name": "composed-parts", "path": str(PLAIN)}


@pytest.mark.parametrize(
    ("grid", "planned"), [([{**KD, "students": ["tiny"]}], False), ([KD, CE], True)]
)
def test_covariation_is_planned_where_two_students_can_vary_together(grid, planned):
    made = study(grid=grid, floors=[])
    assert ("covariation.parquet" in made.tables.files) == planned
    assert ("covariation" in made.figure_names) == planned


@pytest.mark.parametrize(
    ("data", "parts", "planned"),
    [
        (None, GRID, True),
        (None, {**GRID, "removal": False}, False),
        (DRAWN, {"source": "annotated", "removal": False}, True),
        (DRAWN, {**GRID, "removal": False}, False),
    ],
    ids=["removal", "no removal", "deciding parts are known", "regions of drawn images"],
)
def test_a_figure_says_which_map_to_believe_where_something_tells(data, parts, planned):
    chosen = {"data": data} if data else {}
    made = study(analyses={"alignment": {}, "parts": parts}, **chosen)
    assert ("faithfulness" in made.figure_names) == planned
    assert "parts" in made.figure_names
