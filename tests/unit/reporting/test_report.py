import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from distilscope import registry, store
from distilscope.analyses.alignment.sections import explorer
from distilscope.configuration import patterns
from distilscope.reporting import appendix, figures, findings, reasons, report, summary

from . import made_models
from .conftest import build, explorer_data, given

LOADS = {"src", "href", "action", "data", "poster", "srcset", "formaction", "background"}


def test_nothing_is_loaded_from_outside_the_file(read_page):
    for tag, attrs in read_page.elements:
        for name in LOADS & attrs.keys():
            assert attrs[name].startswith(("#", "data:")), (tag, name, attrs[name][:80])
        assert tag not in ("link", "iframe", "object", "embed", "base") or attrs["rel"] == "icon"
        assert not any(name.startswith("on") for name in attrs)
    for _, _, body in read_page.scripts:
        assert not re.search(r"https?://|fetch\(|XMLHttpRequest|import\(|@import|url\(", body)


def test_the_policy_allows_this_script_and_style_and_no_network(read_page):
    policies = [m for m in read_page.of("meta") if m.get("http-equiv")]
    (policy,) = [meta["content"] for meta in policies]
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    for kind in ("script", "style"):
        bodies = [
            body for tag, attrs, body in read_page.scripts if tag == kind and "type" not in attrs
        ]
        digest = base64.b64encode(hashlib.sha256("".join(bodies).encode()).digest()).decode()
        assert len(bodies) == 1 and f"{kind}-src 'sha256-{digest}'" in policy


def test_the_summary_comes_first_and_holds_every_model(read_page, study):
    ids = [attrs["id"] for attrs in read_page.of("section")]
    assert ids == [
        *("summary", "claims", "evidence", "explorer", "shortcuts"),
        *("undefined", "method", "provenance"),
    ]
    text = " ".join(read_page.text)
    for condition in study.tables().conditions:
        assert condition.label in text


def test_the_summary_shows_the_tables_numbers(page, study):
    text = page.read_text(encoding="utf-8")
    q = 0.68 + 0.04 + 0.01
    rho = 0.52 * q - 0.01
    row = re.search(r'<th scope="row">small T=4.*?</tr>', text, re.DOTALL).group()
    assert f"{rho:.2f} [{rho - 0.014:.2f}, {rho + 0.014:.2f}]" in row
    assert f"{0.2 + 0.53 * q:.2f} ({0.15 + 0.47 * q:.2f})" in row


def test_evidence_stands_under_the_question_of_its_analysis(page, study):
    text = page.read_text(encoding="utf-8")
    on = [each for name, each in registry.analyses().items() if name in study.analyses]
    shown = [analysis for analysis in on if analysis.figures]
    places = [text.index(f'id="question-{analysis.name}"') for analysis in shown]
    assert places == sorted(places)
    assert 'id="question-parts"' not in text
    assert places[0] < text.index('id="figure-per-class"') < text.index('id="comparison"')
    assert text.index('id="comparison"') < places[1]


def test_a_study_of_outputs_alone_says_nothing_of_maps(tmp_path):
    """No table, figure, section, column, sentence or script of what the study doesn't ask."""
    made = replace(build(tmp_path, explored=4, images=40), analyses={"outputs": {}})
    for name in ("divergent", "covariation", "parts", "shortcuts", "randomisation"):
        (made.folder / "tables" / f"{name}.parquet").unlink()
    made.draw()
    page = made.report()
    text = page.read_text(encoding="utf-8").split("</style>")[1]
    shown = re.sub(r'<section id="(claims|undefined)".*?</section>', "", text, flags=re.DOTALL)
    shown = re.sub(r'src="data:[^"]*"', "", shown)
    for absent in ("ρ", "GradCAM", "explorer", "shortcut", "twin's maps", "IoU", "<script"):
        assert absent not in shown, absent
    assert "Distilled students get" in shown and "nothing is better at once in size" in shown
    assert "isrho" not in (page.parent / "summary.txt").read_text()


def test_a_study_without_parts_or_printed_numbers_has_no_section_of_them(page):
    text = page.read_text(encoding="utf-8")
    assert 'id="parts"' not in text and "What the study printed" not in text


def test_every_figure_is_inside_with_words_for_those_who_do_not_see_it(read_page, study):
    pictures = read_page.of("img")
    names = study.settings["figures"]
    drawn = [name for name in names if "why_empty" not in drawn_columns(study, name)]
    assert len(drawn) > 10
    for attrs, name in zip(pictures, drawn, strict=True):
        assert len(attrs["alt"]) > 30
        kind, data = attrs["src"].split(",", 1)
        assert kind == "data:image/svg+xml;base64"
        assert base64.b64decode(data) == (study.figures / f"{name}.svg").read_bytes()


