"""The study as a file: it is what was meant, and edits of it are known."""

from __future__ import annotations

import pytest
import yaml

from distilscope.auditing import writing

FOUND = {"study": "ü", "data": {"path": "a b"}}
COMMAND = ["distilscope", "audit", "--preprocessing", "{mean: [0.5],\nstd: [0.5]}"]


def test_a_command_of_several_lines_stays_a_comment(tmp_path):
    assert yaml.safe_load(writing.text(FOUND, COMMAND)) == FOUND


def test_edits_are_known_and_what_the_command_wrote_may_be_written_over(tmp_path):
    path = tmp_path / "audit.yaml"
    writing.check_unedited(path)
    text = writing.text(FOUND, COMMAND)
    for unedited in (text, text.replace("\n", "\r\n"), f"{text}\n", "study: of an earlier version"):
        path.write_text(unedited, encoding="utf-8", newline="")
        writing.check_unedited(path)
    path.write_text(text.replace("a b", "c d"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"was edited .* --configuration .*audit\.yaml"):
        writing.check_unedited(path)
