"""What a wheel takes along, and the versions that stand in three places."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tests.lowest import lowest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PLAIN = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
EXTRAS = {
    name: [Requirement(text) for text in texts]
    for name, texts in PROJECT["project"]["optional-dependencies"].items()
}


def pins(lines: list[str]) -> dict[str, Version]:
    """Of lines `name==version`, each package once."""
    found = [line.partition("==") for line in lines if not line.startswith("#")]
    assert len({name for name, _, _ in found}) == len(found)
    return {name: Version(version) for name, _, version in found}


CONSTRAINTS = pins((ROOT / "constraints.txt").read_text().split("\n")[:-1])


def test_every_dependency_has_an_exact_version_within_its_range():
    named = [*PLAIN, *(each for extra in EXTRAS.values() for each in extra)]
    assert {each.name for each in named} == set(CONSTRAINTS)
    outside = [str(each) for each in named if CONSTRAINTS[each.name] not in each.specifier]
    assert outside == []


def test_the_workflow_wants_the_snakemake_of_the_range():
    """A clone may be run by a Snakemake that pip did not choose."""
    asked = re.search(r'^min_version\("(.+)"\)$', (ROOT / "Snakefile").read_text(), re.MULTILINE)
    (snakemake,) = (each for each in PLAIN if each.name == "snakemake")
    assert f">={asked[1]}" in str(snakemake.specifier).split(",")


def test_what_people_install_has_a_range_and_no_pin():
    """A lowest version and the next that may break, so that it goes beside other packages."""
    extras = ("timm", "onnx", "regions", "language")
    shipped = [*PLAIN, *(each for name in extras for each in EXTRAS[name])]
    for each in shipped:
        assert {part.operator for part in each.specifier} == {">=", "<"}, str(each)


def test_the_environment_of_conda_has_the_exact_versions():
    content = yaml.safe_load((ROOT / "envs/distilscope.yaml").read_text())
    packages = next(each["pip"] for each in content["dependencies"] if isinstance(each, dict))
    jobs = {each.name for each in PLAIN} - {"snakemake"}  # which conda's environments run below
    assert pins(packages) == {name: CONSTRAINTS[name] for name in jobs}


def test_make_installs_the_exact_versions():
    installs = re.findall(r"\$\((\w+)\)\S*pip install .* -c (\S+)", MAKEFILE)
    assert len(installs) == MAKEFILE.count("pip install")
    assert set(installs) == {("BIN", "constraints.txt"), ("LOWEST", "$(LOWEST)/constraints.txt")}


def test_the_lowest_of_each_range_is_what_pip_is_held_to():
    """Of all that people install: `make lowest` tries them together."""
    extras = ("timm", "onnx", "regions", "language", "slurm", "generic", "kubernetes")
    shipped = [*PLAIN, *(each for name in extras for each in EXTRAS[name])]
    found = pins(lowest(PROJECT["project"]))
    assert set(found) == {each.name for each in shipped}
    for each in shipped:
        assert found[each.name] in each.specifier, str(each)
        below = next(part for part in each.specifier if part.operator == ">=")
        assert found[each.name] == Version(below.version)


def shipped() -> dict[str, Path]:
    """Path below `share/distilscope` -> the file that goes there."""
    return {
        f"{place}/{path.name}".removeprefix("share/distilscope/"): path
        for place, patterns in PROJECT["tool"]["setuptools"]["data-files"].items()
        for pattern in patterns
        for path in ROOT.glob(pattern)
    }


@pytest.mark.parametrize("folder", ["rules", "workflow", "envs", "profiles", "resources"])
def test_a_wheel_takes_every_file_of_the_workflow_along(folder):
    there = {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert there and there - set(shipped()) == set()


def test_a_file_lies_in_a_wheel_as_it_lies_in_a_clone():
    """So that the paths in the rules hold."""
    assert {path: str(file.relative_to(ROOT)) for path, file in shipped().items()} == {
        path: path for path in shipped()
    }
    assert {"Snakefile", "config/config.yaml"} <= set(shipped())


def test_a_wheel_takes_every_template_of_the_package_along():
    """Whatever lies in the package beside its modules."""
    package = ROOT / "src/distilscope"
    data = PROJECT["tool"]["setuptools"]["package-data"]
    taken = {
        path
        for name, patterns in data.items()
        for pattern in patterns
        for path in package.joinpath(*name.split(".")[1:]).glob(pattern)
    }
    others = {
        path for path in package.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert others - taken == set()
