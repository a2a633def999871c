"""Mutated configurations: each is accepted and planned, or refused with the key that is wrong."""

from __future__ import annotations

import copy
import datetime
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse
from distilscope.planning import record
from distilscope.planning.study import Study

from . import studies

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
"""What the name of an artefact may consist of: nothing that a shell or a path would read."""

FULL = {
    **studies.SMALL,
    "scale": "laptop",
    "threads": 1,
    "allow_code": True,
    "data_folder": "data",
    "recipes": {
        **studies.SMALL["recipes"],
        "other": {
            "epochs": 4,
            "batch": 16,
            "optimizer": {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.0005, "nesterov": True},
            "schedule": {"name": "steps", "milestones": [2], "gamma": 0.1, "warmup_epochs": 1},
            "views": {"policy": "crop-flip", "pad": 2, "per_image": "all"},
            "targets": "online",
        },
    },
    "teachers": {
        "teacher": {**studies.SMALL["teachers"]["teacher"], "twins": [2], "init": "random"},
        "second": {"architecture": "resnet18", "settings": {"width": 8}, "recipe": "teacher"},
    },
    "students": {
        **studies.SMALL["students"],
        "wide": {
            "architecture": "plain-tiny",
            "settings": {"widths": [8, 16, 32], "pools": [1, 2]},
            "recipe": "student",
            "override": {"optimizer": {"lr": 0.02}},
            "explained": ["block3"],
        },
        "own": {
            "architecture": "distilscope.models.plain:build",
            "settings": {"widths": [8, 16], "pools": [1], "scale": 1.5, "deep": {"a": [None]}},
            "layers": {"first": "blocks.block1", "last": "blocks.block2"},
            "explained": ["last"],
            "head": "head",
            "recipe": "other",
        },
    },
    "grid": [
        {"objective": "kd", "students": ["tiny", "wide"], "T": [2, 4], "alpha": [0.5, 0.9]},
        {"objective": "kd", "students": ["tiny"], "teachers": ["second"], "T": 4, "alpha": 0.9},
        {
            "objective": "kd",
            "students": ["tiny"],
            "T": 4,
            "alpha": 0.9,
            "committee": [["teacher.2", "second"]],
            "combine": "logits",
        },
        {"objective": "ce", "students": ["tiny", "own"], "seeds": [1, 2]},
    ],
    "floors": ["tiny"],
    "observe": {**studies.SMALL["observe"], "ig_steps": 4, "reductions": ["gap"]},
    "compare": ["teacher", "committee", "twin", "peer"],
    "statistics": {"bootstrap": 100, "level": 0.9, "seed": 1},
    "analyses": {
        **studies.SMALL["analyses"],
        "outputs": {"ece_bins": 5},
        "alignment": {"top": 0.2, "folds": 2, "shuffles": 20, "minimum_class": 2, "seed": 1},
        "representation": {"neighbours": 4},
        "randomisation": {"model": "tiny", "modes": ["cascade"], "layers": ["block3"], "seed": 9},
        "shortcuts": {"rate": 0.1, "causal": {"top": 0.2, "seed": 0}},
        "parts": {
            "source": "grid",
            "settings": {"rows": 2, "columns": 2},
            "variants": ["mass_absolute"],
            "headline": {"method": "saliency", "variant": "mass_absolute"},
        },
    },
}
"""Nearly every key of a configuration."""

VALUES = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 2, 3.5, -0.0, 1e-300, 10**30, 10**400, 1e400, float("nan")),
        *("", " ", "x", "1e-1", "nan", "inf", "null", "-", ".", "..", "../x", "a/b", "/no/such"),
        *(
            "a; rm -rf x",
            "$(touch x)",
            "`id`",
            "{model}",
            "{{",
            "%s",
            "*",
            "a\nb",
            "a\0b",
            "é",
            "鞋",
        ),
        *("\ud800", "x" * 5000, "~no-such-user/x", "$NOWHERE/x", "<b>", "'", '"', "\\"),
        *("tiny", "teacher", "second", "kd", "ce", "all", "gradcam", "resnet18", "random"),
        *("imagenet", "torchvision/resnet18", "torchvision/nothing", "torchvision/"),
        *("no.module:build", "os:system", "math:sin", ":", "a:", ":b", "..a:b", "os.path.no:x"),
        *([], [None], [1], [1, 1], [[]], ["x"], ["tiny", "tiny"], [0.5, "a"], [2, 4, float("inf")]),
        *({}, {"x": 1}, {"name": "x"}, {1: 2}, {"": ""}, {"lr": 0.1}, {"widths": "x"}),
        *(datetime.date(2026, 8, 1), {"deep": {"er": datetime.date(2026, 8, 1)}}, {1, 2}, b"x"),
        *({"widths": []}, {"widths": [8, -1, 3]}, {"block1": "blocks.0"}, {None: None}),
    ]
)