def drawn_columns(study, name):
    return (study.figures / f"{name}.csv").read_text().splitlines()[0].split(",")


def test_every_control_has_a_label_and_every_picture_a_text(read_page):
    assert all("alt" in attrs for attrs in read_page.of("img"))
    template = Path(explorer.__file__).with_name("explorer.html").read_text(encoding="utf-8")
    labelled = re.findall(r"<label>[^<]+<select", " ".join(template.split()))
    assert len(labelled) == len(read_page.of("select")) == 4
    assert read_page.of("html")[0]["lang"] == "en"


def test_words_of_a_configuration_in_a_sentence_are_set_off_as_code(study):
    written = study.report("set `lr` & `<b>`", into="code").read_text(encoding="utf-8")
    assert "set <code>lr</code> &amp; <code>&lt;b&gt;</code>" in written
    assert "`lr`" not in re.sub("<script.*?</script>", "", written, flags=re.DOTALL)


def test_undefined_numbers_are_counted_with_their_reasons(read_page):
    text = " ".join(" ".join(read_page.text).split())
    assert "fewer positive cells than the top 20 %" in text
    # Floor, class 3: three measures at two subsets, two resolutions and two layers.
    assert re.search(r"no map with a positive cell 1 24 24 12 image_specific_rho, iou20, rho", text)


def test_undefined_numbers_are_grouped_by_their_reason_whatever_its_counts(study):
    """Each row says how many images: a row of the report for each count filled the page."""
    tables = study.tables()
    rows = tables.measures.head(40).copy()
    rows["measure"] = ["rho", "cosine"] * 20
    rows["n_undefined"] = range(1, 41)
    rows["reason"] = [f"{n} undefined: a is dead ({n - 1}); b is level (1)" for n in range(1, 41)]
    found = appendix.undefined(study.tables(measures=rows)).to_dict("records")
    assert [row["reason"] for row in found] == ["a is dead", "b is level"]
    first = found[0]
    assert (first["numbers"], first["least"], first["most"]) == (40, 1, 40)
    assert first["measures"] == ["cosine", "rho"]


@pytest.mark.parametrize(
    ("reason", "causes"),
    [
        ("12 undefined: it is dead (7); it is level (5)", ["it is dead", "it is level"]),
        ("denominator 0.013 is under 0.05", ["the denominator is under 0.05"]),
        (
            "the interval of denominator 0.061 begins at -0.004, under 0.05",
            ["the interval of the denominator begins under 0.05"],
        ),
        ("1 of 3 seeds undefined", ["a seed is undefined"]),
        (
            "fewer than a batch (`observe.gram_batch`)",
            ["fewer than a batch (`observe.gram_batch`)"],
        ),
    ],
)
def test_a_reason_is_split_into_causes_without_counts(reason, causes):
    assert reasons.split(reason) == causes


def test_the_undefined_is_folded_and_nothing_is_said_of_figures_that_are_not_planned(page):
    text = page.read_text(encoding="utf-8")
    section = re.search(r'<section id="undefined".*?</section>', text, re.DOTALL).group()
    assert section.index("<details>") < section.index("<table>")
    assert "figure-regimes" not in text


def test_a_planned_figure_without_a_number_is_folded_with_its_reason(tmp_path):
    """No row of `histories` is left though models were trained."""
    made = build(tmp_path, models=made_models.default_models()[:3], explored=4, images=40)
    made = replace(made, analyses={"outputs": {}})
    path = made.folder / "tables" / "histories.parquet"
    store.write_table(path, store.read_table(path)[:0])
    made.draw()
    text = made.report().read_text(encoding="utf-8")
    assert "1 figure not drawn" in text
    hint = re.search(r'<p class="hint" id="figure-training">.*?</p>', text).group()
    assert "no model of this study was trained" in hint
    assert text.count("<figure ") == 2


def test_the_first_figure_answers_the_question_of_the_page(read_page):
    first = next(attrs for attrs in read_page.of("figure"))
    assert first["id"] == "figure-consistency"


def test_warnings_of_jobs_stand_above_the_first_table_each_once(study):
    said = "the network's rows sum to 1: <softmax> twice?"
    text = study.report(warnings=[said], into="warned").read_text(encoding="utf-8")
    block = re.search(r'<aside class="warnings".*?</aside>', text, re.DOTALL)
    assert block.start() < text.index("<table")
    assert "1 warning<" in block.group()
    assert block.group().count("&lt;softmax&gt;") == 1
    assert "(model teacher-s1, model x&lt;y&gt;, comparison pair)" in block.group()


