import pandas as pd

from distilscope.analyses.alignment.sections import image_specific


def test_a_row_says_what_the_primary_measure_rests_on(study):
    rows = {row[0]: row for row in image_specific.context(study.tables())["grid"].rows}
    assert "Teacher" not in rows and len(rows) == 10
    q = 0.5 + 0.04 + 0.01
    rho, partial = 0.52 * q - 0.01, 0.4 * q
    last = 0.001 * (len(study.tables().classes) - 1) - 0.005
    assert list(rows["tiny T=4"][1:]) == [
        f"{rho:.3f} [{rho - 0.014:.3f}, {rho + 0.014:.3f}]",
        f"−{0.003 * q:.3f}",
        f"−0.005 to {last:.3f}",
        f"{partial:.3f} [{partial - 0.014:.3f}, {partial + 0.014:.3f}]",
        f"{0.1 + 0.1 * q:.3f}",
        "0.180",
        f"{0.52 * q + 0.01:.3f} ({0.02 * q:.3f})",
        "1,593",
        "0",
    ]


def test_counts_of_models_that_differ_are_a_span(study):
    tables = study.tables()
    own = tables.measures["model"] == "tiny-kd-T4-a0.9-s1"
    twice = tables.measures[own].assign(model="tiny-kd-T4-a0.9-s2", n=1601)
    models = tables.models[tables.models["id"] == "tiny-kd-T4-a0.9-s1"]
    several = study.tables(
        measures=pd.concat([tables.measures, twice], ignore_index=True),
        models=pd.concat([tables.models, models.assign(id="tiny-kd-T4-a0.9-s2", seed=2)]),
    )
    rows = {row[0]: row for row in image_specific.context(several)["grid"].rows}
    assert rows["tiny T=4"][-2] == "1,593 to 1,601"


def test_the_report_has_the_row_one_click_from_the_summary(page):
    html = page.read_text()
    assert 'href="#image-specific"' in html
    details = html.split('id="image-specific"')[1].split("</details>")[0]
    assert "tiny T=4" in details and "1,593" in details and "Null by class" in details