Place = tuple[str | int, ...]


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Where every value of a configuration stands."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*here, key)
        if isinstance(item, (dict, list)):
            yield from places(item, (*here, key))


PLACES = list(places(FULL))


@st.composite
def mutated(draw) -> tuple[dict, list[Place]]:
    """A configuration with one to three mutations, and where they are."""
    made, changed = copy.deepcopy(FULL), []
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(PLACES))
        parent = _parent(made, place)
        if parent is None:
            continue
        act = draw(st.sampled_from(["replace", "replace", "remove", "misspell", "copy"]))
        if act == "remove":
            del parent[place[-1]]
        elif act == "misspell" and isinstance(parent, dict):
            name = str(place[-1]) + draw(st.sampled_from(["s", "", " ", "_", "-x", "é"]))
            parent[name] = parent.pop(place[-1])
            changed.append((*place[:-1], name))
        elif act == "copy":
            other = draw(st.sampled_from(PLACES))
            source = _parent(FULL, other)
            parent[place[-1]] = copy.deepcopy(source[other[-1]])
        else:
            parent[place[-1]] = copy.deepcopy(draw(VALUES))
        changed.append(place)
    return made, changed


def _parent(made: Any, place: Place) -> Any:
    """The mapping or list that holds a place, or None where an earlier mutation took it."""
    for key in place[:-1]:
        try:
            made = made[key]
        except (KeyError, IndexError, TypeError):
            return None
    held = isinstance(made, dict) and place[-1] in made
    numbered = isinstance(made, list) and isinstance(place[-1], int) and place[-1] < len(made)
    return made if held or numbered else None


def planned(raw: dict) -> Study:
    """The whole plan of a configuration, as a run would ask for it."""
    configuration = parse(raw)
    study = Study(configuration, "fp32", studies.REPOSITORY)
    assert study.models
    for artefact in study.artefacts.values():
        assert artefact.folder.parent.parent == studies.STORE
        assert SAFE.fullmatch(artefact.name), artefact.name
        assert len(artefact.name.encode()) < 200
        artefact.job()
        assert artefact.outputs[-1] == "run.json"
    assert study.published.parent == Path("results")
    record.describe(study)
    return study


def is_told(raw: dict, changed: list[Place]) -> None:
    """A configuration is planned, or refused with one of the changed keys (or its singular)."""
    try:
        planned(raw)
    except ConfigurationError as fault:
        said = str(fault)
        keys = {str(key).rstrip("s") for place in changed for key in place if key != ""}
        assert any(key in said for key in keys), f"{changed} is refused without its key: {said}"


@pytest.fixture(scope="module", autouse=True)
def somewhere(tmp_path_factory):
    """Digests of the bundled images are remembered below the working directory."""
    with studies.inside(tmp_path_factory.mktemp("fuzz")):
        planned(FULL)
        yield


def fuzz(examples: int):
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        suppress_health_check=checks,
    )  # fmt: skip


@fuzz(60)
@given(mutated())
def test_a_mutated_configuration_is_planned_or_refused_by_its_key(case):
    is_told(*case)


@pytest.mark.long(3)
@pytest.mark.timeout(1800)
@fuzz(1000)
@given(mutated())
def test_a_thousand_mutated_configurations_are_planned_or_refused_by_their_key(case):
    is_told(*case)


@pytest.mark.long(3)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_every_key_takes_every_value_or_refuses_it_by_its_name(place):
    failures = []
    for value in VALUES.elements:
        made = copy.deepcopy(FULL)
        _parent(made, place)[place[-1]] = copy.deepcopy(value)
        try:
            is_told(made, [place])
        except Exception as error:
            failures.append(f"{value!r:.60}: {type(error).__name__}: {error!s:.200}")
    assert not failures
