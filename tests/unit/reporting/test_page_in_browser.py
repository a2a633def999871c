"""The report in a real browser: filters, keyboard, mouse, pictures, silence on the network."""

import base64
from dataclasses import replace
from urllib.parse import urlencode

import numpy as np
import pytest

from distilscope.analyses.alignment.sections import pictures
from distilscope.measuring.observations import UNLABELLED
from distilscope.reporting import report

from . import browser

pytestmark = pytest.mark.skipif(browser.executable() is None, reason="Chromium is not installed")

STUDENT = "tiny-kd-T4-a0.9-s1"
CONTRASTS = """(() => {
  const parts = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [x, y, z] = [r, g, b].map((v) => linear(v / 255));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const found = parts(getComputedStyle(node).backgroundColor);
      if (found.length < 4 || found[3] > 0.5) return found;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll('body *:not(script):not(style)')) {
    const own = [...node.childNodes].some((it) => it.nodeType === 3 && it.textContent.trim());
    if (!own || !node.getClientRects().length) continue;
    const [a, b] = [light(parts(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push([node.tagName, node.className, node.textContent, ratio]);
  }
  return faint.slice(0, 5);
})()"""
CARDS = "[...document.querySelectorAll('.card')]"


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser.opened(tmp_path_factory.mktemp("profile")) as found:
        yield found


def address(page, **state):
    return page.as_uri() + ("#" + urlencode(state) if state else "")


def shown(tab):
    return [int(index) for index in tab.js(f"{CARDS}.map((card) => card.dataset.index)")]


def rows(study, model=STUDENT):
    table = study.tables()["divergent"]
    return table[table["model"] == model]


def test_the_page_opens_in_silence_and_asks_for_nothing(tab, page):
    tab.complaints.clear()
    tab.requests.clear()
    tab.open(address(page))
    assert tab.complaints == []
    outside = [url for url in tab.requests if not url.startswith("data:")]
    assert set(outside) <= {page.as_uri(), "about:blank"}
    assert len(shown(tab)) == 24
    assert tab.js("[...document.images].every((image) => image.naturalWidth > 0)")


def test_the_policy_stops_a_request_that_a_script_would_make(tab, page):
    tab.open(address(page))
    for request, directive in (
        ("new Image().src = 'http://127.0.0.1:9/x.png'", "img-src"),
        ("fetch('http://127.0.0.1:9/x').catch(() => 0)", "connect-src"),
    ):
        refused = tab.js(
            "new Promise((done) => { document.addEventListener('securitypolicyviolation',"
            f"(event) => done(event.effectiveDirective), {{ once: true }}); {request}; }})"
        )
        assert refused == directive


@pytest.mark.parametrize(
    ("order", "column"), [("primary", "image_specific_rho_unit"), ("rho", "rho")]
)
def test_the_lowest_comes_first(tab, page, study, order, column):
    tab.open(address(page, student=STUDENT, order=order, show="all", **{"class": "all"}))
    expected = rows(study).sort_values([column, "index"])["index"].head(24)
    assert shown(tab) == expected.tolist()


