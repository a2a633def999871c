import html
import re

import pytest

from distilscope.analyses.parts import section as parts
from distilscope.analyses.parts.rows import importance, of_regions
from distilscope.reporting import findings, names, summary, verdicts

from .made_parts import FINDINGS, build_parted, regions, stand_ins
from .test_part_figures import TINY, of_maps


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = build_parted(tmp_path_factory.mktemp("parted"))
    stand_ins(made)
    return made


@pytest.fixture(scope="module")
def page(study):
    return study.report().read_text(encoding="utf-8")


def words_of(text):
    """What a reader sees of a piece of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def between(page, start, end):
    return page[page.index(start) : page.index(end, page.index(start))]


def row_of(piece, label):
    """The cells of the row that begins with a label."""
    row = re.search(rf'<th scope="row">{re.escape(label)}</th>(.*?)</tr>', piece, re.DOTALL)
    return re.findall(r"<td[^>]*>(.*?)</td>", row.group(1), re.DOTALL)


# ----------------------------------------------------------------------------- the sub-section


@pytest.mark.parametrize(("method", "place"), [("saliency", 0), ("gradcam", 1)])
def test_a_table_a_method_holds_the_means_over_seeds(study, page, method, place):
    section = between(page, '<h3 id="parts">', 'id="question-')
    block = section.split("<details")[place + 1]
    found = row_of(block, "tiny T=4 α=0.9")
    wanted = [f"{of_maps(study, measure, TINY, method):.2f}" for measure in parts.COLUMNS]
    assert [text.split(" [")[0] for text in found] == wanted
    assert [" [" in text for text in found] == [True, False, True, *[False] * 3, True, False]
    teacher = row_of(block, "Teacher")
    assert teacher[:2] == ["–", "–"]
    assert teacher[2].startswith(f"{of_maps(study, 'focus', 'teacher-s1', method):.2f} [")


def test_the_section_says_what_parts_are_which_map_is_the_headline_and_what_was_found(page):
    section = words_of(between(page, '<h3 id="parts">', 'id="question-'))
    assert section.startswith("Parts: where the models look Parts are known")
    assert "The headline is Saliency with the mass of |map|" in section
    assert "inside the teacher's top 2 parts" in section
    assert "On images that teacher and twin both get right" in section
    for sentence in FINDINGS:
        assert sentence in section
    assert section.index("Saliency, mass of |map|") < section.index("GradCAM, mass of |map|")


def test_findings_are_read_from_the_table_and_cannot_be_markup(study, page):
    assert "<b>sail" not in page and "&lt;b&gt;sail" in page
    assert tuple(study.tables()["parts"].attrs["findings"]) == FINDINGS


def test_regions_are_never_called_parts(study):
    tables = regions(study)
    found = parts.context(tables)
    said = " ".join((*found["about"], *found["grids"][0].columns, *parts.answer(tables)))
    first, second = said.split("are no parts of an object")
    assert "cut without knowing what is there" in first
    assert not re.search(r"\bparts?\b", (first + second).lower())


# ------------------------------------------------------------------------------ what was printed


def test_what_the_study_printed_is_listed_with_trust_source_and_error(page):
    section = between(page, '<section id="claims"', "</section>")
    assert "What the study printed (5 numbers)" in section
    assert row_of(section, "A, weight .1") == [
        *("logit_rho", "0.875", "summary", "its &lt;table&gt;", "–"),
    ]
    assert row_of(section, "B")[-1] == "95 % of seeds"


def test_printed_numbers_keep_the_order_of_the_claims_file(study):
    values = [row[2] for row in verdicts.printed(study.tables()).rows]
    assert values == ["0.5", "0.3", "0.875", "0.11", "0.22"]


# ---------------------------------------------------------------------------------- the sentence


def test_the_answer_gives_the_extremes_of_students_and_every_null(study):
    def written(measure, *models):
        return f"{of_maps(study, measure, models):.2f}"

    low, high = ("tiny-kd-T1-a0.9-s1",), ("own-kd-T4-a0.9-s1", "own-kd-T4-a0.9-s2")
    (text,) = parts.answer(study.tables())
    both = [(written("part_rho", *ids), written("null_part_rho", *ids)) for ids in (low, high)]
    assert (
        f"a ρ of {both[0][0]} (tiny T=1 α=0.9; null {both[0][1]}) to "
        f"{both[1][0]} (own T=4 α=0.9; null {both[1][1]}) for distilled students" in text
    )
    twin = f"{written('part_rho', 'twin-s2')} (null {written('null_part_rho', 'twin-s2')})"
    assert f"{twin} for the teacher's twin" in text
    assert "(tiny, labels only; null " in text and "By Saliency (mass of |map|)" in text


def test_the_answer_is_in_the_summary_of_the_page_and_of_the_terminal(study, page):
    tables = study.tables()
    (said,) = parts.answer(tables)
    assert said in findings.answer(tables, summary.summarise(tables))
    assert said in words_of(between(page, '<section id="summary"', "</section>"))
    text = (study.folder / "report" / "summary.txt").read_text()
    assert names.ascii_only(said) in " ".join(text.split())


def test_the_terminal_has_no_letter_beyond_ascii_and_no_line_beyond_100(study):
    text = summary.text(study.tables())
    assert text.isascii() and max(map(len, text.splitlines())) <= 100
    line = next(line for line in text.splitlines() if line.startswith("small T=4 alpha=0.5"))
    assert f"{100 * made_accuracy(study, 'small-kd-T4-a0.5'):.1f}" in line


def made_accuracy(study, prefix):
    own = [made.quality for made in study.builder.models if made.id.startswith(prefix)]
    return sum(0.10 + 0.83 * quality**0.4 for quality in own) / len(own)


def test_nothing_measured_over_parts_is_said(study):
    tables = study.tables()
    rows = tables.measures[tables.measures["measure"] != "part_rho"]
    assert parts.answer(study.tables(measures=rows)) == ["Likeness over parts was not measured."]


# ------------------------------------------------------------------------------------------ names


def test_names_are_words_and_an_unknown_one_is_itself():
    assert names.method("integrated-gradients") == "Integrated gradients"
    assert names.method("my-method") == "my-method"
    assert importance("sum_signed") == "signed sum"
    assert importance("own_kind") == "own kind"


def test_only_the_word_part_becomes_region():
    text = "Parts of a part: partly a party, depart; the parts' share"
    said = "Regions of a region: partly a party, depart; the regions' share"
    assert of_regions(text) == said


def test_a_terminal_gets_greek_by_name():
    assert names.ascii_only("ρ −0.5 at α=1, 鞋") == "rho -0.5 at alpha=1, ?"
