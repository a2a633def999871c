"""Which measure of alignment is 0 for unrelated models and finds what two models share: simulated.

Maps of two models are made up, 400 images of 4 classes on 8x8 pixels unless said otherwise, and go
through each candidate. All see the same average ranks. `u`, `v` are the two models' residuals.

    unit           mean over images of cos(u, v), u: ranks less the class mean of other folds
                   (what was published as image-specific rho until version 0.1)
    unit less null the same less its own within-class null, the mean of cos(u_i, v_j) over all j
    pooled         sum <u, v> / sqrt(sum |u|^2 sum |v|^2), with the same cross-fitted residuals
    centred ranks  the pooled form with residuals from the class mean of the very images that are
                   summed over, ranks as they are, pooled over classes
    centred        the same of ranks scaled to length 1 by image, by class, averaged over images
    difference     the numerator of `centred`: mean rho less its null over all pairs of images

Beside them stand, for comparison only, `raw` (mean rho by image) and `partial` (mean partial
correlation by image over pixels, given both models' mean rank maps of the class).

RULE OF CHOICE, written before any of it was run. A candidate is admissible if
 1. null: in every scenario where the models are independent given the class, its mean over studies
    is within 0.01 of 0;
 2. scale: two models with equal maps score 1, whatever the maps, and reversed maps -1;
 3. calibration: over planted shares of the image's own variance it never falls, and is within
    0.05 of the share;
 4. intervals: its 95 % interval over images holds the truth in at least 92 % of studies, of all
    images and of one class, at 25 images a class and more.
Of the admissible the one is chosen that finds a planted share of 0.05 most often (interval above
0); of several within two standard errors the one with the fewest settings.

The second number takes the object's place and extent out. Objects are drawn that jitter over a
28x28 image, with maps on a 7x7 grid and on 28x28, by candidates

    linear, quadratic   centre and extent of the object regressed out of the rank maps in a class,
                        as they are, or with their squares and products
    box                 both maps cut to the object's box, brought to 14x14
    box + quadratic     and what the box's place and extent still explain regressed out

RULE OF CHOICE: within 0.05 of 0 on average where the two models look at disjoint halves of the
object and where each looks at parts of its own choice, in every drawn scenario, and above 0.2
where they look at the same part of each image; of several the one with the fewest steps.

WHAT CHANGED AFTER THE FIRST RUN, which the rule did not foresee. (a) No candidate met demand 4, not
even a plain mean of correlations: at 25 images a class they covered 0.88 to 0.95. `centred` was
given the jackknife's slope in small classes (`image_specific.py`), and a rate of 400 studies counts
as met within two of its standard errors. The choice is the same with and without demand 4: `unit`
fails 1, `unit less null` and `difference` fail 2. (b) Power at 0.05 is 1 for all; `centred` and
`centred ranks` have no settings, and `centred` was taken because it splits raw rho exactly. (c)
`linear` is admissible too, at the border (0.05, growing with the jitter), and is one step as
`quadratic` is; `quadratic` is closer to the 0 that is asked for.

    python -m benchmarks.image_specific_rho [--studies 200] [--out results/benchmarks]

Writes image_specific_rho.csv and .png. Exit code 1: the measure that the pipeline uses
(`centred`, and `quadratic` as the second number) breaks its rule.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.image_specific_candidates import candidates, seconds
from benchmarks.made_maps import (
    CLASSES,
    IMAGES,
    UNRELATED,
    chosen_parts,
    class_sizes,
    drawn,
    looks,
    planted,
)
from distilscope.reporting import style
from distilscope.statistics import bootstrap

ROOT = Path(__file__).resolve().parents[1]
REPLICATES = 400
SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
CHOSEN, SECOND = "centred", "quadratic"
BESIDE = ("raw", "partial")
UNBIASED, CALIBRATED, COVERED, APART, FOUND = 0.01, 0.05, 0.92, 0.05, 0.2


# -------------------------------------------------------------------------------- unrelated models


def unrelated(studies: int) -> Iterator[dict[str, Any]]:
    """A row for each scenario and candidate: its mean over studies, with a standard error."""
    for number, (scenario, (make, n)) in enumerate(UNRELATED.items()):
        draw = np.random.default_rng([1, number])
        classes = class_sizes(scenario, n)
        many = studies * max(1, IMAGES // n)
        values = [
            {k: np.nanmean(c) for k, c in candidates(make(draw, classes), make(draw, classes),
                                                     classes).items()}
            for _ in range(many)
        ]  # fmt: skip
        yield from _summary("unrelated", scenario, 0.0, pd.DataFrame(values))


def equal_maps(studies: int) -> Iterator[dict[str, Any]]:
    """Two models with the same maps, and with the same in reverse order."""
    for sign, (number, (scenario, (make, n))) in itertools.product(
        (1, -1), enumerate(UNRELATED.items())
    ):
        draw, classes = np.random.default_rng([2, number]), class_sizes(scenario, n)
        own = make(draw, classes)
        found = candidates(own, sign * own, classes)
        values = pd.DataFrame([{k: np.nanmean(c) for k, c in found.items()}])
        yield from _summary("scale", f"{scenario}, {'equal' if sign > 0 else 'reversed'}",
                            sign, values)  # fmt: skip


# ------------------------------------------------------------------------------ planted content


def calibration(studies: int) -> Iterator[dict[str, Any]]:
    """A row for each planted share and candidate: its mean, and how often it is found."""
    for share in SHARES:
        draw = np.random.default_rng([3, round(100 * share)])
        classes = np.arange(IMAGES) % CLASSES
        resamples = bootstrap.Resamples.draw(IMAGES, REPLICATES)
        values, found = [], []
        for _ in range(studies):
            made = candidates(*planted(share)(draw, classes), classes)
            means = bootstrap.means(np.column_stack(list(made.values())), resamples)
            values.append(dict(zip(made, means.value, strict=True)))
            found.append(dict(zip(made, means.low > 0, strict=True)))
        yield from _summary("planted", f"share {share}", share, pd.DataFrame(values))
        yield from _summary("power", f"share {share}", None, pd.DataFrame(found).astype(float))


def coverage(studies: int) -> Iterator[dict[str, Any]]:
    """How often the interval over images holds the truth, of all images and of one class.

    The truth of a candidate is its mean over many studies of that size: what it estimates.
    """
    cases = itertools.product((25, 100), (0.0, 0.4), (False, True))
    for number, (images, share, second) in enumerate(cases):
        draw = np.random.default_rng([4, number])
        classes = np.arange(images * CLASSES) % CLASSES
        resamples = bootstrap.Resamples.draw(len(classes), 1000)
        for where, rows in (("all", classes >= 0), ("one class", classes == 0)):
            ends = []
            for _ in range(2 * studies):
                made = candidates(*planted(share, second=second)(draw, classes), classes)
                columns = np.column_stack(list(made.values()))[rows]
                ends.append(bootstrap.means(columns, resamples.subset(rows)))
            value, low, high = (np.array([getattr(e, k) for e in ends])
                                for k in ("value", "low", "high"))  # fmt: skip
            truth = value.mean(axis=0)
            holds = pd.DataFrame((low <= truth) & (truth <= high), columns=list(made))
            what = f"{images} a class, share {share}{', second place' if second else ''}, {where}"
            yield from _summary("coverage", what, 0.95, holds.astype(float))


def _summary(
    part: str, scenario: str, truth: float | None, values: pd.DataFrame
) -> Iterator[dict[str, Any]]:
    """A row for each column of (studies, candidates)."""
    for name in values:
        known = values[name].dropna()
        yield {
            "part": part,
            "scenario": scenario,
            "candidate": name,
            "truth": truth,
            "mean": known.mean(),
            "sd": known.std(),
            "se": known.std() / np.sqrt(len(known)) if len(known) > 1 else 0.0,
            "studies": len(known),
        }


# ---------------------------------------------------------------------------------- drawn objects


def objects_drawn(studies: int) -> Iterator[dict[str, Any]]:
    """A row for each way to look, jitter and candidate of the second number."""
    ways = ("disjoint halves", "parts of their own", "the same part")
    settings = itertools.product(ways, (2, 4, 7), (False, True), (False, True))
    for number, (what, jitter, grows, coarse_maps) in enumerate(settings):
        draw = np.random.default_rng([5, number])
        values = []
        for _ in range(max(2, studies // 5)):
            masks, box = drawn(draw, 150, jitter, grows)
            parts = chosen_parts(draw, len(box), what)
            a, b = (looks(draw, box, part, coarse_maps) for part in parts)
            values.append(seconds(a, b, masks))
        sizes, grid = ", sizes" if grows else "", "7x7" if coarse_maps else "28x28"
        scenario = f"{what}, ±{jitter}{sizes}, {grid}"
        yield from _summary("object", scenario, None, pd.DataFrame(values))


# ----------------------------------------------------------------------------------- the verdict


def judged(table: pd.DataFrame) -> pd.DataFrame:
    """Candidate -> which demands of the rule it meets, and its power at a share of 0.05."""
    records = []
    names = table.loc[table["part"] == "unrelated", "candidate"].unique()
    for name in [name for name in names if name not in BESIDE]:
        own = table[table["candidate"] == name].set_index("part")
        off = (own["mean"] - own["truth"]).abs()
        curve = own.loc["planted", "mean"]
        covered = own.loc["coverage", "mean"] + 2 * own.loc["coverage", "se"]
        power = own.loc["power"].set_index("scenario").loc["share 0.05"]
        records.append(
            {
                "candidate": name,
                "null": off["unrelated"].max() <= UNBIASED,
                "scale": off["scale"].max() < 1e-9,
                "calibration": off["planted"].max() <= CALIBRATED and curve.diff().min() >= 0,
                "intervals": covered.min() >= COVERED,
                "worst null": off["unrelated"].max(),
                "worst scale": off["scale"].max(),
                "worst calibration": off["planted"].max(),
                "worst coverage": own.loc["coverage", "mean"].min(),
                "power": power["mean"],
                "power se": power["se"],
            }
        )
    found = pd.DataFrame(records).set_index("candidate")
    found.insert(0, "admissible", found[["null", "scale", "calibration", "intervals"]].all(axis=1))
    return found


def judged_seconds(table: pd.DataFrame) -> pd.DataFrame:
    """Candidate of the second number -> its worst mean in each way to look."""
    own = table[table["part"] == "object"]
    ways = own["scenario"].str.split(",").str[0]
    grouped = own.assign(way=ways, size=own["mean"].abs()).groupby(["candidate", "way"], sort=False)
    found = grouped["size"].max().unstack()
    found["the same part"] = grouped["mean"].min().unstack()["the same part"]
    apart = found[["disjoint halves", "parts of their own"]].max(axis=1) <= APART
    found.insert(0, "admissible", apart & (found["the same part"] > FOUND))
    return found


PARTS_OF_IT = (unrelated, equal_maps, calibration, coverage, objects_drawn)
COLOURS = dict(
    zip(
        ("unit", "unit less null", "pooled", "centred ranks", "centred", "difference"),
        (style.VERMILION, style.ORANGE, style.SKY, style.GREY, style.BLUE, style.PURPLE),
        strict=True,
    )
)


def figure(table: pd.DataFrame) -> Figure:
    """Three panels: unrelated models, planted content, and a drawn object that jitters."""
    with style.applied():
        made = Figure(figsize=(style.WIDE, 3.1))
        null, curve, objects_panel = made.subplots(1, 3, width_ratios=(1.15, 1, 1))
        _null_panel(null, table[table["part"] == "unrelated"])
        _curve_panel(curve, table[table["part"] == "planted"])
        _object_panel(objects_panel, table[table["part"] == "object"])
        made.draw_without_rendering()
    return made


def _null_panel(axes: Any, own: pd.DataFrame) -> None:
    shown = ("unit", "unit less null", "pooled", "centred")
    scenarios = list(own["scenario"].unique())[::-1]
    for name in shown:
        rows = own[own["candidate"] == name].set_index("scenario").loc[scenarios]
        axes.plot(rows["mean"], range(len(scenarios)), "o", color=COLOURS[name], label=name)
    axes.axvline(0, color=style.BLACK, linewidth=0.6)
    axes.set_yticks(range(len(scenarios)), scenarios)
    axes.set_xlabel("mean over studies")
    axes.set_title("a  Nothing shared of an image")
    axes.legend(loc="center right")


def _curve_panel(axes: Any, own: pd.DataFrame) -> None:
    for name in ("unit", "centred", "difference"):
        rows = own[own["candidate"] == name]
        axes.plot(rows["truth"], rows["mean"], "o-", color=COLOURS[name], label=name)
    axes.plot([0, 1], [0, 1], color=style.BLACK, linewidth=0.6)
    axes.set_xlabel("share of the own variance")
    axes.set_title("b  A planted share")
    axes.legend(loc="upper left")


def _object_panel(axes: Any, own: pd.DataFrame) -> None:
    own = own.assign(
        way=own["scenario"].str.split(",").str[0],
        jitter=own["scenario"].str.extract(r"±(\d)")[0].astype(int),
    )
    shown = {"image-specific": style.BLUE, SECOND: style.GREEN}
    marks = {"disjoint halves": "o", "parts of their own": "^", "the same part": "s"}
    for (name, colour), (way, mark) in itertools.product(shown.items(), marks.items()):
        rows = own[(own["candidate"] == name) & (own["way"] == way)]
        curve = rows.groupby("jitter")["mean"].mean()
        label = f"{way}, {'place taken out' if name == SECOND else 'as it is'}"
        axes.plot(curve.index, curve, marker=mark, color=colour, label=label)
    axes.axhline(0, color=style.BLACK, linewidth=0.6)
    axes.set_ylim(-0.05, 0.75)
    axes.set_xlabel("jitter, ± pixels of 28")
    axes.set_title("c  A drawn object that moves")
    axes.legend(loc="upper left", fontsize=6)


def main() -> int:
    """Run the parts, print the tables and write them with the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=200, help="simulated studies a setting")
    parser.add_argument("--out", type=Path, default=ROOT / "results/benchmarks")
    given = parser.parse_args()
    table = pd.DataFrame(itertools.chain(*(part(given.studies) for part in PARTS_OF_IT)))
    given.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(given.out / "image_specific_rho.csv", index=False)
    style.write_png(figure(table), given.out / "image_specific_rho.png")
    first, second = judged(table), judged_seconds(table)
    with pd.option_context("display.width", 120, "display.max_rows", None, "display.precision", 3):
        for part, rows in table.groupby("part", sort=False):
            wide = rows.pivot_table("mean", "scenario", "candidate", sort=False)
            print(f"\n{part}\n{wide.to_string(float_format='{:.3f}'.format)}")
        print(f"\n{first.T.to_string()}\n\n{second.to_string()}")
    met = first.loc[CHOSEN, "admissible"] and second.loc[SECOND, "admissible"]
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
