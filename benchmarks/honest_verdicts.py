"""How often a claim is called `supported` that is not so, by simulation.

Studies are made up from per-image records: every image has an effect that all models share, every
model has a seed effect, every record has noise; a study's numbers are means of them, its ECE is
binned from them. They go through the code that judges a real study, with the claims that ship.

1. No effect: every condition has the same distribution and so has the twin. At 3 and 6 seeds, with
   normal effects and with effects skewed either way, with one teacher and its twin and with all
   pairs of three teachers and a twin: the share of studies with a false `supported`, by claim, by
   family and of the whole file, with its upper 95 % bound.
2. At the border: the truth is exactly delta, the hardest case that a rule has, with seeds skewed
   as strongly as an exponential. What no interval from so few seeds can be safe from is shown,
   not judged: a condition against a constant or a twin, skewed against the claim's direction.
3. Planted: a true effect, the seeds that `seeds_to_decide` says 80 % of studies need, and the
   share that is decided with so many.
4. With --tables: a real null, the seeds of each real condition split into two halves in all ways.

    python benchmarks/honest_verdicts.py [--studies 2000] [--tables FOLDER]

Exit code 1: a bound of part 1, of paired conditions in part 2, or a rate of part 4 is over 6 %, or
a power of part 3 is under 80 % beyond chance.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

from distilscope.configuration import claims
from distilscope.measuring.claim_rows import values_of
from distilscope.planning.conditions import Condition
from distilscope.planning.labels import key
from distilscope.statistics.contrasts import Contrast, seeds_needed
from distilscope.statistics.values import NotTested, Values, Where
from distilscope.statistics.verdicts import SUPPORTED, contrasts_of, decide, joint_interval

ROOT = Path(__file__).resolve().parents[1]
CLAIMS = ROOT / "resources/published/reasoning-consistency.yaml"
IMAGES, CLASSES, BINS = 300, 10, 15
ALLOWED = 0.06
PAIRED = "two conditions paired by seed"

TEACHER = Condition("teacher", "teacher", objective="ce")
TWIN = replace(TEACHER, role="twin")
MEDIUM = Condition(
    "student",
    "medium",
    objective="kd",
    parameters=(("T", 4.0), ("alpha", 0.9)),
    teachers=("teacher",),
)
STUDENTS = (
    *(replace(MEDIUM, network=student) for student in ("tiny", "small", "medium")),
    *(Condition("control", student, objective="ce") for student in ("tiny", "small", "medium")),
    *(replace(MEDIUM, parameters=(("T", T), ("alpha", 0.9))) for T in (2.0, 8.0)),
    replace(MEDIUM, role="twin-taught"),
)
CONDITIONS = {key(condition): condition for condition in (TEACHER, TWIN, *STUDENTS)}

SHAPES: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "normal": lambda generator, shape: generator.standard_normal(shape),
    "skewed up": lambda generator, shape: generator.standard_exponential(shape) - 1,
    "skewed down": lambda generator, shape: 1 - generator.standard_exponential(shape),
}


# ------------------------------------------------------------------------------------ one study


def made_study(
    generator: np.random.Generator, seeds: int, shape: str, lift: float = 0.0, teachers: int = 1
) -> Values:
    """The numbers of a made-up study. `lift` raises the skill of the distilled medium at T = 4.

    With several teachers seed i is compared with teacher i mod m, whose effect it shares, and the
    twins are all pairs of the teachers and one twin.
    """
    draw = SHAPES[shape]
    models = [(own, seed) for own in STUDENTS for seed in range(1, seeds + 1)]
    family = [f"t{i}" for i in range(teachers + 1)]  # the last is the twin
    pairs = list(itertools.combinations(range(len(family)), 2))
    n, m = len(models), len(models) + len(family)
    number = np.arange(IMAGES) % CLASSES
    image = 0.8 * draw(generator, (IMAGES,)) + 0.4 * draw(generator, (CLASSES,))[number]
    skill = 1.3 + 0.1 * draw(generator, (m, 1))
    skill[[i for i, (own, _) in enumerate(models) if own == MEDIUM]] += lift
    latent = skill + image + 0.8 * draw(generator, (m, IMAGES))
    correct = latent > 0
    confidence = special.expit(2 * np.abs(latent) + 0.3 * draw(generator, (m, 1)))
    common = correct[-1] & (image > np.quantile(image, 0.1))
    place = 0.2 * draw(generator, (IMAGES,)) + 0.1 * draw(generator, (CLASSES,))[number]

    effect = _effects(draw, generator, models, pairs, teachers)
    likeness = (n + len(pairs), IMAGES)
    rho = 0.6 + 0.03 * effect + place + 0.2 * draw(generator, likeness)
    own = 0.4 + 0.03 * effect + 0.3 * draw(generator, likeness)
    null = 0.02 * draw(generator, (len(effect), 1)) / np.sqrt(IMAGES)
    single = {
        ("accuracy", "all", None): correct.mean(axis=1),
        ("ece", "all", None): ece(confidence, correct),
    }
    paired = {
        ("rho", "common", None): rho[:, common].mean(axis=1),
        ("image_specific_rho", "common", None): own[:, common].mean(axis=1),
        ("null_image_specific_rho", "common", None): null[:, 0],
    }
    for c in range(CLASSES):
        single["accuracy", "all", c] = correct[:, number == c].mean(axis=1)
        chosen = rho[:, common & (number == c)]
        undefined = np.full(len(rho), np.nan)
        paired["rho", "common", c] = chosen.mean(axis=1) if chosen.size else undefined

    names = [f"{key(own)}-s{seed}" for own, seed in models]
    references = [family[(seed - 1) % teachers] for _, seed in models]
    of_pairs = [(family[b], family[a]) for a, b in pairs]
    values = Values(
        {
            **{name: (key(own), seed) for name, (own, seed) in zip(names, models, strict=True)},
            **{name: (key(TEACHER), seed) for seed, name in enumerate(family[:-1])},
            family[-1]: (key(TWIN), teachers),
        },
        CONDITIONS,
        CLASSES,
    )
    for where, column in single.items():
        alone = [(name, None) for name in [*names, *family]]
        values.numbers[where] = dict(zip(alone, column.tolist(), strict=True))
    for where, column in paired.items():
        beside = [*zip(names, references, strict=True), *of_pairs]
        values.numbers[where] = dict(zip(beside, column.tolist(), strict=True))
    values.relations |= {n: {r: "teacher"} for n, r in zip(names, references, strict=True)}
    for name in family[1:] if teachers == 1 else family:  # a single teacher is no twin of itself
        values.relations[name] = dict.fromkeys((r for r in family if r != name), "twin")
    return values


def _effects(
    draw: Callable,
    generator: np.random.Generator,
    models: list[tuple[Condition, int]],
    pairs: list[tuple[int, int]],
    teachers: int,
) -> np.ndarray:
    """(models + pairs, 1): a model's own effect with its teacher's, a pair's with both members'."""
    own, members = draw(generator, (len(models),)), draw(generator, (teachers + 1,))
    if teachers == 1:
        return np.concatenate([own, members[1:]])[:, None]
    taught = members[[(seed - 1) % teachers for _, seed in models]]
    both = [members[a] + members[b] for a, b in pairs]
    return np.concatenate([own + taught, both])[:, None] / np.sqrt(2)


def ece(confidence: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """(n,) expected calibration errors of (n, images), over equal-width bins."""
    n, images = confidence.shape
    assigned = np.minimum((confidence * BINS).astype(int), BINS - 1) + BINS * np.arange(n)[:, None]
    gaps = np.bincount(assigned.ravel(), (correct - confidence).ravel(), n * BINS)
    return np.abs(gaps.reshape(n, BINS)).sum(axis=1) / images


def verdicts(file: claims.Claims, values: Values) -> dict[str, str]:
    """Claim id -> verdict, as `judge` reaches it, without the tests beside it."""
    sizes = file.family_sizes
    found = {}
    for claim in file.claims:
        try:
            contrasts = contrasts_of(claim, values)
        except NotTested:  # too few seeds for a regression
            continue
        _, low, high = joint_interval(contrasts, claim.error_rate / sizes[claim.family])
        found[claim.id] = decide(low, high, claim.delta)
    return found


# ---------------------------------------------------------------------------------------- parts


def no_effect(file: claims.Claims, studies: int) -> Iterator[dict[str, Any]]:
    """A row for each number of seeds, shape, and claim, family or whole file."""
    for seeds, shape, teachers in itertools.product((3, 6), SHAPES, (1, 3)):
        generator = np.random.default_rng([1, seeds, list(SHAPES).index(shape), teachers])
        hits: dict[str, int] = {}
        for _ in range(studies):
            made = made_study(generator, seeds, shape, teachers=teachers)
            false = {n for n, verdict in verdicts(file, made).items() if verdict == SUPPORTED}
            families = {f"family {c.family}" for c in file.claims if c.id in false}
            for name in false | families | ({"any claim of the file"} if false else set()):
                hits[name] = hits.get(name, 0) + 1
        names = [c.id for c in file.claims] + [f"family {name}" for name in file.family_sizes]
        for name in [*names, "any claim of the file"]:
            where = f"{seeds} seeds, {shape}, {teachers} t."
            yield _rate("no effect", where, name, hits.get(name, 0), studies)


def at_the_border(studies: int) -> Iterator[dict[str, Any]]:
    """A row for each number of seeds, shape, kind of contrast and size of the family.

    Two conditions of one shape differ symmetrically, one against a twin or a constant does not.
    """
    for seeds, shape, size in itertools.product((3, 6), SHAPES, (1, 3)):
        draw = SHAPES[shape]
        generator = np.random.default_rng([2, seeds, list(SHAPES).index(shape), size])
        hits = {PAIRED: 0, "against one twin": 0, "against a constant": 0}
        for _ in range(studies):
            own, other, twin = (draw(generator, (n,)) for n in (seeds, seeds, 1))
            of_kind = zip(hits, ((own - other, ()), (own, twin), (own, ())), strict=True)
            for kind, (values, against) in of_kind:
                contrast = Contrast(0.5 + values, np.array(against))
                hits[kind] += decide(*contrast.interval(0.05 / size), 0.5) == SUPPORTED
        for kind, count in hits.items():
            what = f"{kind}, family of {size}"
            yield _rate("border", f"{seeds} seeds, {shape}", what, count, studies)


def planted(file: claims.Claims, studies: int) -> Iterator[dict[str, Any]]:
    """Rows of power at the number of seeds that is printed: of contrasts, and of whole studies."""
    for size, strength in itertools.product((1, 3), (0.75, 1.5, 3.0)):
        seeds = seeds_needed(strength, 1.0, 0.05 / size)
        generator = np.random.default_rng([3, size, round(100 * strength)])
        hits = 0
        for _ in range(studies):
            values = 0.5 + strength + generator.standard_normal(seeds)
            contrast = Contrast(values)
            hits += decide(*contrast.interval(0.05 / size), 0.5) == SUPPORTED
        what = f"{strength} sd above delta, family of {size}"
        yield _rate("planted", f"{seeds} seeds needed", what, hits, studies)
    yield _planted_study(file, studies)


def _planted_study(file: claims.Claims, studies: int) -> dict[str, Any]:
    """Accuracy raised by distillation, from images to verdict."""
    claim = next(c for c in file.claims if c.statement.form == "paired-difference")
    error_rate = claim.error_rate / file.family_sizes[claim.family]
    generator = np.random.default_rng(4)
    pilot = contrasts_of(claim, made_study(generator, 400, "normal", lift=0.2))[0]
    seeds = seeds_needed(pilot.value - claim.delta, pilot.spread, error_rate)
    hits = 0
    for _ in range(studies):
        found = contrasts_of(claim, made_study(generator, seeds, "normal", lift=0.2))
        hits += decide(*joint_interval(found, error_rate)[1:], claim.delta) == SUPPORTED
    what = f"{claim.id}: {pilot.value:.3f}, sd {pilot.spread:.3f} (from images)"
    return _rate("planted", f"{seeds} seeds needed", what, hits, studies)


def real_null(file: claims.Claims, tables: Path) -> Iterator[dict[str, Any]]:
    """A row for each measure that claims compare conditions by: halves of each one's seeds."""
    names = ("measures", "models", "conditions")
    measures, models, conditions = (pd.read_parquet(tables / f"{n}.parquet") for n in names)
    known = {row["condition"]: Condition.of(row) for row in conditions.to_dict("records")}
    values = values_of(measures, models, known, CLASSES)
    for claim in file.claims:
        if claim.statement.form not in ("paired-difference", "best-of"):
            continue
        where = (claim.statement.measure, claim.statement.subset, None)
        error_rate = claim.error_rate / file.family_sizes[claim.family]
        splits = list(_halves(values, where))
        hits = sum(
            decide(*Contrast(split).interval(error_rate), claim.delta) == SUPPORTED
            for split in splits
        )
        if splits:
            yield _rate("real null", "halves of one condition", claim.id, hits, len(splits))