def test_images_are_in_the_order_of_the_primary_measure_until_another_is_chosen(tab, page, study):
    tab.open(address(page))
    expected = rows(study, "medium-kd-T4-a0.9-s1").sort_values(["image_specific_rho_unit", "index"])
    assert shown(tab) == expected["index"].head(24).tolist()
    value = f"{expected['image_specific_rho_unit'].iloc[0]:.2f}".replace("-", "−")
    assert f"ρ = {value} (raw " in tab.js(f"{CARDS}[0].textContent")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_the_page_fits_a_phone_and_is_readable_in_the_dark(tab, page, width, scheme):
    """Nothing but what scrolls by itself is wider than the window; text contrasts by 4.5 (WCAG)."""
    tab.call(
        "Emulation.setDeviceMetricsOverride",
        **{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    wanted = {"name": "prefers-color-scheme", "value": scheme}
    tab.call("Emulation.setEmulatedMedia", features=[wanted])
    try:
        tab.open(address(page))
        assert tab.js("document.documentElement.scrollWidth") <= width
        faint = tab.js(CONTRASTS)
        assert faint == []
        assert tab.js("document.querySelector('figure img').getBoundingClientRect().width") >= 600
    finally:
        tab.call("Emulation.clearDeviceMetricsOverride")
        tab.call("Emulation.setEmulatedMedia", features=[])


def test_filters_by_class_and_by_agreement_show_the_right_images(tab, page, study):
    tab.open(address(page, student=STUDENT, order="rho", show="all", **{"class": "3"}))
    own = rows(study)
    dresses = own[own["label"] == 3]
    assert sorted(shown(tab)) == sorted(dresses["index"])
    tab.js(
        "(() => { const c = document.getElementById('choose-show'); c.value = 'differ';"
        "c.dispatchEvent(new Event('change')); })()"
    )
    differ = dresses[dresses["prediction"] != dresses["reference_prediction"]]
    assert sorted(shown(tab)) == sorted(differ["index"])
    assert "show=differ" in tab.js("location.hash")
    status = tab.js("document.getElementById('explorer-status').textContent")
    assert len(differ) and f"{len(differ)} of 60" in status


def test_without_labels_the_filters_speak_of_predictions_alone(tab, study, tmp_path):
    """The teacher's prediction stands where a label would."""
    tables = study.tables()
    bare = tables.measures["measure"] == "accuracy"
    table = tables["divergent"].assign(label=tables["divergent"]["reference_prediction"])
    table = table[table["label"] != 7]
    measures = tables.measures.assign(
        reason=tables.measures["reason"].mask(bare, UNLABELLED),
    )
    without = replace(tables, measures=measures, own={**tables.own, "divergent": table})
    found = tmp_path / "report.html"
    text = report.render(without, study.figures, [], title="Without labels", identity="1" * 12)
    found.write_text(text, encoding="utf-8")
    tab.open(address(found, student=STUDENT, order="rho", show="right", **{"class": "3"}))
    own = table[table["model"] == STUDENT]
    agreed = own[(own["prediction"] == 3) & (own["reference_prediction"] == 3)]
    assert len(agreed) and sorted(shown(tab)) == sorted(agreed["index"])
    words = tab.js("document.getElementById('explorer').textContent")
    assert "Class, by the teacher" in words and "predictions agree" in words
    for no in ("True class", "both right", "are right", "✓", "✗"):
        assert no not in words
    offered = tab.js("[...document.getElementById('choose-class').options].map((o) => o.value)")
    known = tables.against_own(table)
    assert offered == ["all", *map(str, sorted(known["label"].unique()))] and "7" not in offered
    described = tab.js("document.querySelector('.card canvas').getAttribute('aria-label')")
    assert described == f"Image that the teacher calls {tables.class_name(3)}"


def test_the_confidence_gap_orders_from_the_largest(tab, page, study):
    tab.open(address(page, student=STUDENT, order="gap", show="all", **{"class": "all"}))
    own = rows(study).set_index("index")
    gaps = (own["confidence"] - own["reference_confidence"]).abs().loc[shown(tab)]
    assert (gaps.diff().dropna() <= 1e-3).all()
    assert gaps.iloc[0] == pytest.approx(
        (own["confidence"] - own["reference_confidence"]).abs().max()
    )


def test_an_address_that_names_nothing_known_keeps_the_defaults(tab, page):
    tab.complaints.clear()
    tab.open(address(page, student="nobody", order="<b>", **{"class": "99"}))
    assert len(shown(tab)) == 24 and tab.complaints == []
    assert tab.js("document.getElementById('choose-student').value") == "medium-kd-T4-a0.9-s1"


def test_keys_move_between_images_and_open_and_close_one(tab, page):
    tab.open(address(page, student=STUDENT, order="rho", show="all", **{"class": "all"}))
    at = f"{CARDS}.indexOf(document.activeElement)"
    tab.js("document.querySelector('.card').focus()")
    tab.press("ArrowRight")
    assert tab.js(at) == 1
    tab.press("ArrowDown")
    assert tab.js(at) == 4
    tab.press("Enter")
    assert tab.js("document.getElementById('detail').open") is True
    index = shown(tab)[4]
    assert f"image {index}" in tab.js("document.getElementById('detail-title').textContent")
    tab.press("ArrowRight")
    index = shown(tab)[5]
    assert f"image {index}" in tab.js("document.getElementById('detail-title').textContent")
    tab.js(
        "window.detailClosed = new Promise((done) => document.getElementById('detail')"
        ".addEventListener('close', () => done(true), { once: true })), 0"
    )
    tab.press("Escape")
    assert tab.js("window.detailClosed")  # the browser tells of it later: then a card has the focus
    assert tab.js("document.getElementById('detail').open") is False
    assert tab.js(at) == 5
    tab.press("End")
    assert tab.js(at) == 23


def test_the_mouse_opens_an_image_and_shows_more(tab, page):
    tab.open(address(page, student=STUDENT, order="rho", show="all", **{"class": "all"}))
    tab.click("#more")
    assert len(shown(tab)) == 48
    tab.click(".card:nth-child(2)")
    assert f"image {shown(tab)[1]}" in tab.js("document.getElementById('detail-title').textContent")
    tab.click("#detail-close")
    assert tab.js("document.getElementById('detail').open") is False


def test_a_card_says_both_predictions_and_confidences(tab, page, study):
    tab.open(address(page, student=STUDENT, order="rho", show="differ", **{"class": "all"}))
    row = rows(study).set_index("index").loc[shown(tab)[0]]
    text = tab.js(f"{CARDS}[0].textContent")
    names = study.tables().classes
    for prediction, confidence in (
        (row["reference_prediction"], row["reference_confidence"]),
        (row["prediction"], row["confidence"]),
    ):
        verdict = "✓ right" if prediction == row["label"] else "✗ wrong"
        assert f"{names[prediction]} {verdict}{100 * confidence:.0f} %" in text


def test_the_browser_paints_the_same_pictures_as_the_figures(tab, page, study):
    tab.open(address(page, student=STUDENT, order="rho", show="all", **{"class": "all"}))
    tables, index = study.tables(), shown(tab)[0]
    row = rows(study).set_index("index").loc[index]
    pixels = tab.js(
        f"[...{CARDS}[0].querySelectorAll('canvas')].map((canvas) => btoa(String.fromCharCode("
        "...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)))"
    )
    image = tables.images[index]
    expected = [
        image,
        pictures.overlay(image, pictures.shown(row["reference_map"], 4, 4)),
        pictures.overlay(image, pictures.shown(row["map"], 4, 4)),
    ]
    for data, wanted in zip(pixels, expected, strict=True):
        painted = np.frombuffer(base64.b64decode(data), np.uint8).reshape(28, 28, 4)[..., :3]
        assert np.abs(painted.astype(int) - wanted).max() <= 3


def test_hostile_names_run_no_script_in_the_browser(tab, hostile):
    page = hostile.report()
    tab.complaints.clear()
    tab.open(address(page, order="rho", **{"class": "0"}))
    assert tab.complaints == []
    chosen = tab.js("document.getElementById('choose-class').selectedOptions[0].textContent")
    assert chosen == "</script><script>alert(1)</script>"