def test_without_warnings_there_is_no_block_of_them(page):
    assert 'class="warnings"' not in page.read_text(encoding="utf-8")


def test_the_page_of_given_models_explains_no_roles_that_it_lacks(tmp_path):
    made = given(tmp_path)
    made.draw()
    text = made.report().read_text(encoding="utf-8")
    assert "<dt>Given</dt>" in text
    for absent in ("<dt>Distilled</dt>", "<dt>Labels only</dt>", "after their last epoch"):
        assert absent not in text


def test_every_bracket_of_a_caption_is_for_a_role():
    """Another form stays in the text as it was written."""
    for analysis in registry.analyses().values():
        for name, figure in analysis.figures.items():
            brackets = re.findall(r"\[[^\]\d][^\]]*\]", figure.caption)
            for bracket in brackets:
                role, known = bracket[1:].partition(": ")[::2]
                assert known and role in (*patterns.ROLES, "given"), (name, bracket)


def test_a_study_without_claims_has_no_section_of_them(tmp_path):
    made = build(tmp_path)
    file = tmp_path / "tables" / "claims.parquet"
    store.write_table(file, store.read_table(file).iloc[:0])
    made.draw()
    text = made.report().read_text(encoding="utf-8")
    assert 'href="#evidence"' in text and "#claims" not in text and ">Claims<" not in text


def test_an_interval_that_includes_zero_is_marked_in_the_table(page):
    rows = re.findall(r'<tr class="role-[a-z]+">.*?</tr>', page.read_text("utf-8"), re.DOTALL)
    marked = [re.search(r'<th scope="row">([^<]+)', r)[1] for r in rows if "includes 0" in r]
    assert [name.strip() for name in marked] == ["medium, untrained"]


def test_settings_and_provenance_are_shown(read_page):
    text = " ".join(" ".join(read_page.text).split())
    assert "seeds 1" in text and "data.x none" in text and "precision bf16" in text
    assert "abababababab" in text and "torch 2" in text and "x<y>" in text


def test_the_terminal_summary_lies_beside_the_page(page, study):
    text = (page.parent / "summary.txt").read_text()
    assert text == summary.text(study.tables())


def test_the_page_stays_small(page):
    assert page.stat().st_size < 8_000_000


def test_a_page_over_the_limit_is_refused(study, monkeypatch):
    monkeypatch.setattr(report, "MAX_BYTES", 1000)
    with pytest.raises(report.PageTooLarge, match="at most"):
        study.report()


def test_an_altered_figure_is_refused(study, tmp_path):
    (tmp_path / "training.svg").write_bytes(b"<svg/>")
    with pytest.raises(store.DamagedFile, match=r"training\.svg"):
        report._picture(figures.shown(study.tables())["training"], tmp_path)


# -------------------------------------------------------------------------- hostile names


def test_hostile_names_add_no_element(hostile, read_hostile, read_page):
    def kinds(reader):
        return {tag for tag, _ in reader.elements}

    assert kinds(read_hostile) <= kinds(read_page)
    assert len(read_hostile.of("script")) == 2
    named = [found for found in read_hostile.of("p") if found.get("id", "").startswith("figure-")]
    assert len(read_hostile.of("img")) + len(named) == len(hostile.settings["figures"])
    assert all(found["class"] == "hint" for found in named)
    assert all("onerror" not in attrs for _, attrs in read_hostile.elements)


def test_hostile_names_are_shown_as_they_are(read_hostile):
    text = " ".join(read_hostile.text)
    for name in ("</script><script>alert(1)</script>", "鞋子 👟", "\"'quoted'\" -->"):
        assert name in text
    assert "</title><script>alert(3)</script>" in text
    assert "a<b>&\"'$x$ T=4" in text
    assert "<key>" in text and "\"</td><img src=x>'" in text


def test_hostile_names_pass_unchanged_through_the_embedded_data(read_hostile):
    data = explorer_data(read_hostile)
    assert data["classes"][0] == "</script><script>alert(1)</script>"
    assert data["models"][0]["id"] == "<img src=x onerror=alert(2)>"


@pytest.mark.parametrize(
    ("method", "words"),
    [("gradcam", "Maps are GradCAM of each"), ("saliency", "Maps are Saliency of each")],
)
def test_the_maps_that_stand_for_all_are_called_by_their_own_method(study, method, words):
    analyses = {**study.settings["analyses"], "alignment": {"method": method}}
    assert words in findings.method(study.tables({"analyses": analyses}))


def test_without_a_method_at_layers_maps_are_of_the_input(study):
    analyses = {**study.settings["analyses"], "alignment": {"method": None}}
    assert "Maps are of the input" in findings.method(study.tables({"analyses": analyses}))
