"""Settings of the analysis, and what the published study plans."""

from pathlib import Path

import pytest
import yaml

from distilscope.analyses.attention import wanted
from distilscope.analyses.attention.strengths import strength
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse
from distilscope.planning.study import Study

REPOSITORY = Path(__file__).parents[3]


def raw(where="laptop", **section):
    made = yaml.safe_load((REPOSITORY / f"config/{where}/attention-diversity.yaml").read_text())
    made["analyses"]["attention"] |= section
    return made


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"views": {"weak": {"policy": "waek"}}}, "did you mean 'weak'"),
        ({"views": {"flip": {"policy": "crop-flip"}}, "base": None}, "no policy that draws"),
        ({"base": "crops"}, "none of its `views`: weak, strong, crop"),
        ({"threshold": 1.0}, "threshold"),
        ({"shuffles": 4}, "expected 5 or more"),
    ],
)
def test_what_the_settings_refuse(section, said):
    with pytest.raises(ConfigurationError, match=said):
        parse(raw(**section))


def test_the_laptop_study_plans_a_pair_of_teachers_for_each_seed():
    study = Study(parse(raw()), "bf16", REPOSITORY)
    strong = [m for m in study.models if m.role == "student" and "strong-a_strong-b" in m.id]
    base = [m for m in strong if m.id.startswith("student-weak")]
    pairs = [m.teachers for m in base]
    assert len(pairs) == 3 and len({name for pair in pairs for name in pair}) == 6
    conditions = study.names
    assert wanted.of_several_strengths(conditions) and wanted.of_several_objectives(conditions)


def test_the_published_study_plans_whole():
    study = Study(parse(raw("paper")), "bf16", REPOSITORY)
    taught = {m.condition for m in study.models if m.role == "student"}
    by_losses = [c for c in taught if dict(c.parameters) == {"T": 3.0, "alpha": 0.4}]
    sizes = [
        len(c.teachers)
        for c in by_losses
        if c.combine in (None, "losses") and not any(t.startswith("g") for t in c.teachers)
    ]
    assert [sizes.count(n) for n in (1, 2, 3)] == [4, 8, 16]
    recipe = next(m for m in study.models if m.role == "student").artefact.settings["recipe"]
    assert recipe["epochs"] == 200 and recipe["schedule"]["milestones"] == [190, 195]


def test_the_strength_of_a_policy():
    assert [strength(v) for v in ("weak", "graded-0.4", "strong")] == [0.0, 0.4, 1.0]
    assert strength("crop-flip") is None and strength(None) is None


def test_figures_of_ablations_are_for_studies_that_have_them():
    made = raw()
    made["grid"] = made["grid"][:2]
    made["teachers"] = {n: t for n, t in made["teachers"].items() if n in ("weak-a", "strong-a")}
    conditions = Study(parse(made), "bf16", REPOSITORY).names
    assert wanted.of_taught(conditions)
    assert not wanted.of_several_strengths(conditions)
    assert not wanted.of_several_objectives(conditions)