def _halves(values: Values, where: Where) -> Iterator[np.ndarray]:
    """(n // 2,) differences of one half of a condition's seeds and the other, in all ways."""
    numbers = values.numbers.get(where, {})
    for models in values.by_seed.values():
        pairs = [(m, r) for m in models.values() for r in (None, *values.own_references(m)[:1])]
        found = np.array([numbers[pair] for pair in pairs if pair in numbers])
        half = len(found) // 2
        if half < 2:
            continue
        for first in itertools.combinations(range(len(found)), half):
            rest = [i for i in range(len(found)) if i not in first]
            for second in itertools.combinations(rest, half):
                yield found[list(first)] - found[list(second)]


def _rate(part: str, where: str, what: str, hits: int, of: int) -> dict[str, Any]:
    """A rate with its lower and its upper 95 % bound (Clopper and Pearson)."""
    bounds = stats.binomtest(hits, of).proportion_ci(0.9, method="exact")
    return {
        "part": part,
        "where": where,
        "what": what,
        "supported": hits,
        "of": of,
        "rate": hits / of,
        "low95": float(bounds.low),
        "high95": float(bounds.high),
    }


def failures(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that miss what is asked of them. Splits of a condition overlap, so their rate counts."""
    return [
        row
        for row in rows
        if (row["part"] == "no effect" and row["high95"] > ALLOWED)
        or (row["part"] == "border" and row["what"].startswith(PAIRED) and row["high95"] > ALLOWED)
        or (row["part"] == "real null" and row["rate"] > ALLOWED)
        or (row["part"] == "planted" and row["high95"] < 0.8)
    ]


def main() -> int:
    """Run the parts, print the table and write it as CSV."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies a setting")
    parser.add_argument("--tables", type=Path, help="tables of a study with >= 4 seeds")
    parser.add_argument("--out", type=Path, default=ROOT / "results/benchmarks")
    given = parser.parse_args()
    file = claims.load(CLAIMS.name, [CLAIMS.parent])
    parts = [
        no_effect(file, given.studies),
        at_the_border(given.studies),
        planted(file, given.studies),
    ]
    if given.tables:
        parts.append(real_null(file, given.tables))
    rows = []
    for row in itertools.chain(*parts):
        rows.append(row)
        print(
            f"{row['part']:<10} {row['where']:<28} {row['what']:<52} "
            f"{row['rate']:7.2%}  [{row['low95']:.2%}, {row['high95']:.2%}]",
            flush=True,
        )
    given.out.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(given.out / "honest_verdicts.csv", index=False)
    failed = failures(rows)
    for row in failed:
        print(f"FAILED: {row['part']}, {row['where']}, {row['what']}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
