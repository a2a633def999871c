"""Release against release: what fell by more than the interval of its difference."""

import json

import pytest

from distilscope.auditing import earlier, record, words
from distilscope.auditing.record import Audit, BadRecord


def audit(*numbers, **changes) -> Audit:
    model = {
        **{"id": "small", "condition": "small", "label": "small", "role": "student"},
        **{"network": "small", "source": "given", "architecture": "plain-small"},
        **{"reference": "big", "parameters": 9, "identity": "a" * 12},
    }
    usual = {
        **{"study": "audit", "title": "Audit", "distilscope": "0.1.0", "identity": "b" * 12},
        **{"report": "results/audit/report.html", "level": 0.95, "answer": ["Well."]},
        "images": {"data": "pictures", "identity": "c" * 12, "count": 60, "classes": 3},
        **{"models": [model], "caveats": [], "verdict": "nothing required", "exit_code": 0},
        **{"requirements": [], "earlier": None, "numbers": list(numbers)},
    }
    return Audit.model_validate({**usual, **changes})


def number(value, low=None, high=None, measure="accuracy", **changes):
    usual = {"model": "small", "measure": measure, "analysis": "outputs", "headline": True}
    return {**usual, "value": value, "low": low, "high": high, **changes}


def moved(now, before):
    (found,) = earlier.compare(audit(now), audit(before)).numbers
    return found


def test_the_interval_of_a_difference_is_that_of_mover():
    """By hand: Zou and Donner 2008, of 0.80 [0.77, 0.84] - 0.90 [0.86, 0.92]."""
    found = moved(number(0.80, 0.77, 0.84), number(0.90, 0.86, 0.92))
    assert found.difference == pytest.approx(-0.10)
    assert found.low == pytest.approx(-0.10 - (0.03**2 + 0.02**2) ** 0.5)
    assert found.high == pytest.approx(-0.10 + (0.04**2 + 0.04**2) ** 0.5)
    assert found.change == "fell"


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [
        (number(0.85, 0.80, 0.90), number(0.90, 0.86, 0.92), "within"),
        (number(0.98, 0.97, 0.99), number(0.90, 0.88, 0.92), "rose"),
        (number(0.10, 0.09, 0.11, "ece"), number(0.02, 0.01, 0.03, "ece"), "fell"),
        (number(0.02, 0.01, 0.03, "ece"), number(0.10, 0.09, 0.11, "ece"), "rose"),
        (number(2.0, 1.9, 2.1, "temperature"), number(1.0, 0.9, 1.1, "temperature"), "moved"),
        (number(10.0, measure="parameters"), number(9.0, measure="parameters"), "fell"),
        (number(None, reason="none"), number(0.90, 0.86, 0.92), "not comparable"),
        (number(0.9, 0.8, 1, subset="all"), number(0.9, 0.8, 1, subset="common"), "not comparable"),
    ],
)
def test_worse_is_what_the_measure_says(now, before, change):
    assert moved(now, before).change == change


def test_other_references_and_classes_are_left_out():
    stray = [number(0.1, reference="twin"), number(0.2, where={"class": 3})]
    assert earlier.compare(audit(*stray), audit(*stray)).numbers == []


def test_other_images_and_other_models_are_said():
    other = {"data": "pictures", "identity": "d" * 12, "count": 50, "classes": 3}
    renamed = audit().models[0].model_copy(update={"id": "tiny"})
    found = earlier.compare(audit(), audit(images=other, models=[renamed], level=0.9))
    assert not found.same_images
    notes = " ".join(found.notes)
    for part in ("are not those of the earlier", "0.9", "earlier audit: tiny", "new here: small"):
        assert part in notes


def test_what_fell_is_in_the_summary_of_a_pull_request():
    now, before = audit(number(0.5, 0.4, 0.6)), audit(number(0.9, 0.86, 0.92))
    beside = now.model_copy(update={"earlier": earlier.compare(now, before)})
    text = words.markdown(beside)
    assert "1 got worse by more than the interval" in text
    assert "accuracy of small: 0.900 to 0.500" in text


def test_what_jobs_found_wrong_is_in_the_terminal_and_in_the_summary_of_a_pull_request():
    long = "7 of 86 pictures can't be used: " + "; ".join(f"cat/{n}.png" for n in range(90))
    found = audit(notes=["the EXIF orientation of 1 picture is not applied", long])
    for text in (words.markdown(found), words.terminal(found, "table", [])):
        assert "EXIF orientation of 1 picture" in text and "7 of 86 pictures" in text
    said = words.terminal(found, "table", [])
    assert "cat/89.png" not in said and all(len(line) <= words.WIDTH for line in said.splitlines())
    assert "To know" not in words.terminal(audit(), "table", [])


def test_hostile_names_do_not_break_the_table_of_a_pull_request():
    model = audit().models[0].model_copy(update={"label": "a|b\n<img>"})
    text = words.markdown(audit(models=[model]))
    assert "| a\\|b \\<img\\> |" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no JSON"),
        ("[]", "`format` is None"),
        ('{"format": "distilscope-audit/0"}', "expected 'distilscope-audit/1'"),
        ('{"format": "distilscope-audit/1"}', "is no whole audit.json: study"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path, text, words):
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(BadRecord, match=words):
        record.read(tmp_path / "audit.json")


def test_a_record_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadRecord, match="can't be read: No such file"):
        record.read(tmp_path / "audit.json")


def test_a_record_reads_back_as_it_was_written(tmp_path):
    found = audit(number(0.5, 0.4, 0.6), number(None, reason="why"))
    (tmp_path / "audit.json").write_text(json.dumps(found.model_dump(mode="json")))
    assert record.read(tmp_path / "audit.json") == found
