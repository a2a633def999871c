import pytest

from distilscope.analyses.alignment.sections import image_specific


def test_a_row_says_what_the_primary_measure_rests_on(study):
    found = {row.condition.label: row for row in image_specific.rows(study.tables())}
    assert not any(row.condition.role == "teacher" for row in found.values())
    row = found["tiny T=4"]
    q = 0.5 + 0.04 + 0.01
    numbers = {name: own.value for name, own in row.numbers.items()}
    assert numbers == pytest.approx(
        {
            "image_specific_rho": 0.52 * q - 0.01,
            "null_image_specific_rho": -0.003 * q,
            "partial_image_specific_rho": 0.4 * q,
            "image_specific_share": 0.1 + 0.1 * q,
            "reference_image_specific_share": 0.18,
            "image_specific_rho_unit": 0.52 * q + 0.01,
            "null_image_specific_rho_unit": 0.02 * q,
        }
    )
    classes = len(study.tables().classes)
    assert (row.null_low, row.null_high) == pytest.approx((-0.005, 0.001 * (classes - 1) - 0.005))
    assert row.n == "1,593"


def test_the_report_has_the_row_one_click_from_the_summary(page):
    html = page.read_text()
    assert 'href="#image-specific"' in html
    details = html.split('id="image-specific"')[1].split("</details>")[0]
    assert "tiny T=4" in details and "1,593" in details and "Null by class" in details
