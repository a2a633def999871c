import math
import re
from dataclasses import replace

import pytest

from distilscope.reporting import summary, verdicts


def test_a_verdict_a_claim_in_the_order_of_the_file(study):
    found = verdicts.verdicts(study.tables())
    assert [claim.verdict for claim in found] == list(verdicts.ORDER)
    assert (found[0].ours.value, found[0].ours.low) == (0.025, 0.0126)
    assert (found[0].published, found[0].trust) == (0.0122, "verified")
    assert math.isnan(found[3].ours.value)
    assert (found[1].trust, found[1].note) == ("", "")


def test_the_count_names_what_there_is(study):
    found = verdicts.verdicts(study.tables())
    assert verdicts.counted(found) == (
        "Of 4 claims 1 is supported, 1 is contradicted, 1 is undetermined and 1 is not tested."
    )
    assert verdicts.counted(found[:1] * 2) == "Of 2 claims 2 are supported."
    assert verdicts.counted([]) == ""


def test_the_terminal_shows_verdicts_in_100_columns_of_ascii(study):
    lines = verdicts.lines(study.tables())
    text = " ".join(lines)
    assert max(map(len, lines)) <= 100
    assert text.isascii()
    assert "raises <accuracy> & rho." in text
    assert "0.025 [0.013, 0.037]" in text
    assert [line.split("  ")[0] for line in lines[1:] if line[0] != " "] == list(verdicts.ORDER)
    assert "not tested" in summary.text(study.tables())


def test_without_claims_nothing_is_said(study):
    tables = study.tables()
    none = replace(tables, claims=tables.claims.iloc[:0])
    assert verdicts.lines(none) == []
    assert "Claims" not in summary.text(none)


def test_the_page_shows_claim_verdict_interval_mark_and_reason(page):
    text = page.read_text(encoding="utf-8")
    section = re.search(r'<section id="claims".*?</section>', text, re.DOTALL).group()
    rows = re.findall(r'<tr><th scope="row">.*?</tr>', section, re.DOTALL)
    first, second = rows[0], rows[1]
    assert "Distillation raises &lt;accuracy&gt; &amp; ρ." in first
    assert 'class="verdict supported">supported<' in first
    assert "0.025 [0.013, 0.037]" in first
    assert re.search(r"0\.0122 <span class=\"trust\">\(verified\)", first)
    assert "Holds here" in first
    assert "−0.200 [−0.300, −0.100]" in second
    assert "<td>–</td>" in second


def test_a_word_of_a_configuration_in_a_note_is_set_off_and_what_looks_like_html_is_text(study):
    claim = replace(verdicts.verdicts(study.tables())[0], note="`T: 4` is <its> reading")
    why = str(verdicts._cells(claim)[-1])
    assert "Published: <code>T: 4</code> is &lt;its&gt; reading</span>" in why


@pytest.mark.parametrize("words", ["Does not hold here.", "14 seeds would decide.", "no twin"])
def test_every_reason_is_on_the_page(page, words):
    assert words in page.read_text(encoding="utf-8")
